"""What an import costs does not grow with the square of its rows, nor its memory by the object."""

import random
from typing import Any, TypeVar

import pytest

from vivace.imports.library import StoredLibrary
from vivace.imports.plan import Planner
from vivace.imports.playlists import Playlists
from vivace.imports.report import ImportReport
from vivace.imports.rows import AlbumRow, ArtistRow, Row, TrackRow
from vivace.imports.seen import SMALLEST, Seen

V = TypeVar("V")


class Unwalked(dict[Any, V]):
    """A dict for look-ups: going through all of it, as its views do, is refused."""

    def keys(self) -> Any:
        raise AssertionError("all that the file named so far was gone through")

    values = items = __iter__ = keys


def alternating(count: int) -> list[tuple[int, Row]]:
    rows: list[Row] = []
    for number in range(count):
        names: dict[str, Any] = {"title": f"No. {number}", "artist": f"Artist {number}"}
        rows += [
            ArtistRow(name=names["artist"]),
            AlbumRow(**names, genres=[f"Genre {number}"]),
            TrackRow(**names, album=names["title"], genres=[f"Genre {number}"]),
        ]
    return list(enumerate(rows, 1))


@pytest.mark.django_db
def test_a_run_of_rows_does_not_go_through_all_those_before_it() -> None:
    report = ImportReport()
    planner = Planner(StoredLibrary(), None, Playlists(None, report), report)
    for entries in (planner.artists, planner.albums):
        for name in ("by_id", "by_mbid", "by_source", "new", "unborn", "changed"):
            setattr(entries, name, Unwalked())
    planner.artists.by_key, planner.albums.by_name = Unwalked(), Unwalked()
    planner.albums.genres, planner.genres.by_key = Unwalked(), Unwalked()
    runs = sum(1 for _ in planner.plan(alternating(5)))
    assert (runs, report.added, report.errors) == (5, 5, [])


def test_keys_seen_are_found_with_all_their_ids_however_many_there_are() -> None:
    randomness = random.Random(1)
    seen, expected = Seen(), dict[int, list[int]]()
    for id_ in range(1, 3 * SMALLEST):
        # Keys that end in the same bits, next to those of one and the same hash.
        key = randomness.choice([randomness.getrandbits(62), (id_ % 90) << 40, 7, -7])
        seen.add(key, id_)
        expected.setdefault(key, []).append(id_)
    assert {key: seen.ids(key) for key in expected} == expected
    assert len(seen) == len(expected)
    assert seen.ids(8) == []


def test_a_key_seen_twice_with_one_id_has_it_once() -> None:
    seen = Seen()
    for id_ in (1, 1, 2, 1, 2):
        seen.add(0, id_)
    assert seen.ids(0) == [1, 2]
    seen.clear()
    assert (len(seen), seen.ids(0)) == (0, [])
