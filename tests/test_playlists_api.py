"""Playlists over HTTP: whose they are, what they hold, and what answers to a wrong request."""

import pytest

from tests import builders
from tests.client import Person, blamed, problem


@pytest.fixture
def alice(db: None) -> Person:
    return Person("listener", name="alice")


@pytest.fixture
def bob(db: None) -> Person:
    return Person("listener", name="bob")


@pytest.fixture
def tracks(db: None) -> list[str]:
    by = builders.artist("Björk")
    return [
        builders.track(title, by=by, on=builders.album("Post", by=by), genres=["Pop"])
        for title in ("Army of Me", "Hyperballad", "Isobel")
    ]


def playlist(person: Person, name: str = "Évening", **fields: object) -> str:
    reply = person.post("playlists", {"name": name, **fields})
    assert reply.status == 201, reply
    return str(reply.json["id"])


def titles(person: Person, playlist_id: str) -> list[str]:
    return [item["track"]["title"] for item in person.items(f"playlists/{playlist_id}/items")]


def item_ids(person: Person, playlist_id: str) -> list[str]:
    return [item["id"] for item in person.items(f"playlists/{playlist_id}/items")]


def test_a_new_playlist_is_private_and_empty(alice: Person) -> None:
    reply = alice.post("playlists", {"name": "Évening", "description": "Slow ones"})
    assert reply.status == 201
    made = reply.json
    assert reply.headers["Location"] == f"/api/v1/playlists/{made['id']}"
    assert made == {
        "id": made["id"],
        "name": "Évening",
        "description": "Slow ones",
        "public": False,
        "owner": {"id": str(alice.account_id), "username": "alice"},
        "track_count": 0,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    shown = alice.get(f"playlists/{made['id']}")
    assert (shown.json, shown.headers["ETag"]) == (made, reply.headers["ETag"])


def test_a_change_leaves_alone_what_it_does_not_name(alice: Person) -> None:
    id_ = playlist(alice, description="Slow ones")
    before = alice.get(f"playlists/{id_}").json
    changed = alice.patch(f"playlists/{id_}", {"name": "Nacht", "public": True}).json
    moved = changed["updated_at"]
    assert changed == before | {"name": "Nacht", "public": True, "updated_at": moved}
    assert moved > before["updated_at"]
    assert alice.items("playlists", sort="name") == [changed]
    assert alice.patch(f"playlists/{id_}", {"description": None}).json["description"] is None


def test_everyone_sees_their_own_and_the_public_ones(alice: Person, bob: Person) -> None:
    for owner, name, public in (
        (alice, "B of Alice", False),
        (alice, "D of Alice", True),
        (bob, "A of Bob", False),
        (bob, "C of Bob", True),
    ):
        playlist(owner, name, public=public)

    def names(person: Person, **query: object) -> list[str]:
        return [item["name"] for item in person.walk("playlists", sort="name", limit=1, **query)]

    assert names(alice) == ["B of Alice", "C of Bob", "D of Alice"]
    assert names(bob) == ["A of Bob", "C of Bob", "D of Alice"]
    assert names(bob, owner_id=bob.account_id) == ["A of Bob", "C of Bob"]
    assert names(bob, owner_id=alice.account_id) == ["D of Alice"]
    assert names(bob, public="true") == ["C of Bob", "D of Alice"]
    assert names(bob, public="false") == ["A of Bob"]
    assert bob.page("playlists", total="true")["total"] == 3
    problem(Person().get("playlists"), 401)


def test_a_private_playlist_of_someone_else_is_not_there(alice: Person, bob: Person) -> None:
    id_ = playlist(alice)
    item = f"playlists/{id_}/items/1"
    answers = [
        bob.get(f"playlists/{id_}"),
        bob.patch(f"playlists/{id_}", {"name": "Mine"}),
        bob.delete(f"playlists/{id_}"),
        bob.get(f"playlists/{id_}/items"),
        bob.post(f"playlists/{id_}/items", {"track_ids": ["1"]}),
        bob.put(f"playlists/{id_}/items", {"track_ids": []}),
        bob.patch(item, {"position": 0}),
        bob.delete(item),
    ]
    missing = bob.get(f"playlists/{int(id_) + 1}")
    assert {answer.body for answer in answers} == {missing.body}
    problem(missing, 404)


def test_a_public_playlist_of_someone_else_is_for_reading(
    alice: Person, bob: Person, tracks: list[str]
) -> None:
    id_ = playlist(alice, public=True)
    alice.post(f"playlists/{id_}/items", {"track_ids": tracks[:1]})
    assert bob.get(f"playlists/{id_}").status == 200
    assert titles(bob, id_) == ["Army of Me"]
    (item,) = item_ids(bob, id_)
    for answer in (
        bob.patch(f"playlists/{id_}", {"name": "Mine"}),
        bob.delete(f"playlists/{id_}"),
        bob.post(f"playlists/{id_}/items", {"track_ids": tracks}),
        bob.put(f"playlists/{id_}/items", {"track_ids": []}),
        bob.patch(f"playlists/{id_}/items/{item}", {"position": 0}),
        bob.delete(f"playlists/{id_}/items/{item}"),
    ):
        problem(answer, 403)
    assert titles(alice, id_) == ["Army of Me"]


def test_items_are_listed_with_their_track_and_position(alice: Person, tracks: list[str]) -> None:
    id_ = playlist(alice)
    army, hyper, isobel = tracks
    reply = alice.post(f"playlists/{id_}/items", {"track_ids": [isobel, army]})
    assert reply.status == 201
    assert reply.headers["Location"] == f"/api/v1/playlists/{id_}/items"
    more = alice.post(f"playlists/{id_}/items", {"track_ids": [hyper, army], "position": 1})
    first, last = reply.json["ids"]
    items = alice.items(f"playlists/{id_}/items")
    assert [item["id"] for item in items] == [first, *more.json["ids"], last]
    assert [item["position"] for item in items] == [0, 1, 2, 3]
    assert [item["track"]["id"] for item in items] == [isobel, hyper, army, army]
    listed = {track["id"]: track for track in alice.items("tracks")}
    assert all(item["track"] == listed[item["track"]["id"]] for item in items)
    assert alice.get(f"playlists/{id_}").json["track_count"] == 4


def test_a_walk_through_the_items_counts_on_from_page_to_page(
    alice: Person, editor: Person, tracks: list[str]
) -> None:
    id_ = playlist(alice)
    path = f"playlists/{id_}/items"
    alice.post(path, {"track_ids": tracks * 3})
    assert editor.delete(f"tracks/{tracks[0]}").status == 204
    walked = alice.walk(path, limit=2)
    assert [item["position"] for item in walked] == [0, 1, 2, 3, 4, 5]
    assert [item["position"] for item in alice.walk(path, limit=4, sort="-position")] == [
        5, 4, 3, 2, 1, 0,
    ]  # fmt: skip
    for far in (
        alice.items(path, offset=4),
        alice.items(path, offset=4, updated_since="2000-01-01T00:00:00Z"),
    ):
        assert [item["position"] for item in far] == [4, 5]
    some = alice.items(path, ids=",".join(item["id"] for item in walked[2:4]))
    assert [item["position"] for item in some] == [2, 3]
    lines = alice.send("GET", path, headers={"Accept": "application/x-ndjson"}).lines
    assert lines == walked


def test_items_move_leave_and_are_replaced(alice: Person, tracks: list[str]) -> None:
    id_ = playlist(alice)
    path = f"playlists/{id_}/items"
    alice.post(path, {"track_ids": tracks})
    first, second, _ = item_ids(alice, id_)
    moved = alice.patch(f"{path}/{first}", {"position": 2})
    assert (moved.status, moved.json["id"], moved.json["position"]) == (200, first, 2)
    assert titles(alice, id_) == ["Hyperballad", "Isobel", "Army of Me"]
    assert alice.delete(f"{path}/{second}").status == 204
    assert titles(alice, id_) == ["Isobel", "Army of Me"]
    problem(alice.delete(f"{path}/{second}"), 404)
    problem(alice.patch(f"{path}/{second}", {"position": 0}), 404)
    replaced = alice.put(path, {"track_ids": [tracks[1], tracks[1]]})
    assert (replaced.status, replaced.json["ids"]) == (200, item_ids(alice, id_))
    assert titles(alice, id_) == ["Hyperballad", "Hyperballad"]
    assert alice.put(path, {"track_ids": []}).json == {"ids": []}


def test_an_item_is_found_in_its_own_playlist_only(alice: Person, tracks: list[str]) -> None:
    one, other = playlist(alice, "One"), playlist(alice, "Other")
    alice.post(f"playlists/{one}/items", {"track_ids": tracks})
    (item, *_) = item_ids(alice, one)
    problem(alice.patch(f"playlists/{other}/items/{item}", {"position": 0}), 404)
    problem(alice.delete(f"playlists/{other}/items/{item}"), 404)


def test_what_is_wrong_is_named(alice: Person, tracks: list[str]) -> None:
    id_ = playlist(alice)
    path = f"playlists/{id_}/items"
    alice.post(path, {"track_ids": tracks})
    missing = str(max(map(int, tracks)) + 1)
    unknown = alice.post(path, {"track_ids": [tracks[0], missing, tracks[1], missing]})
    assert blamed(unknown, 409) == ["/track_ids/1", "/track_ids/3"]
    assert blamed(alice.put(path, {"track_ids": [missing]}), 409) == ["/track_ids/0"]
    too_far = {"track_ids": tracks, "position": 4}
    assert blamed(alice.post(path, too_far), 409) == ["/position"]
    item = f"{path}/{item_ids(alice, id_)[0]}"
    assert blamed(alice.patch(item, {"position": 3}), 409) == ["/position"]
    assert blamed(alice.patch(item, {"position": -1}), 400) == ["/position"]
    assert blamed(alice.post(path, {"track_ids": ["one"]}), 400) == ["/track_ids/0"]
    assert blamed(alice.post(path, {"track_ids": []}), 400) == ["/track_ids"]
    assert blamed(alice.post("playlists", {"name": "  "}), 400) == ["/name"]
    problem(alice.patch(f"playlists/{id_}", {"title": "X"}), 400)
    assert blamed(alice.get("playlists", sort="owner"), 400) == ["sort"]
    assert blamed(alice.get("playlists", reader_id=1), 400) == ["reader_id"]
    assert titles(alice, id_) == ["Army of Me", "Hyperballad", "Isobel"]


def test_a_change_depends_on_the_state_that_if_match_names(
    alice: Person, tracks: list[str]
) -> None:
    id_ = playlist(alice)
    path = f"playlists/{id_}"
    read = alice.get(path).headers["ETag"]
    added = alice.post(f"{path}/items", {"track_ids": tracks}, if_match=read)
    assert added.status == 201
    for stale in (
        alice.patch(path, {"name": "New"}, if_match=read),
        alice.delete(path, if_match=read),
        alice.put(f"{path}/items", {"track_ids": []}, if_match=read),
        alice.delete(f"{path}/items/{added.json['ids'][0]}", if_match=read),
    ):
        problem(stale, 412)
    now = alice.patch(path, {"name": "New"}, if_match=alice.get(path).headers["ETag"])
    assert now.status == 200
    assert alice.delete(path, if_match=now.headers["ETag"]).status == 204
    problem(alice.get(path), 404)


def test_the_same_request_with_its_key_adds_once(alice: Person, tracks: list[str]) -> None:
    id_ = playlist(alice)
    body = {"track_ids": tracks}
    first, again = (
        alice.post(f"playlists/{id_}/items", body, idempotency_key="k") for _ in range(2)
    )
    assert first.json == again.json
    assert len(item_ids(alice, id_)) == 3
