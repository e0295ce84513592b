"""The modules of Vivace that a serving process loads only with a request, as a JSON list.

python -m tests.late

Asks the library of `tests.live`, once for everything that is not asked in the same way.
"""

import json
import sys
from io import BytesIO
from typing import Any

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
    who = {"token": tokens.issue(Identity(1, "admin"))}
    # Whether those migrations are applied that lie there now.
    assert ask(application, "", PATH_INFO="/readyz")[0] == "200 OK"
    loaded = {*sys.modules}
    login = body({"login": "admin", "password": PASSWORD})
    for path, query in (
        ("/tracks", ""), ("/artists", "q=lvoe"), ("/albums/1", ""), ("/search", "q=lvoe"),
        ("/playlists", ""), ("/me/favourites", ""), ("/me/api-keys", ""), ("/users", ""),
    ):  # fmt: skip
        assert ask(application, path, query, **who)[0][:3] in {"200", "404"}, path
    made = ask(application, "/artists", method="POST", **who, **body({"name": "New"}))
    assert made[0] == "201 Created", made
    assert ask(application, "/auth/login", method="POST", token=None, **login)[0] == "200 OK"
    for path in ("/healthz", "/metrics", "/api/docs", "/admin/login/"):
        told = ask(application, "", PATH_INFO=path, **who)
        assert told[0] == "200 OK", (path, told)
    form = {
        **body("username=admin&password=x"),
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
    }
    ask(application, "", method="POST", PATH_INFO="/admin/login/", **form)
    return sorted(name for name in {*sys.modules} - loaded if name.startswith("vivace."))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
