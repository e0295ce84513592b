"""What a request costs in queries: as many for a thousand rows as for one."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.client import Person, Reply
from tests.operations import COLLECTIONS
from tests.places import Everything, bodies

# What each list asks of the database: no query for who asks, one for the page with the names of
# artists and albums, its genres and its credits in it, and before it:
BEFORE: dict[str, list[str]] = {
    "artists": [],
    "artists/<id>/albums": ["whether there is such an artist"],
    "artists/<id>/tracks": ["whether there is such an artist"],
    "albums": [],
    "albums/<id>/tracks": ["whether there is such an album"],
    "tracks": [],
    "genres": [],
    "playlists": [],
    "playlists/<id>/items": ["the playlist and whose it is"],
    "me/favourites": [],
    "me/api-keys": [],
    "users": [],
}


TO_THE_PLANNER = ("EXPLAIN ", "SELECT reltuples ")
"""Begin what PostgreSQL is asked, in one trip, before words are counted. No row is read for it."""


@pytest.fixture(autouse=True)
def _know_the_database(db: None) -> None:
    # Django asks SQLite once a process whether it knows JSON, with the first query that has some.
    assert connection.features.supports_json_field


def sent(
    method: str, path: str, person: Person, body: Any = None, *, if_match: str = "", **query: str
) -> tuple[Reply, list[str]]:
    """The answer and the statements it took."""
    headers = {"if-match": if_match} if if_match else {}
    with CaptureQueriesContext(connection) as captured:
        reply = person.send(method, path, body, query=query, headers=headers)
    return reply, [query["sql"] for query in captured.captured_queries]


def listed(path: str, person: Person, **query: str) -> tuple[int, int]:
    """How many items a page shows, and how many queries it took."""
    reply, statements = sent("GET", path, person, **query)
    assert reply.status == 200
    queries = [sql for sql in statements if not sql.startswith(TO_THE_PLANNER)]
    return len(reply.json["items"]), len(queries)


def test_every_collection_has_its_count() -> None:
    assert {*BEFORE} == {*COLLECTIONS}


@pytest.mark.parametrize("size", [1, 10, 1_000])
def test_a_page_takes_as_many_queries_whatever_it_shows(admin: Person, size: int) -> None:
    there = Everything(admin, size)
    for template, before in BEFORE.items():
        shown, queries = listed(there.path(template), admin, limit="10000")
        assert shown >= size
        assert (template, queries) == (template, len([*before, "the page"]))


def test_a_total_takes_one_more(admin: Person) -> None:
    there = Everything(admin, 3)
    for template, before in BEFORE.items():
        _, queries = listed(there.path(template), admin, limit="2", total="true")
        assert (template, queries) == (template, len([*before, "how many there are", "the page"]))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["the page"]),
        ({"sort": "-title", "limit": "1000"}, ["the page"]),
        # Words and bounds lead where they leave few rows.
        ({"genre": "Other", "title": "track"}, ["whether these are few", "the page"]),
        ({"genre": "Other", "artist": "artist", "album": "album"},
         ["whether such artists are few", "whether their tracks are", "the page"]),
        ({"offset": "2"}, ["the page"]),
        # A list by a key that may be unknown is two ranges: the known keys, then the others.
        ({"sort": "duration_ms", "limit": "2"}, ["the tracks with a duration", "those without"]),
        ({"sort": "duration_ms", "limit": "2", "total": "true"},
         ["how many there are", "the tracks with a duration", "those without"]),
        ({"sort": "release_year", "offset": "2"},
         ["the tracks with a year", "how many of them", "those without"]),
    ],
)  # fmt: skip
def test_a_page_of_tracks_takes_at_most_three_queries(
    admin: Person, query: dict[str, str], expected: list[str]
) -> None:
    Everything(admin, 3)
    shown, queries = listed("tracks", admin, **query)
    assert shown
    assert queries == len(expected) <= 3


@pytest.mark.parametrize("query", [{"title": "track"}, {"artist": "artist", "album": "album"}])
def test_the_planner_is_asked_once_where_the_first_words_leave_few(
    admin: Person, query: dict[str, str]
) -> None:
    Everything(admin, 3)
    _, statements = sent("GET", "tracks", admin, **query)
    asked = [sql for sql in statements if sql.startswith(TO_THE_PLANNER)]
    assert len(asked) == (2 if connection.vendor == "postgresql" else 0)


def test_a_cursor_takes_none(admin: Person) -> None:
    Everything(admin, 3)
    cursor = admin.page("tracks", limit=1)["next"]
    assert listed("tracks", admin, cursor=cursor) == (2, 1)


@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_one_thing_by_itself_takes_one_query(admin: Person, kind: str) -> None:
    there = Everything(admin, 3)
    reply, statements = sent("GET", there.path(f"{kind}/<id>"), admin)
    assert (reply.status, len(statements)) == (200, 1)


@pytest.mark.parametrize("path", ["artists", "tracks"])
@pytest.mark.parametrize("query", [{"limit": "0"}, {"cursor": "x"}, {"sort": "x"}])
def test_what_is_refused_takes_no_query(
    listener: Person, nobody: Person, path: str, query: dict[str, str]
) -> None:
    for person, status in ((listener, 400), (nobody, 401)):
        reply, statements = sent("GET", path, person, **query)
        assert (reply.status, statements) == (status, [])


@pytest.mark.parametrize(
    "path", ["artists/<id>", "albums/<id>", "tracks/<id>", "playlists/<id>", "users/<id>"]
)
def test_a_change_reads_what_if_match_names_only_where_it_is_there(
    admin: Person, path: str
) -> None:
    there = Everything(admin, 3)
    body = bodies(there)[f"PATCH {path}"]
    # The first has words to learn.
    sent("PATCH", there.path(path), admin, body)
    plain, without = sent("PATCH", there.path(path), admin, body)
    guarded, with_it = sent("PATCH", there.path(path), admin, body, if_match="*")
    assert (plain.status, guarded.status) == (200, 200)
    assert len(with_it) == len(without) + 1


def test_a_playlist_is_looked_up_once_where_it_is_held(admin: Person) -> None:
    there = Everything(admin, 3)
    path = there.path("playlists/<id>/items")
    for method in ("POST", "PUT"):
        body = bodies(there)[f"{method} playlists/<id>/items"]
        reply, statements = sent(method, path, admin, body)
        assert reply.status in (200, 201)
        assert len([sql for sql in statements if "FROM listening_playlist " in sql]) == 1


def test_nothing_is_asked_twice_in_a_change_of_a_playlist(admin: Person) -> None:
    there = Everything(admin, 3)
    item = there.path("playlists/<id>/items/<item_id>")
    _, moved = sent("PATCH", item, admin, {"position": 1})
    _, removed = sent("DELETE", item, admin)
    reads = [[sql for sql in sqls if sql.startswith("SELECT")] for sqls in (moved, removed)]
    assert [len(each) for each in reads] == [len({*each}) for each in reads]
