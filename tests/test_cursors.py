"""Cursors: a walk by them shows everything once, and none works where it was not given out."""

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from tests import builders
from tests.client import Person, blamed
from vivace.api import pages
from vivace.catalogue import listings, lists
from vivace.catalogue.folding import fold
from vivace.catalogue.lists import Order, Page, Place
from vivace.catalogue.models import Track

TRACKS = 10_000
PAGE = 500
CHANGED = 1_000
"""How many come and how many go during a walk."""


@pytest.fixture
def album(db: None) -> tuple[str, str]:
    """An artist and their album."""
    by = builders.artist()
    return by, builders.album(by=by)


def many_tracks(count: int, album: tuple[str, str], rng: random.Random) -> list[str]:
    """Tracks of which many share their title and many have no duration, or the same."""
    return builders.tracks(
        [
            {
                "title": f"{rng.randrange(count // 3)}",
                "artist_id": album[0],
                "album_id": album[1],
                "duration_ms": rng.choice([None, None, rng.randrange(1_000), 0]),
            }
            for _ in range(count)
        ]
    )


@pytest.mark.parametrize("sort", ["created_at", "title", "-duration_ms", "duration_ms", "-artist"])
def test_a_walk_shows_each_that_was_there_throughout_once(
    listener: Person, album: tuple[str, str], sort: str
) -> None:
    rng = random.Random(1)
    there = many_tracks(TRACKS, album, rng)
    doomed = rng.sample(there, CHANGED)
    each_time = CHANGED * PAGE // TRACKS
    seen: Counter[str] = Counter()
    gone: set[str] = set()
    query = {"sort": sort, "limit": PAGE}
    page = listener.page("tracks", **query)
    while True:
        shown = [item["id"] for item in page["items"]]
        assert gone.isdisjoint(shown)
        seen.update(shown)
        if page["next"] is None:
            break
        many_tracks(each_time, album, rng)
        leaving, doomed = doomed[:each_time], doomed[each_time:]
        Track.objects.filter(pk__in=leaving).delete()
        gone.update(leaving)
        page = listener.page("tracks", **query, cursor=page["next"])
    throughout = {*there} - gone
    assert len(throughout) <= TRACKS - CHANGED * 9 // 10
    assert throughout <= seen.keys()
    assert set(seen.values()) == {1}


@pytest.fixture
def three(album: tuple[str, str]) -> list[str]:
    by, on = album
    builders.artist("Someone else")
    return [
        builders.track("One", by=by, on=on, duration_ms=1, genres=["Jazz", "Blues"]),
        builders.track("Two", by=by, on=on, duration_ms=2, genres=["Jazz", "Blues"]),
        builders.track("Three", by=by, on=on, genres=["Jazz", "Blues"]),
    ]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ({}, {"sort": "-created_at"}),
        ({}, {"sort": "title"}),
        ({"sort": "title"}, {}),
        ({"sort": "title"}, {"sort": "-title"}),
        ({"sort": "duration_ms"}, {"sort": "release_year"}),
        ({"genre": "Jazz"}, {}),
        ({}, {"genre": "Jazz"}),
        ({"genre": "Jazz"}, {"genre": "Blues"}),
        ({"genre": "Jazz"}, {"title": "Jazz"}),
        ({"duration_ms_from": "1"}, {"duration_ms_from": "0"}),
        ({"duration_ms_from": "1"}, {"duration_ms_to": "1"}),
        ({"duration_ms_from": "1"}, {"duration_ms_from": "1", "genre": "Jazz"}),
        ({"updated_since": "2024-01-01T00:00:00Z"}, {"updated_since": "2024-01-01T00:00:01Z"}),
    ],
)
def test_a_cursor_goes_with_its_filters_and_sort(
    listener: Person, asked: dict[str, str], other: dict[str, str]
) -> None:
    cursor = listener.page("tracks", **asked, limit=1)["next"]
    assert listener.get("tracks", **asked, cursor=cursor).status == 200
    assert blamed(listener.get("tracks", **other, cursor=cursor), 400) == ["cursor"]


@pytest.mark.usefixtures("three")
def test_the_same_filters_said_otherwise_are_the_same(listener: Person) -> None:
    cursor = listener.page("tracks", genre="Jazz", sort="created_at", limit=1)["next"]
    page = listener.page("tracks", limit=2, genre="JAZZ", cursor=cursor, total="true")
    assert [item["title"] for item in page["items"]] == ["Two", "Three"]


@pytest.mark.usefixtures("three")
def test_a_cursor_goes_with_its_list(listener: Person) -> None:
    cursor = listener.page("artists", limit=1)["next"]
    assert blamed(listener.get("tracks", cursor=cursor), 400) == ["cursor"]
    assert blamed(listener.get("albums", cursor=cursor), 400) == ["cursor"]


@pytest.mark.usefixtures("three")
def test_a_cursor_goes_with_its_version(listener: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = listener.page("tracks", limit=1)["next"]
    monkeypatch.setattr(pages, "CURSOR_VERSION", pages.CURSOR_VERSION + 1)
    assert blamed(listener.get("tracks", cursor=cursor), 400) == ["cursor"]


@pytest.mark.usefixtures("three")
def test_a_cursor_goes_with_the_server_s_key(listener: Person, settings: Settings) -> None:
    cursor = listener.page("tracks", limit=1)["next"]
    settings.SECRET_KEY = "another-key" * 5
    renewed = Person("listener", "of another server")
    assert blamed(renewed.get("tracks", cursor=cursor), 400) == ["cursor"]


@pytest.mark.usefixtures("three")
def test_a_cursor_altered_in_any_character_is_refused(listener: Person) -> None:
    cursor = listener.page("tracks", sort="title", limit=1)["next"]
    altered = [cursor[:n] for n in range(1, len(cursor))]
    for place, letter in enumerate(cursor):
        before, after = cursor[:place], cursor[place + 1 :]
        # The next letter differs in the lowest bit, which at the end may carry nothing.
        near = "B" if letter == "A" else chr(ord(letter) ^ 1)
        altered += [before + other + after for other in (near, "", f"*{letter}", f"{letter}\n")]
    altered += [f"{cursor}=", f"{cursor}A", f" {cursor}", cursor.swapcase(), cursor * 2]
    for text in altered:
        assert (text, blamed(listener.get("tracks", sort="title", cursor=text), 400)) == (
            text,
            ["cursor"],
        )


@pytest.mark.usefixtures("three")
def test_a_cursor_cannot_be_made_by_hand(listener: Person) -> None:
    sealed = urlsafe_b64decode(listener.page("tracks", sort="title", limit=1)["next"] + "==")
    mac, payload = sealed[: pages.MAC_BYTES], sealed[pages.MAC_BYTES :]
    assert b"one" in payload
    for forged in (
        mac + payload.replace(b"one", b"two"),
        bytes(pages.MAC_BYTES) + payload,
        payload,
    ):
        text = urlsafe_b64encode(forged).rstrip(b"=").decode()
        assert blamed(listener.get("tracks", sort="title", cursor=text), 400) == ["cursor"]


@examples(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(max_size=60) | st.binary(max_size=60).map(lambda b: urlsafe_b64encode(b).decode())
)
@pytest.mark.django_db
def test_no_made_up_text_is_a_cursor(listener: Person, text: str) -> None:
    assert blamed(listener.send("GET", "tracks", query={"cursor": text}), 400) == ["cursor"]


# --- How far a page is ------------------------------------------------------------------------

if connection.vendor == "sqlite":
    ALIKE = 1_500

    def steps(page: Callable[[], Page]) -> tuple[int, Page]:
        """What SQLite's machine takes for a page."""
        taken = 0

        def step() -> None:
            nonlocal taken
            taken += 10

        raw = connection.connection
        raw.set_progress_handler(step, 10)
        try:
            found = page()
        finally:
            raw.set_progress_handler(None, 0)
        return taken, found

    @pytest.fixture
    def alike(album: tuple[str, str]) -> dict[str, str]:
        """Tracks of one moment that share all they are sorted by, and filters that leave all."""
        artist_id, album_id = album
        track = {"title": "Sinnerman", "artist_id": artist_id, "album_id": album_id}
        builders.tracks([track | {"duration_ms": 621_000, "genres": ["Jazz"]}] * ALIKE)
        return {"artist_id": artist_id, "album_id": album_id, "genre": fold("Jazz")}

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("sort", sorted({*listings.TRACKS.sorts} - {"position"}))
    @pytest.mark.parametrize("name", ["", "artist_id", "album_id", "genre"])
    def test_a_page_of_what_is_alike_takes_no_more_the_further_it_is(
        alike: dict[str, str], name: str, sort: str, descending: bool
    ) -> None:
        values, order = ({name: alike[name]} if name else {}), Order(sort, descending)

        def page(after: Place | None) -> Page:
            return lists.page(listings.TRACKS, values, order, limit=PAGE // 5, after=after)

        taken, found = steps(lambda: page(None))
        each = [taken]
        ids = [row[0] for row in found.rows]
        while found.end:
            taken, found = steps(partial(page, found.end))
            each.append(taken)
            ids += [row[0] for row in found.rows]
        assert len(each) == ALIKE * 5 / PAGE
        assert max(each[1:]) <= 1.1 * each[1] <= 2.5 * each[0]
        assert sorted(ids, key=int, reverse=descending) == ids
        assert len({*ids}) == ALIKE
