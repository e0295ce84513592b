"""POST /{artists,albums,tracks}/bulk: up to 10,000 at once, in order, all or nothing."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests import builders
from tests.client import Person, Reply, blamed, problem
from tests.threads import at_once
from vivace.catalogue.entries import BULK_MAX
from vivace.catalogue.models import Album, Artist, Genre, Track

MBID = "87c5dedd-371d-4a53-9f7f-80522fb7f3cb"
RACES = 20
RACERS = 4


def counts() -> list[int]:
    return [model._default_manager.count() for model in (Artist, Album, Track, Genre)]


@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_ten_thousand_are_made_in_their_order(editor: Person, kind: str) -> None:
    by = builders.artist("Björk")
    about = {"artist_id": by, "genres": ["Jazz", "Blues"], "album_id": builders.album(by=by)}
    shared = {
        "artists": {},
        "albums": {"artist_id": by, "genres": ["Jazz", "Blues"]},
        "tracks": about,
    }
    field = "name" if kind == "artists" else "title"
    # Names that would come in another order if they were sorted.
    wanted = [f"{(n * 7_919) % BULK_MAX}" for n in range(BULK_MAX)]
    reply = editor.post(f"{kind}/bulk", [{field: name, **shared[kind]} for name in wanted])
    assert (reply.status, [*reply.json]) == (201, ["ids"])
    model: Any = {"artists": Artist, "albums": Album, "tracks": Track}[kind]
    made = {str(id_): name for id_, name in model.objects.values_list("pk", field)}
    assert [made[id_] for id_ in reply.json["ids"]] == wanted
    first, *_, last = reply.json["ids"]
    shown = editor.items(kind, ids=f"{first},{last}")
    assert [item[field] for item in shown] == [wanted[0], wanted[-1]]
    assert shown[0]["created_at"] == shown[1]["created_at"]
    if kind != "artists":
        assert [item["genres"] for item in shown] == [["Jazz", "Blues"]] * 2
        assert model.objects.filter(genre_rows__genre__name="Blues").count() == BULK_MAX


def test_what_is_made_at_once_is_found_at_once(editor: Person) -> None:
    editor.post("artists/bulk", [{"name": "Sigur Rós"}, {"name": "Zaz", "mbid": MBID.upper()}])
    by = builders.artist("Björk")
    body = [
        {"title": "Two", "artist_id": by, "genres": ["Jazz"], "release_date": "2001"},
        {"title": "One", "artist_id": by, "genres": ["jazz", "Blues"]},
    ]
    assert editor.post("albums/bulk", body).status == 201
    assert [found["name"] for found in editor.items("artists", name="ros")] == ["Sigur Rós"]
    assert [found["name"] for found in editor.items("artists", mbid=MBID)] == ["Zaz"]
    assert [found["name"] for found in editor.items("artists", genre="blues")] == ["Björk"]
    found = editor.items("albums", genre="jazz", sort="title")
    assert [album["title"] for album in found] == ["One", "Two"]
    assert [album["genres"] for album in found] == [["Jazz", "Blues"], ["Jazz"]]


@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_none_and_more_than_ten_thousand_are_refused(editor: Person, kind: str) -> None:
    assert blamed(editor.post(f"{kind}/bulk", []), 400) == [""]
    entry = {"name": "x"} if kind == "artists" else {"title": "x", "artist_id": "1"}
    if kind == "tracks":
        entry["album_id"] = "1"
    assert blamed(editor.post(f"{kind}/bulk", [entry] * (BULK_MAX + 1)), 400) == [""]
    assert counts() == [0, 0, 0, 0]


@pytest.mark.parametrize("body", [{"name": "Björk"}, "Björk", None, 5, [["Björk"]], [None]])
def test_only_a_list_of_things_is_taken(editor: Person, body: Any) -> None:
    sent = b"null" if body is None else body
    problem(editor.post("artists/bulk", sent), 400)
    assert counts() == [0, 0, 0, 0]


def test_every_bad_item_is_pointed_at_and_none_is_made(editor: Person) -> None:
    body = [
        {"name": "Björk"},
        {"name": ""},
        {"name": "Sjón", "mbid": "x"},
        {"nom": "Zaz"},
        {"name": "Zaz"},
        [],
        {"name": "Sigur Rós", "sort_name": 5, "mbid": 5},
    ]
    pointers = ["/1/name", "/2/mbid", "/3/nom", "/5", "/6/sort_name"]
    assert blamed(editor.post("artists/bulk", body), 400) == pointers
    assert counts() == [0, 0, 0, 0]


def test_what_is_wrong_within_an_item_is_pointed_at(editor: Person) -> None:
    track = {"title": "x", "artist_id": "1", "album_id": "1"}
    body = [
        {**track, "genres": ["Jazz", ""]},
        {**track, "credits": [{"artist_id": "1"}, {"artist_id": "1", "role": 5}]},
        {**track, "duration_ms": 2**64},
    ]
    reply = editor.post("tracks/bulk", body)
    assert blamed(reply, 400) == ["/0/genres/1", "/1/credits/1/role", "/2/duration_ms"]


def test_of_many_bad_items_a_hundred_are_pointed_at(editor: Person) -> None:
    expected = [f"/{n}/name" for n in range(1, 101)]
    bad = editor.post("artists/bulk", [{"name": "Björk"}, *[{"name": ""}] * 5_000])
    assert blamed(bad, 400) == expected
    taken = editor.post("artists/bulk", [{"name": "Björk"}] * 5_001)
    assert blamed(taken, 409) == expected
    by = builders.artist("Sjón")
    album = {"title": "x", "artist_id": by}
    nobodys = editor.post("albums/bulk", [album, *[{**album, "artist_id": "999999"}] * 5_000])
    assert blamed(nobodys, 409) == [f"/{n}/artist_id" for n in range(1, 101)]
    assert counts() == [1, 0, 0, 0]


def test_what_is_taken_or_comes_twice_is_pointed_at_and_none_is_made(editor: Person) -> None:
    builders.artists([{"name": "Björk"}, {"name": "Zaz", "mbid": MBID}])
    body = [
        {"name": "Sjón"},
        {"name": "BJORK"},
        {"name": "Bjork", "disambiguation": "tribute"},
        {"name": "sjon", "mbid": MBID.upper()},
    ]
    assert blamed(editor.post("artists/bulk", body), 409) == ["/1/name", "/3/name", "/3/mbid"]
    assert counts() == [2, 0, 0, 0]


def test_what_is_referred_to_has_to_be_there_for_each(editor: Person) -> None:
    by = builders.artist("Björk")
    on = builders.album(by=by)
    track = {"title": "x", "artist_id": by, "album_id": on, "genres": ["Jazz"]}
    body = [
        track,
        {**track, "artist_id": "999999"},
        {**track, "credits": [{"artist_id": by}, {"artist_id": "999998"}]},
    ]
    reply = editor.post("tracks/bulk", body)
    assert blamed(reply, 409) == ["/1/artist_id", "/2/credits/1/artist_id"]
    reply = editor.post("tracks/bulk", [*body[:2], {**track, "album_id": "999999"}])
    assert blamed(reply, 409) == ["/1/artist_id", "/2/album_id"]
    assert counts() == [1, 1, 0, 0]


# --- Several writers at once -----------------------------------------------------------------


def statuses(results: list[Reply | Exception]) -> Counter[int]:
    """How often each status was answered; what a server raised, a 500, fails here."""
    replies = [result for result in results if isinstance(result, Reply)]
    assert replies == results
    return Counter(reply.status for reply in replies)


@pytest.mark.django_db(transaction=True)
def test_of_several_who_add_one_name_at_once_one_succeeds(editor: Person) -> None:
    for race in range(RACES):
        # Each adds others too, before or after, so that they meet halfway.
        bodies = [
            [{"name": f"{race} of {racer}"}, {"name": f"Race {race}"}, {"name": f"{racer} {race}"}]
            for racer in range(RACERS)
        ]
        results = at_once(*(lambda body=body: editor.post("artists/bulk", body) for body in bodies))
        assert statuses(results) == {201: 1, 409: RACERS - 1}
        for reply in results:
            if isinstance(reply, Reply) and reply.status == 409:
                assert blamed(reply, 409) == ["/1/name"]
    assert Artist.objects.count() == RACES * 3


@pytest.mark.django_db(transaction=True)
def test_two_who_add_names_in_opposite_order_both_get_an_answer(editor: Person) -> None:
    for race in range(RACES):
        names = [f"{race} {n}" for n in range(1_000)]
        bodies = [[{"name": name} for name in order] for order in (names, names[::-1])]
        results = at_once(*(lambda body=body: editor.post("artists/bulk", body) for body in bodies))
        assert statuses(results) == {201: 1, 409: 1}
    assert Artist.objects.count() == RACES * 1_000


@pytest.mark.django_db(transaction=True)
def test_writers_who_make_the_same_genres_at_once_share_them(editor: Person) -> None:
    by = builders.artist("Björk")
    for race in range(RACES):
        genres = [f"{race} {n}" for n in range(20)]
        bodies = [
            [{"title": "x", "artist_id": by, "genres": [name]} for name in order]
            for order in (genres, genres[::-1])
        ]
        results = at_once(*(lambda body=body: editor.post("albums/bulk", body) for body in bodies))
        assert statuses(results) == {201: 2}
    assert Genre.objects.count() == RACES * 20
    assert Album.objects.count() == RACES * 40
    assert len(editor.items("albums", genre="0 0")) == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_removed_while_it_is_referred_to_leaves_nothing_half_done(editor: Person) -> None:
    for race in range(3 * RACES):
        by = builders.artist(f"Artist {race}")
        album = {"title": f"Album {race}", "artist_id": by, "genres": [f"Genre {race}"]}
        results = at_once(
            partial(editor.post, "albums/bulk", [album]),
            partial(editor.delete, f"artists/{by}"),
        )
        added, removed = (result for result in results if isinstance(result, Reply))
        assert (added.status, removed.status) in {(201, 409), (409, 204)}
        there = Album.objects.filter(title=f"Album {race}").exists()
        assert there == (added.status == 201) == Artist.objects.filter(pk=by).exists()
