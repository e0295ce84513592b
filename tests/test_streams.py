"""Accept: application/x-ndjson: all of a list, a line for each, however long it is."""

import json
from typing import Any

import pytest
from django.db import OperationalError

from tests import builders
from tests.client import BASE, Person, Reply, blamed, problem
from tests.operations import COLLECTIONS
from tests.places import Everything
from tests.wsgi import Django, ask
from vivace.catalogue import lists
from vivace.catalogue.models import Track

NDJSON = "application/x-ndjson"


def streamed(person: Person, path: str, accept: str = NDJSON, **query: Any) -> Reply:
    return person.send("GET", path, headers={"Accept": accept}, query=query)


@pytest.fixture
def there(admin: Person) -> Everything:
    return Everything(admin, 5)


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Streams that read two rows at once; the list is how many each reading found."""
    monkeypatch.setattr(lists, "STREAM_ROWS", 2)
    read: list[int] = []
    page = lists.page

    def counted(*args: Any, **kwargs: Any) -> lists.Page:
        found = page(*args, **kwargs)
        read.append(len(found.rows))
        return found

    monkeypatch.setattr(lists, "page", counted)
    return read


@pytest.mark.usefixtures("two_at_once")
@pytest.mark.parametrize("template", COLLECTIONS)
def test_a_stream_is_all_that_a_walk_shows(admin: Person, there: Everything, template: str) -> None:
    path = there.path(template)
    reply = streamed(admin, path)
    assert (reply.status, reply.body[-1:]) == (200, b"\n")
    assert reply.headers["Cache-Control"] == "private, no-cache"
    assert reply.headers["Vary"] == "Accept, Authorization"
    assert reply.lines == admin.walk(path, limit=2)
    assert len(reply.lines) >= 5


@pytest.mark.usefixtures("two_at_once")
@pytest.mark.parametrize(
    "query",
    [
        {"sort": "-title"},
        {"sort": "duration_ms"},
        {"sort": "-duration_ms", "genre": "Other"},
        {"title": "track", "sort": "artist"},
        {"duration_ms_to": "2"},
        {"updated_since": "2999-01-01T00:00:00Z"},
    ],
)
def test_filters_and_sort_count_for_a_stream_too(
    admin: Person, there: Everything, query: dict[str, str]
) -> None:
    for n, track in enumerate(Track.objects.all()[:3]):
        Track.objects.filter(pk=track.pk).update(duration_ms=n)
    shown = admin.walk("tracks", **query, limit=3)
    reply = streamed(admin, "tracks", **query)
    assert (reply.status, reply.lines) == (200, shown)


def test_a_page_s_size_and_total_mean_nothing_to_a_stream(admin: Person, there: Everything) -> None:
    assert len(streamed(admin, "tracks", limit=1, total="true", offset=0).lines) == 5


@pytest.mark.parametrize("name", ["cursor", "offset"])
def test_a_stream_begins_at_the_beginning(admin: Person, there: Everything, name: str) -> None:
    value = {"cursor": admin.page("tracks", limit=1)["next"], "offset": "1"}[name]
    assert blamed(streamed(admin, "tracks", **{name: value}), 400) == [name]


def test_what_is_wrong_is_said_before_a_stream_begins(admin: Person, nobody: Person) -> None:
    assert blamed(streamed(admin, "tracks", sort="x"), 400) == ["sort"]
    problem(streamed(admin, "artists/999999/tracks"), 404)
    problem(streamed(nobody, "tracks"), 401)


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("gone"), 503), (ValueError("a fault of ours"), 500)]
)
def test_one_that_breaks_off_says_so_in_its_last_line(
    admin: Person,
    two_at_once: list[int],
    error: Exception,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = admin.page("tracks", limit=4)["items"]
    page = lists.page

    def break_off(*args: Any, **kwargs: Any) -> lists.Page:
        if len(two_at_once) == 3:
            raise error
        return page(*args, **kwargs)

    monkeypatch.setattr(lists, "page", break_off)
    reply = streamed(admin, "tracks")
    assert reply.status == 200
    assert reply.lines[:-1] == before
    assert reply.lines[-1]["type"].startswith("/api/docs/problems#")
    assert reply.lines[-1]["status"] == status


def test_an_empty_list_is_an_empty_stream(listener: Person) -> None:
    reply = streamed(listener, "tracks")
    assert (reply.status, reply.body, reply.lines) == (200, b"", [])


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/x-ndjson", NDJSON),
        ("Application/X-NDJSON", NDJSON),
        ("application/x-ndjson; charset=utf-8", NDJSON),
        ("application/json;q=0.5, application/x-ndjson", NDJSON),
        ("text/html, application/x-ndjson;q=0.1", NDJSON),
        ("application/x-ndjson;q=0.5, application/json", "application/json"),
        ("application/x-ndjson;q=0, application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
    ],
)
def test_the_form_is_the_one_that_is_liked_best(listener: Person, accept: str, form: str) -> None:
    builders.artist("Björk")
    reply = streamed(listener, "artists", accept)
    assert (reply.status, reply.headers["Content-Type"]) == (200, form)
    assert json.loads(reply.body).keys() & {"items", "name"}


def test_only_a_list_can_be_streamed(admin: Person, there: Everything) -> None:
    for template in ("artists/<id>", "tracks/<id>", "me"):
        problem(streamed(admin, there.path(template)), 406)


def test_a_stream_reads_no_more_than_is_taken_from_it(
    admin: Person, there: Everything, two_at_once: list[int]
) -> None:
    response = admin.client.get(f"{BASE}/tracks", headers={**admin.authorization, "Accept": NDJSON})
    taken = []
    for chunk in response:
        # Those who take slowly are ahead of by no more than what they have just been given.
        taken.append(len(chunk.splitlines()))
        assert two_at_once == taken
    assert taken == [2, 2, 1]


def test_a_stream_that_is_left_reads_no_further(
    admin: Person, there: Everything, two_at_once: list[int]
) -> None:
    response = admin.client.get(f"{BASE}/tracks", headers={**admin.authorization, "Accept": NDJSON})
    next(iter(response))
    response.close()
    assert two_at_once == [2]


@pytest.mark.usefixtures("there")
def test_head_begins_no_stream(django: Django, two_at_once: list[int]) -> None:
    """By the server's way in, as some servers have all of a body to drop it."""
    status, headers, body = ask(django, "/tracks", method="HEAD", HTTP_ACCEPT=NDJSON)
    assert (status, headers["Content-Type"], body) == ("200 OK", NDJSON, b"")
    assert two_at_once == [2]
