"""What every collection takes and answers alike."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests import builders
from tests.client import Person, blamed
from tests.operations import COLLECTIONS
from tests.places import Everything
from vivace.catalogue import lists

ID = re.compile(r"[1-9][0-9]*")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
SIZE = 3


@pytest.fixture
def there(admin: Person) -> Everything:
    return Everything(admin, SIZE)


@pytest.fixture(params=COLLECTIONS)
def path(request: pytest.FixtureRequest, there: Everything) -> str:
    return there.path(request.param)


def ids(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def test_a_page_shows_what_has_an_id_and_its_moments(admin: Person, path: str) -> None:
    page = admin.page(path)
    assert {*page} == {"items", "next"}
    assert page["next"] is None
    # Those who ask have accounts of their own, and "Other" is a genre too.
    assert len(page["items"]) == SIZE + (path in {"users", "genres"})
    for item in page["items"]:
        assert ID.fullmatch(item["id"])
        assert MOMENT.fullmatch(item["created_at"])
        assert MOMENT.fullmatch(item["updated_at"])


def test_pages_of_one_show_what_one_page_shows(admin: Person, path: str) -> None:
    assert admin.walk(path, limit=1) == admin.items(path)


def test_an_offset_passes_over_as_many(admin: Person, path: str) -> None:
    items = admin.items(path)
    assert admin.items(path, offset=2) == items[2:]
    assert admin.page(path, offset=1, limit=1)["items"] == items[1:2]
    assert admin.page(path, offset=10_000) == {"items": [], "next": None}


def test_a_total_counts_all_that_match_whatever_the_page(admin: Person, path: str) -> None:
    items = admin.items(path)
    page = admin.page(path, limit=1, offset=1, total="true")
    assert (page["items"], page["total"]) == (items[1:2], len(items))
    only = admin.page(path, ids=items[0]["id"], total="true")
    assert only == {"items": items[:1], "next": None, "total": 1}
    assert "total" not in admin.page(path, total="false")


def test_ids_are_found_in_the_order_of_the_list(admin: Person, path: str) -> None:
    items = admin.items(path)
    first, second, third = ids(items)[:3]
    assert admin.items(path, ids=f"{third},{first},{third}") == [items[0], items[2]]
    assert admin.walk(path, ids=f"{second},{first}", limit=1) == items[:2]
    assert admin.items(path, ids=f"999999999999999999,{second}") == [items[1]]
    a_thousand = ",".join([first, *map(str, range(10**17, 10**17 + 999))])
    assert ids(admin.items(path, ids=a_thousand)) == [first]


def test_what_changed_since_a_moment_is_found(admin: Person, path: str) -> None:
    items = admin.items(path)
    latest = max(item["updated_at"] for item in items)
    expected = [item for item in items if item["updated_at"] == latest]
    assert admin.items(path, updated_since=latest) == expected
    assert admin.items(path, updated_since="0001-01-01T00:00:00Z") == items
    assert admin.items(path, updated_since="0900-12-31T23:59:59.999999-12:00") == items
    assert admin.items(path, updated_since="9999-12-31T23:59:59Z") == []


WRONG: dict[str, list[str]] = {
    "limit": ["0", "-1", "10001", "5.0", "", " 5", "+5", "5 ", "1e1", "0x1", "٥", "9" * 30, "null"],
    "offset": ["-1", "10001", "x", "", "9" * 30],
    "total": ["1", "True", "yes", "", "null"],
    "ids": ["", "0", "01", "1,", ",1", "1,,2", "1, 2", "1;2", "-1", "1.0", "1" * 19, "1\n", "\0"],
    "updated_since": [
        "", "yesterday", "2024-02-29", "2024-02-29T12:00:00", "2024-02-30T12:00:00Z",
        "2024-02-29T12:00:00+2", "1709208000", "\0",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    ],
    "cursor": ["", "x", "null", "\0", "é", "x" * 4_001],
    "sort": ["", "-", "id", "Created_at", "created_at ", "created_at,id"],
    "page": ["2"],
    "Limit": ["5"],
    "limit[]": ["5"],
    "": ["5"],
    "\0": ["5"],
}  # fmt: skip


def test_a_parameter_that_cannot_be_is_refused_by_name(admin: Person, path: str) -> None:
    refused = [(name, text) for name, texts in WRONG.items() for text in texts]
    for name, text in refused:
        reply = admin.send("GET", path, query={name: text})
        assert (name, text, blamed(reply, 400)) == (name, text, [name])


@pytest.mark.parametrize("name", ["limit", "offset", "total", "ids", "sort", "cursor"])
def test_a_parameter_given_twice_is_refused_by_name(admin: Person, path: str, name: str) -> None:
    value = {"total": "true", "sort": "created_at"}.get(name, "1")
    reply = admin.send("GET", f"{path}?{name}={value}&{name}={value}")
    assert blamed(reply, 400) == [name]


def test_more_than_a_thousand_ids_are_refused(admin: Person, path: str) -> None:
    assert blamed(admin.get(path, ids=",".join(["1"] * 1_001)), 400) == ["ids"]


def test_an_offset_stands_though_rows_come_meanwhile(
    admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the page that it passed over and the count of what that was."""
    builders.album("Undated", by=builders.artist())
    monkeypatch.setattr(lists, "count", lambda *_, **__: 9)
    assert len(admin.page("albums", sort="release_year", offset=8)["items"]) == 1


def test_a_page_is_found_by_a_cursor_or_an_offset(admin: Person, path: str) -> None:
    onward = admin.page(path, limit=1)["next"]
    assert blamed(admin.get(path, cursor=onward, offset=1), 400) == ["offset"]
    assert admin.get(path, cursor=onward, offset=0).status == 200


def test_a_page_has_fifty_items_or_as_many_as_were_asked_for(listener: Person) -> None:
    by = builders.artist()
    builders.plain_tracks(10_001, by=by, on=builders.album(by=by))
    for query, size in (({}, 50), ({"limit": 1}, 1), ({"limit": 10_000}, 10_000)):
        page = listener.page("tracks", **query)
        assert len(page["items"]) == size
        assert page["next"]
    page = listener.page("tracks", limit=10_000, offset=1)
    assert (len(page["items"]), page["next"]) == (10_000, None)
    page = listener.page("tracks", offset=10_000, total="true")
    assert (len(page["items"]), page["next"], page["total"]) == (1, None, 10_001)
