"""What `deploy/` ships, as it runs: an NGINX, and a Gunicorn behind it for each lane of a node."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from tests.live import PASSWORD
from vivace.lab import servers

KEY = "only-for-tests-" + "0123456789" * 5


class Site:
    """An NGINX and the nodes behind it."""

    def __init__(self, port: int, gunicorns: Mapping[str, int]) -> None:
        self.port, self.gunicorns = port, gunicorns

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        source: str = servers.LOOPBACK,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; whoever asks can have an address of its own."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        told = {"Content-Type": "application/json"} if data else {}
        connection = HTTPConnection(
            servers.LOOPBACK, self.port, timeout=60, source_address=(source, 0)
        )
        with closing(connection):
            connection.request(method, path, data, told | dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()

    def bearer(self) -> dict[str, str]:
        login = {"login": "editor", "password": PASSWORD}
        status, _, body = self.ask("POST", "/api/v1/auth/login", login)
        assert status == 200, body
        return {"Authorization": f"Bearer {json.loads(body)['access_token']}"}


def environment(database: str, folder: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database,
        "VIVACE_DATA_DIR": str(folder),
        "VIVACE_SECRET_KEY": KEY,
        "VIVACE_TRUSTED_PROXIES": "unix",
        # Of a day, so that no window ends while a test counts.
        "VIVACE_LOGIN_LIMIT": "5/86400",
        "VIVACE_PUBLIC_READ": "on",
    }


def main_pid(watching: int) -> int:
    """Gunicorn's own process, which a shell watches over."""
    children = psutil.Process(watching).children()
    (found,) = (each.pid for each in children if each.cmdline()[0] == sys.executable)
    return int(found)


def workers_of(pid: int) -> set[int]:
    return {child.pid for child in psutil.Process(pid).children()}


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)
