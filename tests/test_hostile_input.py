"""Whatever is sent: a problem document says what is wrong with it, and nothing has changed."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Person, Reply, blamed, problem
from tests.operations import OPERATIONS, Operation
from tests.places import Everything, bodies, stored
from vivace.api import bodies as body_limits
from vivace.catalogue.models import Artist

DEEP = 10_000
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}


@pytest.fixture
def there(admin: Person) -> Everything:
    return Everything(admin, 2)


WITH_BODY = [operation for operation in OPERATIONS if operation.takes_body]
PATHS = sorted({operation.path for operation in OPERATIONS})


def each(there: Everything) -> Iterator[tuple[Operation, str]]:
    """Every operation that takes a body, and a path where it would be done."""
    for operation in WITH_BODY:
        yield operation, there.path(operation.path)


NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "space": b" \n",
    "an end too early": b'{"name": "x"',
    "a word": b"nul",
    "another language": b"{'name': 'x'}",
    "a comma too many": b'{"name": "x",}',
    "a comment": b'{"name": "x"} // x',
    "two values": b'{"name": "x"}{"name": "y"}',
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "Latin-1": '{"name": "Björk"}'.encode("latin-1"),
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "half a character": b'{"name": "\xf0\x9f"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "an escaped lone surrogate": b'{"name": "\\ud800"}',
    "a lone low surrogate": b'{"name": "\\udc00x"}',
    "an escape that is none": b'{"name": "\\x41"}',
    "a bare control character": b'{"name": "\x01"}',
    "a bare NUL": b'{"name": "x\0"}',
    "NaN": b"NaN",
    "a field of NaN": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "a number with a zero": b'{"name": 01}',
    "lists without end": b"[" * DEEP,
    "objects without end": b'{"a":' * DEEP,
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a deep field": b'{"name":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a deep item": b"[" * DEEP + b'{"name":"x"}' + b"]" * DEEP,
}


def test_what_is_not_json_is_refused(admin: Person, there: Everything) -> None:
    before = stored()
    for operation, path in each(there):
        for what, body in NOT_JSON.items():
            # A body of nothing does not have its type sent along by itself.
            reply = admin.send(operation.method, path, body, CONTENT_TYPE="application/json")
            assert (operation.name, what, reply.status) == (operation.name, what, 400)
            problem(reply, 400)
    assert stored() == before


NOT_ITS_TYPE = [
    b"null", b"true", b"0", b'""', b'"name"', b"[]", b"[null]", b"[[]]", b'["name"]', b"1e400",
    b"-1e400", b"1" * 5_000, b'{"":null}', b'{"\\u0000":1}', b'{"__class__":{}}', b'{"$ref":"#"}',
    b'{"name":1e400}', b'{"name":' + b"9" * 5_000 + b"}", b'{"name":{"$gt":""}}', b'{"id":"1"}',
]  # fmt: skip


def test_what_is_of_another_type_is_refused(admin: Person, there: Everything) -> None:
    before = stored()
    for operation, path in each(there):
        for body in NOT_ITS_TYPE:
            reply = admin.send(operation.method, path, body)
            assert (operation.name, body, reply.status) == (operation.name, body, 400)
            assert problem(reply, 400)["errors"]
    assert stored() == before


def test_a_field_that_is_not_known_is_refused(admin: Person, there: Everything) -> None:
    before = stored()
    for name, body in bodies(there).items():
        method, template = name.split(" ")
        for extra in ("extra", "id", "created_at", "Name", "name ", ""):
            wrong = [{**item, extra: "x"} for item in body] if isinstance(body, list) else None
            reply = admin.send(method, there.path(template), wrong or {**body, extra: "x"})
            pointer = ("/0" if isinstance(body, list) else "") + f"/{extra}"
            assert (name, extra, blamed(reply, 400)) == (name, extra, [pointer])
    assert stored() == before


@pytest.mark.parametrize(
    "rest",
    [
        b'{"name":',
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP + b"]",
        b'"\xff"]',
        b'{"name":"\\ud800"}]',
        b"nul]",
    ],
    ids=["cut off", "endless", "deep", "not UTF-8", "surrogate", "no word"],
)
def test_a_bad_item_before_what_is_no_json_at_all_is_refused(editor: Person, rest: bytes) -> None:
    reply = editor.send("POST", "artists/bulk", b'[{"name":""},' + rest)
    problem(reply, 400)
    assert not Artist.objects.exists()


# --- The body as a whole ---------------------------------------------------------------------


class Unread:
    """A body of which no byte may be asked for."""

    def read(self, *args: int) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def unread(person: Person, operation: Operation, path: str, **environ: Any) -> Reply:
    environ = {"CONTENT_TYPE": "application/json", "wsgi.input": Unread(), **environ}
    return person.send(operation.method, path, **environ)


def test_a_body_over_the_limit_is_refused_before_it_is_read(
    admin: Person, there: Everything
) -> None:
    for operation, path in each(there):
        for length in (f"{(32 << 20) + 1}", "9" * 30, "9" * 5_000):
            problem(unread(admin, operation, path, CONTENT_LENGTH=length), 413)


def test_a_body_of_the_limit_is_read(editor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"name": "Bj"}'
    monkeypatch.setattr(body_limits, "OF_ONE_MAX", len(body))
    assert editor.send("POST", "artists", body).status == 201
    problem(editor.send("POST", "artists", body + b" "), 413)


@pytest.mark.parametrize(
    ("path", "most"),
    [("auth/logout", 64 << 10), ("auth/refresh", 64 << 10), ("auth/login", 64 << 10),
     ("playlists", 4 << 20), ("artists", 4 << 20), ("artists/bulk", 32 << 20)],
)  # fmt: skip
def test_a_body_is_as_large_as_what_it_is_for(admin: Person, path: str, most: int) -> None:
    operation = next(each for each in WITH_BODY if each.name == f"POST {path}")
    problem(unread(admin, operation, path, CONTENT_LENGTH=str(most + 1)), 413)
    with pytest.raises(AssertionError, match="the body was read"):
        unread(admin, operation, path, CONTENT_LENGTH=str(most))


def test_only_a_number_that_may_be_whole_is_looked_at_again(
    admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read a body that is of another type as whatever it is takes up to 24 times its memory."""
    monkeypatch.setattr(body_limits, "loose", None)
    for body in (b"[{}, {}]", b'{"name": 1.0}', b'{"name": []}', b'{"public": 1.0, "name": "x"}'):
        problem(admin.send("POST", "playlists", body), 400)


def test_whole_numbers_are_told_from_others_item_by_item(editor: Person) -> None:
    track = {"title": "Jóga", "artist_id": "1", "album_id": "1"}
    items = [{**track, "disc_number": 1.0}, {**track, "disc_number": 1.5}, {"disc_number": 1e0}]
    assert blamed(editor.post("tracks/bulk", items), 400) == ["/1/disc_number", "/2/title"]


def test_a_body_without_a_length_is_refused_before_it_is_read(
    admin: Person, there: Everything
) -> None:
    for operation, path in each(there):
        reply = unread(admin, operation, path, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
        problem(reply, 411)


@pytest.mark.parametrize("length", ["x", "-1", "+5", "1e3", "0x10", "5 5", "\xb2", "\xb3\xb2"])
def test_a_length_that_is_no_number_is_refused(editor: Person, length: str) -> None:
    operation = next(operation for operation in WITH_BODY if operation.name == "POST artists")
    problem(unread(editor, operation, "artists", CONTENT_LENGTH=length), 400)


MEDIA_TYPES = [
    "", "text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json",
    "multipart/form-data; boundary=x", "application/x-ndjson", "application/merge-patch+json",
    "application/jsonx", "json", "*/*", "application/json, text/plain",
    "application/json; charset=latin-1", "application/json; charset=utf-16",
]  # fmt: skip


def test_a_body_in_another_form_is_refused(admin: Person, there: Everything) -> None:
    before = stored()
    for operation, path in each(there):
        for media_type in MEDIA_TYPES:
            body = bodies(there).get(operation.name, {})
            reply = admin.send(operation.method, path, body, content_type=media_type)
            assert (operation.name, media_type, reply.status) == (operation.name, media_type, 415)
            problem(reply, 415)
    assert stored() == before


@pytest.mark.parametrize(
    "media_type", ["application/json", "APPLICATION/JSON", "application/json; charset=UTF-8"]
)
def test_json_is_taken_however_it_is_named(editor: Person, media_type: str) -> None:
    reply = editor.send("POST", "artists", {"name": "Björk"}, content_type=media_type)
    assert (reply.status, reply.json["name"]) == (201, "Björk")


# --- Methods, paths and headers --------------------------------------------------------------


def test_what_cannot_be_done_says_what_can(nobody: Person, there: Everything) -> None:
    before = stored()
    for template in PATHS:
        there_is = {operation.method for operation in OPERATIONS if operation.path == template}
        allowed = there_is | ({"HEAD"} if "GET" in there_is else set())
        for method in sorted(METHODS - allowed):
            reply = nobody.send(method, there.path(template), b"x" * (method == "POST"))
            assert (template, method, reply.status) == (template, method, 405)
            assert {*reply.headers["Allow"].split(", ")} == allowed
            if method != "HEAD":
                problem(reply, 405)
    assert stored() == before


NOWHERE = [
    "/", "/nothing", "/api", "/api/v1", "/api/v1/", "/api/v2/artists", "/api/v1/nothing",
    "/api/v1/Artists", "/api/v1/artists/1/nothing", "/api/v1/artists//", "/api/v1//artists",
    "/api/v1/artists/1/albums/1", "/api/v1/artists/1//", "/api/v1/artists.json", "/%00",
    "/api/v1/%ff", "/api/v1/../admin", "/" + "x" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_said_to_be_none(admin: Person, method: str) -> None:
    for path in NOWHERE:
        reply = admin.send(method, path, b"{}" if method == "POST" else None)
        assert (path, reply.status) == (path, 404)
        problem(reply, 404)


@pytest.mark.parametrize("kind", ["artists", "albums", "tracks", "playlists"])
@pytest.mark.parametrize(
    "id_", ["x", "0", "01", "-1", "1.0", "1e1", "%00", "%ff", "1%0a", "%D9%A1"]
)
def test_what_cannot_be_an_id_is_nothing_s(admin: Person, kind: str, id_: str) -> None:
    problem(admin.get(f"{kind}/{id_}"), 404)
    problem(admin.delete(f"{kind}/{id_}"), 404)


QUERIES = [
    "%", "%ff", "=", "&=&", "limit", "limit=%00", "limit=%ff", "a=%ED%A0%80", "limit=1;offset=1",
    "limit=5#", "&".join(f"a{n}=1" for n in range(1_001)), "&".join(["limit=1"] * 1_001),
    "q=" + "x" * 100_000,
]  # fmt: skip


def test_a_query_that_makes_no_sense_is_refused(admin: Person, there: Everything) -> None:
    for template in ("artists", "artists/<id>", "tracks", "genres", "playlists", "users"):
        for query in QUERIES:
            reply = admin.send("GET", there.path(template), QUERY_STRING=query)
            assert (template, query[:20], reply.status) == (template, query[:20], 400)
            problem(reply, 400)


REFUSED_FORMS = [
    "text/html", "application/xml", "application/json;q=0", "application/problem+json", "image/*",
    "*/*;q=0", "json",
]  # fmt: skip
TAKEN_FORMS = [
    "*/*", "application/json", "application/*", "text/html, application/json;q=0.1",
    "APPLICATION/JSON", "text/html,*/*;q=0.8", "application/json; charset=utf-8",
]  # fmt: skip


@pytest.mark.parametrize("template", ["artists", "artists/<id>", "tracks", "me"])
def test_a_form_that_is_not_to_be_had_is_refused(
    admin: Person, there: Everything, template: str
) -> None:
    path = there.path(template)
    for accept in REFUSED_FORMS:
        reply = admin.send("GET", path, headers={"Accept": accept})
        assert (accept, reply.status) == (accept, 406)
        problem(reply, 406)
    for accept in TAKEN_FORMS:
        reply = admin.send("GET", path, headers={"Accept": accept})
        assert (accept, reply.status) == (accept, 200)
        assert reply.headers["Content-Type"] == "application/json"


def test_a_write_whose_answer_cannot_be_given_is_not_done(editor: Person) -> None:
    reply = editor.post("artists", {"name": "Björk"}, accept="text/html")
    problem(reply, 406)
    assert not Artist.objects.exists()


@pytest.mark.parametrize(
    "accept", ["", ",", ";", "/", "*", "a/b/c", ";q=1", "*/*;q=x", "\xff", "x" * 9_999]
)
def test_a_form_that_makes_no_sense_breaks_nothing(listener: Person, accept: str) -> None:
    reply = listener.send("GET", "artists", headers={"Accept": accept})
    if reply.status != 200:
        problem(reply, 406)


@pytest.mark.parametrize(
    "authorization",
    [
        "x",
        "Bearer",
        "Bearer \0",
        "Bearer \xff",
        "Bearer a.b.c.d",
        "Basic eDp4",
        "Bearer " + "x" * 9_999,
    ],
)
def test_an_authorization_that_makes_no_sense_is_nobody_s(
    nobody: Person, authorization: str
) -> None:
    reply = nobody.send("GET", "artists", headers={"Authorization": authorization})
    problem(reply, 401)
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("tags", ['"', "W/", '""', ",", '"a" "b"', "\xff", '"' + "x" * 9_999, "**"])
def test_a_condition_that_makes_no_sense_names_no_state(
    admin: Person, there: Everything, tags: str
) -> None:
    path = there.path("artists/<id>")
    assert admin.send("GET", path, headers={"If-None-Match": tags}).status == 200
    problem(admin.patch(path, {"name": "Other"}, if_match=tags), 412)


# --- What is only unusual --------------------------------------------------------------------


def test_a_trailing_slash_is_as_good_as_none(admin: Person, there: Everything) -> None:
    for operation in OPERATIONS:
        if operation.method == "GET":
            path, query = there.path(operation.path), there.query(operation.path)
            plain, slashed = admin.get(path, **query), admin.get(f"{path}/", **query)
            assert (operation.name, slashed.status) == (operation.name, 200)
            assert slashed.body == plain.body
    made = admin.post("artists/", {"name": "Björk"})
    assert (made.status, made.headers["Location"]) == (201, f"/api/v1/artists/{made.json['id']}")
    path = f"artists/{made.json['id']}/"
    assert admin.patch(path, {"name": "Sjón"}).json["name"] == "Sjón"
    assert admin.delete(path).status == 204
    problem(admin.get("nothing/"), 404)


def test_head_is_get_without_its_body(admin: Person, there: Everything) -> None:
    for operation in OPERATIONS:
        if operation.method == "GET":
            path, query = there.path(operation.path), there.query(operation.path)
            whole, head = admin.get(path, **query), admin.send("HEAD", path, query=query)
            assert (operation.name, head.status, head.body) == (operation.name, 200, b"")
            assert {**head.headers} == {**whole.headers}
    assert admin.send("HEAD", "artists/999999").status == 404
    assert admin.send("HEAD", "artists", query={"limit": "0"}).status == 400


def test_a_body_where_none_is_asked_for_changes_nothing(admin: Person, there: Everything) -> None:
    path = there.path("artists/<id>")
    before = admin.get(path)
    assert admin.send("GET", path, b'{"name": "Other"}').body == before.body
    assert admin.send("GET", path, b"\xff", content_type="image/png").body == before.body


def test_letters_of_all_sorts_come_back_as_they_went(editor: Person) -> None:
    for name in (
        "👩‍👩‍👧‍👦",
        "اُردُو",
        "\u202eRTL",
        "a\u0301",
        "á",
        "ﷺ" * 100,
        "\ufeffx",
        "\x7f",
        "𝕏",
        "İI",
    ):
        made = editor.post("artists", {"name": name, "disambiguation": name[:9] * 2})
        assert (made.status, made.json["name"]) == (201, name)
        (listed,) = editor.items("artists", ids=made.json["id"])
        assert (listed["name"], listed["disambiguation"]) == (name, name[:9] * 2)


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity"])
def test_a_compressed_body_is_refused(editor: Person, coding: str) -> None:
    body = gzip.compress(b'{"name": "Bj\xc3\xb6rk"}')
    headers = {"Content-Encoding": coding}
    reply = editor.send("POST", "artists", body, headers=headers)
    problem(reply, 415)
    assert reply.headers["Accept-Encoding"] == "identity"
    rows = "application/x-ndjson"
    problem(editor.send("POST", "imports", body, headers=headers, content_type=rows), 415)
    identity = {"Content-Encoding": "identity"}
    assert editor.send("POST", "artists", {"name": "Björk"}, headers=identity).status == 201


def test_half_a_character_is_named(editor: Person) -> None:
    told = problem(editor.post("artists", b'{"name": "half \\ud83d"}'), 400)
    assert told["detail"].endswith("a \\u escape of two stands alone")
    assert editor.post("artists", b'{"name": "whole \\ud83d\\ude00"}').status == 201
