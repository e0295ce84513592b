"""What an export holds, and that an import of it is the same catalogue."""

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vivace.catalogue.models import Album, Artist, Genre, Track
from vivace.imports import run
from vivace.imports.export import csv_lines, json_lines
from vivace.imports.report import ImportReport

pytestmark = pytest.mark.django_db

NAMES = ["Nirvana", "NIRVANA", "Sigur Rós", "sigur ros", "A; B", "日本", "\u0301x", "e\u0301", "É"]


def exported() -> bytes:
    return b"".join(json_lines())


def import_(content: bytes) -> ImportReport:
    return run.import_rows(io.BytesIO(content), format="jsonl")


def empty() -> None:
    for model in (Track, Album, Artist, Genre):
        model.objects.all().delete()


def assert_it_travels() -> None:
    """The catalogue comes back the same from an export, and importing it over itself is idle."""
    content = exported()
    report = import_(content)
    assert (report.added, report.changed, report.errors, report.stored) == (0, 0, [], False)
    empty()
    assert import_(content).errors == []
    assert exported() == content


def artist(name: str, **columns: Any) -> Artist:
    return Artist.objects.create(name=name, **columns)


def album(title: str, by: Artist, genres: tuple[str, ...] = (), **columns: Any) -> Album:
    found = Album.objects.create(title=title, artist=by, **columns)
    add_genres(found, genres)
    return found


def track(title: str, on: Album, by: Artist | None = None, genres: tuple[str, ...] = (),
          **columns: Any) -> Track:  # fmt: skip
    found = Track.objects.create(title=title, album=on, artist=by or on.artist, **columns)
    add_genres(found, genres)
    return found


def add_genres(entry: Album | Track, genres: tuple[str, ...]) -> None:
    for position, name in enumerate(genres):
        genre = Genre.objects.filter(name=name).first() or Genre.objects.create(name=name)
        entry.genre_rows.create(genre=genre, position=position)


def test_every_column_travels() -> None:
    bjork = artist("Björk", sort_name="Björk", mbid="0b2d2c5b-5f0a-4a5b-8d7f-0c6e2e1e9a11",
                   source="cd", source_id="1")  # fmt: skip
    tricky = artist("Tricky", disambiguation="UK")
    post = album(
        "Post",
        bjork,
        ("Pop", "Art Pop"),
        release_date="1995-06",
        type="album",
        mbid="0b2d2c5b-5f0a-4a5b-8d7f-0c6e2e1e9a12",
        source="cd",
        source_id="2",
    )
    song = track("Enjoy", post, genres=("Trip Hop", "Pop"), disc_number=1, track_number=7,
                 duration_ms=1, composer="Björk", isrc="GBAYE9500010", source="cd",
                 source_id="3", mbid="0b2d2c5b-5f0a-4a5b-8d7f-0c6e2e1e9a13")  # fmt: skip
    for entry in (post, song):
        entry.credits.create(position=0, artist=bjork, credited_as="Bjork")
        entry.credits.create(position=1, artist=tricky, credited_as="Tricky", role="producer")
    Genre.objects.create(name="Unheard")
    listed = (
        '"credits":[{"name":"Björk","credited_as":"Bjork"},'
        '{"name":"Tricky","disambiguation":"UK","role":"producer"}]'
    )
    identity = '"mbid":"0b2d2c5b-5f0a-4a5b-8d7f-0c6e2e1e9a1%d","source":"cd","source_id":"%d"'
    bjork_row = '{"kind":"artist","name":"Björk","sort_name":"Björk",' + identity % (1, 1) + "}"
    post_row = (
        '{"kind":"album","title":"Post","artist":"Björk","release_date":"1995-06","type":"album",'
        f'"genres":["Pop","Art Pop"],{listed},' + identity % (2, 2) + "}"
    )
    song_row = (
        '{"title":"Enjoy","artist":"Björk","album":"Post","disc_number":1,"track_number":7,'
        '"duration_ms":1,"genres":["Trip Hop","Pop"],"composer":"Björk","isrc":"GBAYE9500010",'
        f"{listed}," + identity % (3, 3) + "}"
    )
    assert exported().decode().splitlines() == [
        '{"kind":"genre","name":"Unheard"}',
        bjork_row,
        '{"kind":"artist","name":"Tricky","disambiguation":"UK"}',
        post_row,
        song_row,
    ]
    assert_it_travels()


def test_namesakes_travel() -> None:
    us, uk = artist("Nirvana", disambiguation="US"), artist("Nirvana", disambiguation="UK")
    first, second = album("Nirvana", us, release_date="2002"), album("nirvana", us)
    album("Nirvana", uk)
    album("Guests", artist("Various"))
    for on in (first, second):
        track("Lithium", on, duration_ms=2)
        track("lithium", on, by=uk, duration_ms=1)
        track("Lithium", on, duration_ms=1)
        track("Lithium", on, track_number=3)
        track("Lithium", on)
        track("Lithium", on)
    assert_it_travels()


def test_csv_holds_the_tracks_and_can_be_imported_again() -> None:
    various = artist("Various")
    on = album("Hits, Vol. 1", various, release_date="1995")
    track('He said "hi"', on, by=artist("Nirvana", disambiguation="UK"), genres=("Pop", "Rock"))
    track("Two\nlines", on, track_number=2)
    content = b"".join(csv_lines())
    assert content.decode() == (
        "title,artist,artist_disambiguation,album,album_artist,album_artist_disambiguation,"
        "disc_number,track_number,duration_ms,genres,composer,release_date,mbid,isrc,source,"
        "source_id,album_copy,copy\r\n"
        '"Two\nlines",Various,,"Hits, Vol. 1",Various,,,2,,,,1995,,,,,,\r\n'
        '"He said ""hi""",Nirvana,UK,"Hits, Vol. 1",Various,,,,,Pop; Rock,,1995,,,,,,\r\n'
    )
    report = run.import_rows(io.BytesIO(content), format="csv")
    assert (report.added, report.changed, report.unchanged, report.errors) == (0, 0, 2, [])


texts = st.sampled_from(NAMES)
maybe = st.none()
numbers = maybe | st.integers(1, 2)
genre_lists = st.lists(st.sampled_from(["Pop", "Rock", "Ärger"]), unique=True).map(tuple)


class Catalogue:
    """Builds odd libraries from what hypothesis draws: few names, so that they collide."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.ids = 0

    def identity(self) -> dict[str, Any]:
        self.ids += 1
        mbid = self.draw(maybe | st.just(f"0b2d2c5b-5f0a-4a5b-8d7f-{self.ids:012x}"))
        source = self.draw(maybe | st.sampled_from(["a", "b"]))
        return {"mbid": mbid, "source": source, "source_id": source and str(self.ids)}

    def artists(self) -> list[Artist]:
        found = []
        for _ in range(self.draw(st.integers(1, 4))):
            made = Artist(
                name=self.draw(texts),
                disambiguation=self.draw(st.sampled_from(["", "UK", "é"])),
                sort_name=self.draw(maybe | texts),
                **self.identity(),
            )
            made.fill_keys()
            names = {"name_key": made.name_key, "disambiguation": made.disambiguation}
            if not Artist.objects.filter(**names).exists():
                made.save()
                found.append(made)
        return found

    def build(self) -> None:
        artists = self.artists()
        albums = [
            album(
                self.draw(texts),
                self.draw(st.sampled_from(artists)),
                self.draw(genre_lists),
                release_date=self.draw(maybe | st.sampled_from(["1973", "1973-03"])),
                type=self.draw(maybe | st.just("live")),
                **self.identity(),
            )
            for _ in range(self.draw(st.integers(0, 3)))
        ]
        for _ in range(self.draw(st.integers(0, 6)) if albums else 0):
            made = track(
                self.draw(texts),
                self.draw(st.sampled_from(albums)),
                self.draw(st.sampled_from(artists)),
                self.draw(genre_lists),
                disc_number=self.draw(numbers),
                track_number=self.draw(numbers),
                duration_ms=self.draw(numbers),
                composer=self.draw(maybe | texts),
                **self.identity(),
            )
            for position in range(self.draw(st.integers(0, 2))):
                by = self.draw(st.sampled_from(artists)) if position else made.artist
                made.credits.create(
                    position=position, artist=by, credited_as=self.draw(texts),
                    role=self.draw(st.sampled_from(["main", "remixer"])),
                )  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_odd_catalogues_travel(data: st.DataObject) -> None:
    empty()
    Catalogue(data).build()
    assert_it_travels()
