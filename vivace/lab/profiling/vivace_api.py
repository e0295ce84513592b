"""Vivace itself: a library in the empty database of the settings, and a request for every
operation of its OpenAPI document.
"""

import json
import re
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command

from vivace.lab.profiling.calling import Request, call

ARTISTS, ALBUMS_PER_ARTIST, TRACKS_PER_ALBUM, SEED = 1_000, 2, 10, 1
LOGIN, PASSWORD = "demo", "vivace-demo"
PAGE = {"limit": 100}
JSON = "application/json"
PARAMETER = re.compile(r"(\w[\w-]*)/\{(id|item_id)\}")

Ids = dict[str, str]
"""What a path's id is of → an id that is there."""


def fill() -> None:
    from vivace.dataset.filling import fill as fill_library
    from vivace.dataset.library import library

    call_command("migrate", verbosity=0)
    fill_library(library(ARTISTS, ALBUMS_PER_ARTIST, TRACKS_PER_ALBUM, SEED))


def operations() -> set[str]:
    """The name of each, as `GET /api/v1/tracks`."""
    from vivace.api import documents

    document = documents.document()
    return {f"{method} {path}" for path, method, _ in documents.operations(document)}


def requests(handler: WSGIHandler) -> list[Request]:
    """One for each operation, in the document's order, as an admin who owns some of everything."""
    from vivace.accounts import people, tokens
    from vivace.accounts.identity import Identity
    from vivace.api.documents import document, operations

    admin = people.create("demo@example.org", LOGIN, PASSWORD, role="admin")
    other = people.create("other@example.org", "other", "a password of another")
    headers = {"Authorization": f"Bearer {tokens.issue(Identity(admin.pk, 'admin'))}"}
    owner = Owner(handler, headers)
    ids, spare = owner.own_some_of_everything(), owner.spare()
    ids["users"] = str(other.pk)
    made = []
    for path, method, operation in operations(document()):
        concrete = path.replace("{kind}", "tracks")
        known = ids | spare if method == "DELETE" else ids
        for kind, name in PARAMETER.findall(concrete):
            concrete = concrete.replace(f"{{{name}}}", known[kind], 1)
        media_type, body = body_of(operation, owner.refresh_token, ids)
        query = query_of(operation) if method == "GET" else ""
        made.append(Request(f"{method} {path}", method, concrete, query, headers, body, media_type))
    return made


def query_of(operation: Any) -> str:
    """A page of a hundred where there are pages, and the examples of what has to be asked."""
    asked = [(each["name"], each) for each in operation["parameters"] if each["in"] == "query"]
    needed = {name: each["schema"]["examples"][0] for name, each in asked if each.get("required")}
    return urlencode(needed | (PAGE if "limit" in dict(asked) else {}))


def body_of(operation: Any, refresh_token: str, ids: Ids) -> tuple[str, bytes]:
    """Media type and body of the operation's example, with ids that are there."""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        example = media["example"]
        if isinstance(example, str):
            return media_type, example.encode()
        return media_type, json.dumps(fitted(example, refresh_token, ids)).encode()
    return "", b""


def fitted(example: Any, refresh_token: str, ids: Ids) -> Any:
    match example:
        case list():
            return [fitted(each, refresh_token, ids) for each in example]
        case {"refresh_token": _}:
            return {"refresh_token": refresh_token}
        case dict():
            own = {"artist_id": ids["artists"], "album_id": ids["albums"]}
            return example | {name: id_ for name, id_ in own.items() if name in example}
    return example


class Owner:
    """Somebody who has something of everything, made by the API."""

    def __init__(self, handler: WSGIHandler, headers: dict[str, str]) -> None:
        self.handler, self.headers = handler, headers
        login = {"login": LOGIN, "password": PASSWORD}
        self.refresh_token: str = self.send("POST", "auth/login", login)["refresh_token"]

    def send(self, method: str, path: str, content: Any = None) -> Any:
        body = b"" if content is None else json.dumps(content).encode()
        request = Request(path, method, f"/api/v1/{path}", "", self.headers, body, JSON)
        answer = call(self.handler, request)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body) if answer.body else None

    def first(self, kind: str) -> str:
        (first, *_) = self.send("GET", kind)["items"]
        return str(first["id"])

    def own_some_of_everything(self) -> Ids:
        tracks = [each["id"] for each in self.send("GET", "tracks")["items"]]
        ids = {kind: self.first(kind) for kind in ("artists", "albums", "tracks")}
        ids["playlists"] = self.send("POST", "playlists", {"name": "Late at night"})["id"]
        items = f"playlists/{ids['playlists']}/items"
        self.send("POST", items, {"track_ids": tracks})
        ids["items"] = self.send("GET", items)["items"][0]["id"]
        for track in tracks:
            self.send("PUT", f"me/favourites/tracks/{track}")
        ids["api-keys"] = self.send("POST", "me/api-keys", {"name": "The kitchen"})["id"]
        return {kind: str(id_) for kind, id_ in ids.items()}

    def spare(self) -> Ids:
        """What may be deleted, since nothing is of it."""
        artist = self.send("POST", "artists", {"name": "Nobody yet"})["id"]
        album = self.send("POST", "albums", {"title": "Empty", "artist_id": artist})["id"]
        alone = self.send("POST", "artists", {"name": "Nobody at all"})["id"]
        return {"artists": alone, "albums": album}
