"""Made-up libraries: the same for a seed, of the size asked for, and skewed as real ones are."""

import os
import subprocess
import sys
import unicodedata
from collections import Counter
from hashlib import sha256
from random import Random

import msgspec
import pytest

from vivace.catalogue.folding import fold
from vivace.dataset.factories import AlbumFactory, ArtistFactory, TrackFactory
from vivace.dataset.library import library
from vivace.dataset.rows import Row
from vivace.imports.rows import COLUMNS

pytestmark = pytest.mark.any_database

ARTISTS = 500

DIGEST = """
import hashlib, msgspec
from vivace.dataset.library import library
print(hashlib.sha256(msgspec.json.encode(list(library(40, seed=7)))).hexdigest())
"""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(library(ARTISTS))


def of_kind(rows: list[Row], kind: str) -> list[Row]:
    return [row for row in rows if row["kind"] == kind]


def test_another_process_makes_the_same_bytes() -> None:
    here = sha256(msgspec.json.encode(list(library(40, seed=7)))).hexdigest()
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_the_bytes_are_those_of_every_python_and_machine() -> None:
    # Changes with the words and shares of the dataset, and then for a reason.
    digest = sha256(msgspec.json.encode(list(library(40, seed=7)))).hexdigest()
    assert digest == "d6f57f5c9c85e7e47c6501ffa394bfe96ceea6ee786788ce6fa2ac76cceaf2a4"


def test_another_seed_makes_another_library() -> None:
    one, other = (of_kind(list(library(20, seed=seed)), "artist")[1:] for seed in (1, 2))
    assert not {row["name"] for row in one} & {row["name"] for row in other}


@pytest.mark.parametrize(
    ("artists", "albums", "tracks"),
    [(1, 1, 1), (7, 2, 10), (50, 3, 1), (50, 1, 33), (20, 2, 0), (20, 0, 10), (0, 2, 10)],
)
def test_there_is_as_much_of_it_as_was_asked_for(artists: int, albums: int, tracks: int) -> None:
    kinds = Counter(row["kind"] for row in library(artists, albums, tracks))
    assert kinds == Counter(artist=artists, album=artists * albums, track=artists * albums * tracks)


def test_a_tenth_of_the_artists_have_half_of_the_albums(rows: list[Row]) -> None:
    albums = Counter(row["artist"] for row in of_kind(rows, "album"))
    most = sum(number for _, number in albums.most_common(ARTISTS // 10))
    assert 0.45 < most / albums.total() < 0.65
    assert 0.1 < 1 - len(albums) / ARTISTS < 0.5


def test_the_most_common_genre_is_many_times_the_rarest(rows: list[Row]) -> None:
    genres = Counter(genre for row in of_kind(rows, "album") for genre in row["genres"])
    assert len(genres) > 20
    assert genres.most_common(1)[0][0] == "Rock"
    assert genres["Rock"] > 5 * min(genres.values())


def test_names_come_in_many_scripts(rows: list[Row]) -> None:
    letters = "".join(row["name"] for row in of_kind(rows, "artist"))
    scripts = {unicodedata.name(letter, "").split()[0] for letter in letters}
    assert scripts > {"LATIN", "CYRILLIC", "GREEK", "HIRAGANA", "KATAKANA", "CJK", "HANGUL"}
    assert scripts > {"ARABIC", "HEBREW", "DEVANAGARI"}


def test_no_two_names_look_the_same(rows: list[Row]) -> None:
    names = Counter(fold(row["name"]) for row in of_kind(rows, "artist"))
    titles = Counter((row["artist"], fold(row["title"])) for row in of_kind(rows, "album"))
    assert names.most_common(1)[0][1] == titles.most_common(1)[0][1] == 1


def test_every_row_refers_to_rows_before_it(rows: list[Row]) -> None:
    artists, albums = set(), set()
    for row in rows:
        if row["kind"] == "artist":
            artists.add(row["name"])
        elif row["kind"] == "album":
            albums.add((row["artist"], row["title"]))
        else:
            assert (row["album_artist"], row["album"]) in albums
            credited = [credit["name"] for credit in row.get("credits", [])]
            assert {row["artist"], *credited} <= artists


def test_compilations_hold_tracks_of_many_who_have_no_album(rows: list[Row]) -> None:
    with_album = {row["artist"] for row in of_kind(rows, "album")}
    collected = [r for r in of_kind(rows, "track") if r["album_artist"] == "Various Artists"]
    assert {row["artist"] for row in collected}.isdisjoint(with_album)
    assert len({row["artist"] for row in collected}) > ARTISTS // 10


def test_some_columns_are_there_for_some_rows_only(rows: list[Row]) -> None:
    for kind, columns in {
        "artist": ("mbid", "sort_name"),
        "album": ("mbid", "release_date"),
        "track": ("mbid", "isrc", "composer", "credits", "duration_ms"),
    }.items():
        for column in columns:
            share = sum(column in row for row in of_kind(rows, kind)) / len(of_kind(rows, kind))
            assert 0 < share < 1, (kind, column)


def test_the_import_knows_every_column(rows: list[Row]) -> None:
    for kind in ("artist", "album", "track"):
        assert set().union(*of_kind(rows, kind)) <= COLUMNS[kind]


def test_a_long_album_has_its_tracks_on_discs_numbered_from_one() -> None:
    (_, album, *tracks) = library(1, 1, 45)
    assert [(t["disc_number"], t["track_number"]) for t in tracks[14:16]] == [(1, 15), (2, 1)]
    assert (tracks[-1]["disc_number"], album["type"]) != (1, "single")


def test_a_factory_fixes_what_it_is_told_and_draws_the_rest() -> None:
    album = AlbumFactory.build(rng=Random(3), title="Début", size=2)
    assert (album["title"], album["type"]) == ("Début", "single")
    assert TrackFactory.build(title="Jóga", on=album)["album"] == "Début"
    assert ArtistFactory.build(rng=Random(3)) == ArtistFactory.build(rng=Random(3))
