"""The catalogue as JSON Lines or CSV, in an order that its content decides.

Genres that nothing has, artists, albums, then tracks album by album: whatever a row names stands
above it. Ids order only what is the same in every column, and an import keeps their order, so a
catalogue that was imported is exported to the same bytes.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from vivace.catalogue.statements import fetched
from vivace.imports.library import ALBUM_COPIES, TRACK_COPIES, asked, credit_rows, in_order

ALBUMS_AT_ONCE = 500
ROWS_AT_ONCE = 2_000

CSV_COLUMNS = (
    "title", "artist", "artist_disambiguation", "album", "album_artist",
    "album_artist_disambiguation", "disc_number", "track_number", "duration_ms", "genres",
    "composer", "release_date", "mbid", "isrc", "source", "source_id", "album_copy", "copy",
)  # fmt: skip


class ArtistNames(NamedTuple):
    """What a row calls an artist by."""

    name: str
    disambiguation: str


class Artist(NamedTuple):
    id: int
    name: str
    sort_name: str | None
    disambiguation: str
    mbid: str | None
    source: str | None
    source_id: str | None


class Album(NamedTuple):
    id: int
    title: str
    title_key: str
    artist_id: int
    name: str
    disambiguation: str
    release_date: str | None
    type: str | None
    mbid: str | None
    source: str | None
    source_id: str | None


class Track(NamedTuple):
    id: int
    title: str
    title_key: str
    artist_id: int
    name: str
    disambiguation: str
    album_id: int
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    composer: str | None
    isrc: str | None
    mbid: str | None
    source: str | None
    source_id: str | None


def json_lines() -> Iterator[bytes]:
    """All of the catalogue, one object a line."""
    encode = msgspec.json.Encoder().encode
    with snapshot():
        for rows in (genre_rows(), artist_rows(), album_rows(), track_rows()):
            for row in rows:
                yield encode(row) + b"\n"


def csv_lines() -> Iterator[bytes]:
    """The tracks for a spreadsheet, under a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS)
    writer.writeheader()
    with snapshot():
        for batch in album_batches():
            tracks = tracks_of([album.id for album, _ in batch])
            for album, album_copy in batch:
                numbers = copies(tracks.of(album))
                writer.writerows(
                    csv_row(album, album_copy, track, numbers.get(track.id), tracks)
                    for track in tracks.of(album)
                )
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


@contextmanager
def snapshot() -> Iterator[None]:
    """The library as it is now, however long it is read. Writers go on meanwhile."""
    if connection.in_atomic_block:
        yield
        return
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin if connection.vendor == "postgresql" else "BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def present(**columns: Any) -> dict[str, Any]:
    """A row without the columns that say nothing."""
    return {name: value for name, value in columns.items() if value not in (None, "", [])}


def identity(entry: Artist | Album | Track) -> dict[str, Any]:
    known = entry.source and entry.source_id
    return present(
        mbid=entry.mbid,
        source=entry.source if known else None,
        source_id=entry.source_id if known else None,
    )


# --- Genres and artists ----------------------------------------------------------------------


def genre_rows() -> Iterator[dict[str, Any]]:
    """Those that no row below would bring."""
    unused = fetched(
        "SELECT name FROM catalogue_genre genre WHERE NOT EXISTS"
        " (SELECT 1 FROM catalogue_trackgenre WHERE genre_id = genre.id) AND NOT EXISTS"
        " (SELECT 1 FROM catalogue_albumgenre WHERE genre_id = genre.id) ORDER BY name_key"
    )
    for (name,) in unused:
        yield {"kind": "genre", "name": name}


def artist_rows() -> Iterator[dict[str, Any]]:
    order = in_order(("name_key", "disambiguation!"))
    columns = ", ".join(Artist._fields)
    for row in stream(f"SELECT {columns} FROM catalogue_artist ORDER BY {order}"):
        artist = Artist._make(row)
        yield {
            "kind": "artist",
            "name": artist.name,
            **present(sort_name=artist.sort_name, disambiguation=artist.disambiguation),
            **identity(artist),
        }


def stream(statement: str) -> Iterator[Any]:
    """Rows as they are read, in bounded memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from rows


# --- Albums ----------------------------------------------------------------------------------

ALBUM = (
    "SELECT album.id, album.title, album.title_key, album.artist_id, artist.name,"
    " artist.disambiguation, album.release_date, album.type, album.mbid, album.source,"
    " album.source_id FROM catalogue_album album"
    " JOIN catalogue_artist artist ON artist.id = album.artist_id ORDER BY "
)


def album_batches() -> Iterator[list[tuple[Album, int | None]]]:
    """Albums in order by the hundred, each with its number among those of its name.

    The number is None where the artist has no other album of that name.
    """
    columns = ("artist.name_key", "artist.disambiguation!", "album.title_key")
    order = in_order((*columns, *(f"album.{column}" for column in ALBUM_COPIES)))
    batch: list[tuple[Album, int | None]] = []
    albums = map(Album._make, stream(ALBUM + order))
    for _, named in groupby(albums, key=lambda album: (album.artist_id, album.title_key)):
        batch += numbered(list(named))
        if len(batch) >= ALBUMS_AT_ONCE:
            yield batch
            batch = []
    yield batch


def numbered(named: list[Any]) -> Iterator[tuple[Any, int | None]]:
    if len(named) == 1:
        yield named[0], None
        return
    for number, entry in enumerate(named, 1):
        yield entry, number


def album_rows() -> Iterator[dict[str, Any]]:
    for batch in album_batches():
        ids = [album.id for album, _ in batch]
        genres, credits_by_id = genres_of("album", ids), credits_of("album", ids)
        for album, copy in batch:
            yield {
                "kind": "album",
                "title": album.title,
                "artist": album.name,
                **present(
                    artist_disambiguation=album.disambiguation,
                    copy=copy,
                    release_date=album.release_date,
                    type=album.type,
                    genres=genres.get(album.id),
                    credits=credits_by_id.get(album.id),
                ),
                **identity(album),
            }


def genres_of(kind: str, ids: Sequence[int]) -> dict[int, list[str]]:
    source, values = asked(f"catalogue_{kind}genre", ((f"{kind}_id", "bigint"),), ids)
    found: dict[int, list[str]] = {}
    for id_, name in (
        fetched(
            f"SELECT found.{kind}_id, genre.name {source} JOIN catalogue_genre genre"
            f" ON genre.id = found.genre_id ORDER BY found.{kind}_id, found.position",
            values,
        )
        if ids
        else ()
    ):
        found.setdefault(id_, []).append(name)
    return found


def credits_of(kind: str, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """What there is to say of artists beyond the one that the row names."""
    rows = credit_rows(kind, ids) if ids else []
    names = names_of_artists({artist_id for _, artist_id, _, _ in rows})
    found: dict[int, list[dict[str, Any]]] = {}
    for id_, artist_id, credited_as, role in rows:
        name, disambiguation = names[artist_id]
        found.setdefault(id_, []).append(
            {
                "name": name,
                **present(
                    disambiguation=disambiguation,
                    credited_as=credited_as if credited_as != name else None,
                    role=role if role != "main" else None,
                ),
            }
        )
    return {
        id_: listed
        for id_, listed in found.items()
        if len(listed) > 1 or len(set(listed[0]) - {"disambiguation"}) > 1
    }


def names_of_artists(ids: Iterable[int]) -> dict[int, ArtistNames]:
    wanted = list(ids)
    if not wanted:
        return {}
    source, values = asked("catalogue_artist", (("id", "bigint"),), wanted)
    rows = fetched(f"SELECT found.id, found.name, found.disambiguation {source}", values)
    return {id_: ArtistNames(name, disambiguation) for id_, name, disambiguation in rows}


# --- Tracks ----------------------------------------------------------------------------------


class Tracks:
    """The tracks of a batch of albums, with what is listed apart from them."""

    def __init__(self, tracks: Iterable[Track]) -> None:
        self.by_album: dict[int, list[Track]] = {}
        for track in tracks:
            self.by_album.setdefault(track.album_id, []).append(track)
        ids = [track.id for album in self.by_album.values() for track in album]
        self.genres = genres_of("track", ids)
        self.credits = credits_of("track", ids)

    def of(self, album: Album) -> list[Track]:
        return self.by_album.get(album.id, [])


def tracks_of(album_ids: Sequence[int]) -> Tracks:
    if not album_ids:
        return Tracks(())
    source, values = asked("catalogue_track", (("album_id", "bigint"),), album_ids)
    order = in_order(
        (
            "found.position",
            "found.title_key",
            "artist.name_key",
            "artist.disambiguation!",
            *(f"found.{column}" for column in TRACK_COPIES),
        )
    )
    columns = ", ".join(
        f"artist.{name}" if name in ArtistNames._fields else f"found.{name}"
        for name in Track._fields
    )
    rows = fetched(
        f"SELECT {columns} {source} JOIN catalogue_artist artist ON artist.id = found.artist_id"
        f" ORDER BY {order}",
        values,
    )
    return Tracks(map(Track._make, rows))


def copies(tracks: Sequence[Track]) -> dict[int, int]:
    """The numbers of those tracks of an album that their names and places do not tell apart."""
    named: dict[tuple[int, str], list[Track]] = {}
    for track in tracks:
        named.setdefault((track.artist_id, track.title_key), []).append(track)
    return {
        track.id: number
        for alike in named.values()
        if not stand_apart(alike)
        for number, track in enumerate(alike, 1)
    }


def stand_apart(tracks: Sequence[Track]) -> bool:
    places = {(track.disc_number, track.track_number) for track in tracks}
    if len(tracks) == 1:
        return True
    # One that lacks a number could be meant by every number.
    discs = {track.disc_number is None for track in tracks}
    numbers = {track.track_number is None for track in tracks}
    return len(places) == len(tracks) and len(discs) == len(numbers) == 1


def track_rows() -> Iterator[dict[str, Any]]:
    for batch in album_batches():
        tracks = tracks_of([album.id for album, _ in batch])
        for album, album_copy in batch:
            numbers = copies(tracks.of(album))
            for track in tracks.of(album):
                yield track_row(album, album_copy, track, numbers.get(track.id), tracks)


def track_row(
    album: Album, album_copy: int | None, track: Track, copy: int | None, tracks: Tracks
) -> dict[str, Any]:
    own = track.artist_id == album.artist_id
    return {
        "title": track.title,
        "artist": track.name,
        "album": album.title,
        **present(
            artist_disambiguation=track.disambiguation,
            album_artist=None if own else album.name,
            album_artist_disambiguation=None if own else album.disambiguation,
            album_copy=album_copy,
            copy=copy,
            disc_number=track.disc_number,
            track_number=track.track_number,
            duration_ms=track.duration_ms,
            genres=tracks.genres.get(track.id),
            composer=track.composer,
            isrc=track.isrc,
            credits=tracks.credits.get(track.id),
        ),
        **identity(track),
    }


def csv_row(
    album: Album, album_copy: int | None, track: Track, copy: int | None, tracks: Tracks
) -> dict[str, Any]:
    row = {name: getattr(track, name, None) for name in CSV_COLUMNS}
    return row | {
        "artist": track.name,
        "artist_disambiguation": track.disambiguation,
        "album": album.title,
        "album_artist": album.name,
        "album_artist_disambiguation": album.disambiguation,
        "release_date": album.release_date,
        "album_copy": album_copy,
        "copy": copy,
        "genres": "; ".join(tracks.genres.get(track.id, ())),
    }
