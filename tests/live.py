"""A running Vivace, as `vivace serve` runs it, with a small library.

The ids of what is in it start from 1: it has a database of its own, empty before.

python -m tests.live tables     migrates an empty database
python -m tests.live library    puts something of everything into it, too
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from vivace.lab.servers import serving

CHECKOUT = Path(__file__).parents[1]
PASSWORD = "vivace-demo"
ROLES = ("listener", "editor", "admin")
"""There is an account of each, by this name and with this password, and an editor `demo`."""

TRACKS = 5


@dataclass(frozen=True)
class Live:
    base: str

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of one request. Bytes are sent as they are."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = Request(self.base + path, data, dict(headers or {}), method=method)  # noqa: S310
        if data is not None:
            request.headers.setdefault("Content-type", "application/json")
        try:
            with urlopen(request, timeout=60) as response:  # noqa: S310 - it is our own server
                return response.status, dict(response.headers.items()), response.read()
        except HTTPError as error:
            return error.code, dict(error.headers.items()), error.read()

    def token(self, name: str) -> str:
        """A new access token: one counts for five minutes."""
        body = {"login": name, "password": PASSWORD}
        status, _, answer = self.send("POST", "/api/v1/auth/login", body)
        assert status == 200, answer
        return str(json.loads(answer)["access_token"])


@contextmanager
def live_server(database_url: str, folder: Path, **settings: str) -> Iterator[Live]:
    """A server until the block ends, with settings by their names in the environment.

    The library is in the database already.
    """
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "VIVACE_DATA_DIR": str(folder),
        "VIVACE_LOGIN_LIMIT": "100000/300",
        "VIVACE_REGISTRATION": "on",
        **settings,
    }

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "vivace", "serve", "--port", str(port), "--workers", "1"]

    with serving(command, answers, folder, env=environment) as port:
        yield Live(f"http://127.0.0.1:{port}")


def answers(port: int) -> bool:
    try:
        urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10).close()
    except (URLError, ConnectionError, TimeoutError):
        return False
    return True


def fill() -> None:
    """Put something of everything into a database that has its tables."""
    from tests import builders
    from vivace.accounts import keys, people
    from vivace.listening import favourites, playlists
    from vivace.listening.playlists import Own

    accounts = [
        people.create(f"{name}@example.org", name, PASSWORD, role)
        for name, role in [*zip(ROLES, ROLES, strict=True), ("demo", "editor")]
    ]
    sigur_ros, simone = builders.artist("Sigur Rós"), builders.artist("Nina Simone")
    takk = builders.album("Takk...", by=sigur_ros, release_date="2005-09-12", genres=["Post-Rock"])
    builders.album("Pastel Blues", by=simone, release_date="1965", type="album")
    tracks = [
        builders.track(f"Number {n}", by=sigur_ros, on=takk, track_number=n, duration_ms=n * 60_000)
        for n in range(1, TRACKS + 1)
    ]
    for account in accounts:
        name = f"What {account.username} likes"
        playlist = playlists.create(account.pk, name=name, description=None, public=True)
        playlists.add(Own(account.pk, playlist.pk), [*map(int, tracks[:3])])
        favourites.add(account.pk, "artists", int(simone))
        keys.create(account.pk, "A player")


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vivace.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    if sys.argv[1] == "library":
        fill()
