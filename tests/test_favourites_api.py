"""Favourites over HTTP: one collection of three kinds."""

import pytest

from tests import builders
from tests.client import Person, blamed, problem


@pytest.fixture
def things(db: None) -> dict[str, str]:
    """The id of one thing of each kind, no two the same."""
    for name in ("Nina", "Molotov"):
        builders.artist(name)
    by = builders.artist("Björk")
    builders.album("Debut", by=by)
    on = builders.album("Post", by=by, genres=["Pop", "Electronic"])
    return {"artists": by, "albums": on, "tracks": builders.track("Isobel", by=by, on=on)}


def test_all_kinds_are_in_one_collection_as_their_own_lists_show_them(
    listener: Person, things: dict[str, str]
) -> None:
    for kind, id_ in things.items():
        reply = listener.put(f"me/favourites/{kind}/{id_}", None)
        assert (reply.status, reply.body) == (204, b"")
    items = listener.items("me/favourites")
    for item, (kind, id_) in zip(items, things.items(), strict=True):
        one = kind.removesuffix("s")
        (thing,) = listener.items(kind, ids=id_)
        assert item == {
            "id": item["id"],
            "kind": one,
            "created_at": item["created_at"],
            "updated_at": item["created_at"],
            one: thing,
        }
        assert listener.items("me/favourites", kind=one) == [item]
    assert listener.walk("me/favourites", sort="-created_at", limit=1) == items[::-1]
    assert listener.page("me/favourites", kind="album", total="true")["total"] == 1
    stream = listener.send("GET", "me/favourites", headers={"Accept": "application/x-ndjson"}).lines
    assert stream == items


def test_saying_it_again_or_taking_back_what_is_not_there_is_no_error(
    listener: Person, things: dict[str, str]
) -> None:
    for kind, id_ in things.items():
        path = f"me/favourites/{kind}/{id_}"
        assert [listener.put(path, None).status for _ in range(2)] == [204, 204]
        assert len(listener.items("me/favourites")) == 1
        assert [listener.delete(path).status for _ in range(2)] == [204, 204]
        assert listener.items("me/favourites") == []


def test_everyone_has_their_own(listener: Person, editor: Person, things: dict[str, str]) -> None:
    listener.put(f"me/favourites/artists/{things['artists']}", None)
    assert editor.items("me/favourites") == []
    editor.delete(f"me/favourites/artists/{things['artists']}")
    assert len(listener.items("me/favourites")) == 1
    problem(Person().get("me/favourites"), 401)


def test_what_is_not_there_cannot_be_a_favourite(listener: Person, things: dict[str, str]) -> None:
    for path in ("artists/999", "tracks/x", "genres/1", "artist/1"):
        problem(listener.put(f"me/favourites/{path}", None), 404)
    assert blamed(listener.get("me/favourites", kind="artists"), 400) == ["kind"]
