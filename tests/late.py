"""The modules of Vivace that a serving process loads only with a request, as a JSON list.

python -m tests.late

Asks the library of `tests.live`, once for everything that is not asked in the same way.
"""

import json
import sys
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from tests.live import PASSWORD
from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.worker import settle
from vivace.wsgi import application


def body(content: Any) -> dict[str, Any]:
    told = json.dumps(content).encode()
    return {
        "wsgi.input": BytesIO(told),
        "CONTENT_LENGTH": str(len(told)),
        "CONTENT_TYPE": "application/json",
    }


def main() -> list[str]:
    # Which needs the apps, that the application has loaded.
    from tests.wsgi import ask

    settle()
    loaded = {*sys.modules}
    who = {"token": tokens.issue(Identity(1, "admin"))}
    login = body({"login": "admin", "password": PASSWORD})
    for path, query in (
        ("/tracks", ""), ("/artists", "q=lvoe"), ("/albums/1", ""), ("/search", "q=lvoe"),
        ("/playlists", ""), ("/me/favourites", ""), ("/me/api-keys", ""), ("/users", ""),
    ):  # fmt: skip
        assert ask(application, path, query, **who)[0][:3] in {"200", "404"}, path
    made = ask(application, "/artists", method="POST", **who, **body({"name": "New"}))
    assert made[0] == "201 Created", made
    assert ask(application, "/auth/login", method="POST", token=None, **login)[0] == "200 OK"
    for path in ("/healthz", "/readyz", "/metrics", "/api/docs", "/admin/login/"):
        told = ask(application, "", PATH_INFO=path, **who)
        assert told[0] == "200 OK", (path, told)
    log_in_to_admin()
    return sorted(name for name in {*sys.modules} - loaded if name.startswith("vivace."))


def log_in_to_admin() -> None:
    """With a wrong password."""
    from tests.wsgi import ask

    path = {"PATH_INFO": "/admin/login/"}
    cookie = SimpleCookie(ask(application, "", **path)[1]["Set-Cookie"])
    csrf = cookie["csrftoken"].value
    form = urlencode({"csrfmiddlewaretoken": csrf, "username": "admin", "password": "x"}).encode()
    sent: dict[str, Any] = {
        "HTTP_COOKIE": f"csrftoken={csrf}",
        "wsgi.input": BytesIO(form),
        "CONTENT_LENGTH": str(len(form)),
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
    }
    status, _, page = ask(application, "", method="POST", **path, **sent)
    assert status == "200 OK", (status, page)
    assert b"correct username" in page


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
