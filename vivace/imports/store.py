"""A plan into the library, inside the caller's transaction.

Rows are changed before others are added, so that a name that one gives up is free for another.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from django.db import connection
from django.db.models import Model

from vivace.catalogue import bulk, carried, documents
from vivace.catalogue.fields import timestamp
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.models import (
    Album,
    AlbumCredit,
    AlbumGenre,
    Artist,
    ArtistGenre,
    Genre,
    Track,
    TrackGenre,
    artist_words,
)
from vivace.catalogue.search import DOCUMENTED, index_words, learn_rows
from vivace.catalogue.statements import any_of, fetched, run
from vivace.catalogue.vocabulary import learn
from vivace.imports import known
from vivace.imports.albums import Albums
from vivace.imports.artists import Artists
from vivace.imports.library import genres_of
from vivace.imports.plan import Planner

LARGE = 20_000
"""With fewer new tracks, indexes are kept up as the rows arrive."""
FEW = 20
"""For as many changes the rows may be walked that there are before."""
SORTER_KIB = 48_000

ENTRY = ("mbid", "source", "source_id")
ARTIST = ("name", "name_key", "sort_name", "disambiguation", *ENTRY, "name_words", "sort_key")
ALBUM = ("title", "title_key", "artist_id", "release_date", "type", *ENTRY, "title_words")
TRACK = (
    "title", "artist_id", "album_id", "disc_number", "track_number", "duration_ms", "composer",
    "isrc", "mbid", "source", "source_id", "title_key", "title_words", "composer_words",
)  # fmt: skip
TIMES = ("created_at", "updated_at")


def store(planner: Planner, new_tracks: int, changed_tracks: int) -> None:
    """Write all that was planned. The tracks wait in `staged_track`."""
    now = timestamp()
    changed = len(planner.artists.changed) + len(planner.albums.changed)
    with relieved_of_indexes(new_tracks, changed + changed_tracks), carried.seen_to():
        store_genres(planner.genres.new, now)
        store_artists(planner.artists, now)
        store_albums(planner.albums, planner.artists, now)
        # Making indexes needs the room.
        planner.albums.forget()
        planner.artists.forget()
        if changed_tracks:
            change_tracks(now)
        if new_tracks:
            add_tracks(now)
        if new_tracks or changed_tracks:
            store_track_genres()
            store_track_credits()
            if changed_tracks:
                carried.renew("track", "IN (SELECT id FROM staged_track WHERE fresh = 0)")
            make_findable()


def moment() -> str:
    """A parameter that is a moment; PostgreSQL takes a selected text for nothing else."""
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"


def store_genres(new: dict[int, str], now: str) -> None:
    if not new:
        return
    keys = ((id_, name, fold(name)) for id_, name in new.items())
    rows = ((id_, name, key, spellings(key)) for id_, name, key in keys)
    columns = ("id", "name", "name_key", "name_words")
    bulk.insert(Genre, columns, rows, same=dict.fromkeys(TIMES, now))
    learn(spellings(fold(name)) for name in new.values())


def change(model: type[Model], columns: Sequence[str], rows: Sequence[bulk.Row]) -> None:
    """Set columns of the rows whose ids come last."""
    assigned = ", ".join(f"{column} = %s" for column in columns)
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {model._meta.db_table} SET {assigned} WHERE id = %s", rows)


def free_mbids(table: str, changed: Collection[known.Artist | known.Album]) -> None:
    """Take from rows the MusicBrainz ids that others of those changed get."""
    rows = [(each.id, each.mbid) for each in changed if each.mbid]
    if rows:
        source, part = GIVEN[connection.vendor]
        run(
            f"UPDATE {table} SET mbid = NULL WHERE id IN (SELECT held.id FROM {source}"
            f" CROSS JOIN {table} held WHERE held.mbid = {part} 1"
            f" AND held.id <> CAST({part} 0 AS bigint))",
            [msgspec.json.encode(rows).decode()],
        )


# --- Artists and albums ----------------------------------------------------------------------


def store_artists(artists: Artists, now: str) -> None:
    changed = artists.changed.values()
    free_mbids(Artist._meta.db_table, changed)
    change(
        Artist, (*ARTIST, "updated_at"), [(*artist_values(each), now, each.id) for each in changed]
    )
    learn(map(words_of_artist, changed))
    new = [artists.new[id_] for id_ in sorted(artists.new)]
    if new:
        rows = ((each.id, *artist_values(each)) for each in new)
        bulk.insert(Artist, ("id", *ARTIST), rows, same=dict.fromkeys(TIMES, now))
        index_words(Artist._meta.db_table, (new[0].id, new[-1].id), map(words_of_artist, new))


def artist_values(artist: known.Artist) -> bulk.Row:
    key = artist.name_key
    return (
        artist.name, key, artist.sort_name, artist.disambiguation, artist.mbid, artist.source,
        artist.source_id, words_of_artist(artist), sort_key(artist),
    )  # fmt: skip


def words_of_artist(artist: known.Artist) -> str:
    return artist_words(artist.name_key, sort_key(artist))


def sort_key(artist: known.Artist) -> str:
    return fold(artist.sort_name) if artist.sort_name else artist.name_key


def store_albums(albums: Albums, artists: Artists, now: str) -> None:
    changed = albums.changed.values()
    free_mbids(Album._meta.db_table, changed)
    change(Album, (*ALBUM, "updated_at"), [(*album_values(each), now, each.id) for each in changed])
    if changed:
        ids = [album.id for album in changed]
        carry_artist_key(ids)
        learn(map(words_of_album, changed))
    new = [albums.new[id_] for id_ in sorted(albums.new)]
    if new:
        rows = (
            (each.id, *album_values(each), sort_key(artists.by_id[each.artist_id])) for each in new
        )
        bulk.insert(Album, ("id", *ALBUM, "artist_key"), rows, same=dict.fromkeys(TIMES, now))
        index_words(Album._meta.db_table, (new[0].id, new[-1].id), map(words_of_album, new))
    store_album_genres(albums)
    store_album_credits(albums)
    described = {*albums.new, *albums.changed, *albums.regenred, *albums.recredited}
    if described:
        carried.renew("album", *any_of(described))
        documents.index_anew("album", *any_of(described))


def album_values(album: known.Album) -> bulk.Row:
    return (
        album.title, album.title_key, album.artist_id, album.release_date, album.type, album.mbid,
        album.source, album.source_id, words_of_album(album),
    )  # fmt: skip


def words_of_album(album: known.Album) -> str:
    return spellings(album.title_key)


def carry_artist_key(ids: Collection[int]) -> None:
    """Albums that changed hands are sorted by their new artist."""
    condition, values = among("album.id", ids)
    run(
        "UPDATE catalogue_album AS album SET artist_key = artist.sort_key "
        "FROM catalogue_artist artist WHERE artist.id = album.artist_id "
        f"AND artist.sort_key <> album.artist_key AND {condition}",
        values,
    )


def among(column: str, ids: Collection[int]) -> tuple[str, list[str]]:
    """A condition that the column is one of many ids, and its parameters."""
    condition, encoded = any_of(ids)
    return f"{column} {condition}", encoded


def store_album_genres(albums: Albums) -> None:
    if gone := albums.regenred - albums.new.keys():
        condition, values = among("album_id", gone)
        run(f"DELETE FROM catalogue_albumgenre WHERE {condition}", values)
    ids = sorted((albums.new.keys() & albums.genres.keys()) | gone)
    if not ids:
        return
    rows = [
        (id_, genre_id, position)
        for id_ in ids
        for position, genre_id in enumerate(albums.genres[id_])
    ]
    source, part = GIVEN[connection.vendor]
    run(
        "INSERT INTO catalogue_albumgenre (album_id, genre_id, position, artist_id, title_key,"
        " artist_key, release_year, created_at, updated_at) "
        f"SELECT album.id, CAST({part} 1 AS bigint), CAST({part} 2 AS integer), album.artist_id,"
        " album.title_key, album.artist_key, album.release_year, album.created_at,"
        " album.updated_at "
        f"FROM {source} CROSS JOIN catalogue_album album WHERE album.id = CAST({part} 0 AS bigint)",
        [msgspec.json.encode(rows).decode()],
    )


GIVEN = {
    "sqlite": ("json_each(%s) given", "given.value ->>"),
    "postgresql": ("json_array_elements(%s::json) given(value)", "given.value ->>"),
}
"""Rows that come as a parameter, a JSON list of lists, and a cell of theirs up to its number."""


def store_album_credits(albums: Albums) -> None:
    if gone := albums.recredited - albums.new.keys():
        condition, values = among("album_id", gone)
        run(f"DELETE FROM catalogue_albumcredit WHERE {condition}", values)
    rows = [
        (id_, position, *credit)
        for id_ in sorted(albums.recredited)
        for position, credit in enumerate(albums.credits[id_])
    ]
    if rows:
        columns = ("album_id", "position", "artist_id", "credited_as", "role")
        bulk.insert(AlbumCredit, columns, rows)
    if changed := albums.changed.keys() | albums.recredited:
        # A later row may have said whose it is, and no word on credits.
        follow_artist("album", *among("owner.id", changed))


def follow_artist(kind: str, condition: str, values: Sequence[bulk.Value] = ()) -> None:
    """Let the first credit be the artist's."""
    run(
        f"UPDATE catalogue_{kind}credit AS credit "
        "SET artist_id = artist.id, credited_as = artist.name "
        f"FROM catalogue_{kind} owner, catalogue_artist artist "
        f"WHERE owner.id = credit.{kind}_id AND artist.id = owner.artist_id "
        f"AND credit.position = 0 AND credit.artist_id <> artist.id AND {condition}",
        values,
    )


# --- Tracks ----------------------------------------------------------------------------------

CARRIED = (
    "JOIN catalogue_artist artist ON artist.id = staged.artist_id "
    "JOIN catalogue_album album ON album.id = staged.album_id"
)


def change_tracks(now: str) -> None:
    run(
        "UPDATE catalogue_track SET mbid = NULL WHERE id IN (SELECT held.id"
        " FROM staged_track staged CROSS JOIN catalogue_track held"
        " WHERE staged.fresh = 0 AND held.mbid = staged.mbid AND held.id <> staged.id)"
    )
    assigned = ", ".join(f"{column} = carried.{column}" for column in (*TRACK, *KEYS))
    run(
        f"UPDATE catalogue_track AS track SET {assigned}, updated_at = {moment()} "
        f"FROM (SELECT staged.id, {columns_of('staged', TRACK)}, {CARRIED_KEYS} "
        f"FROM staged_track staged {CARRIED} WHERE staged.fresh = 0) carried "
        "WHERE carried.id = track.id",
        [now],
    )


LISTS = tuple(each.column for each in carried.LISTS)
KEYS = ("artist_key", "album_key", "release_year")
CARRIED_KEYS = "artist.sort_key AS artist_key, album.title_key AS album_key, album.release_year"


def columns_of(table: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


def add_tracks(now: str) -> None:
    run(
        f"INSERT INTO catalogue_track (id, {', '.join((*TRACK, *KEYS, *LISTS, *TIMES))}) "
        f"SELECT staged.id, {columns_of('staged', TRACK)}, {CARRIED_KEYS}, {staged_genres()},"
        f" {staged_credits()}, {moment()}, {moment()} "
        f"FROM staged_track staged {CARRIED} WHERE staged.fresh = 1 ORDER BY staged.id",
        [now, now],
    )
    if connection.vendor == "sqlite":
        run(
            "INSERT INTO catalogue_track_words (rowid, title_words) "
            "SELECT id, title_words FROM staged_track WHERE fresh = 1 ORDER BY id"
        )


def staged_genres() -> str:
    """SQL for the list of the genres of a staged track."""
    named = "JOIN catalogue_genre named ON named.id = CAST(element.value AS bigint)"
    held = f"{elements('genres')} {named}"
    return carried.listed(connection.vendor, held, "element.key", "named.name")


def staged_credits() -> str:
    id_, credited_as, role = (f"element.value {part()} {place}" for place in range(3))
    named = f"JOIN catalogue_artist named ON named.id = CAST({id_} AS bigint)"
    values = (f"CAST({id_} AS text)", "named.name", credited_as, role)
    held = f"{elements('credits')} {named}"
    return carried.listed(connection.vendor, held, "element.key", *values)


def part() -> str:
    return "->>" if connection.vendor == "sqlite" else "::json ->>"


def make_findable() -> None:
    """All that was staged, by its words and by those of all it belongs to."""
    staged = "IN (SELECT id FROM staged_track)"
    learn_rows(Track._meta.db_table, staged)
    documents.index_anew("track", staged)


ELEMENTS = {
    "sqlite": "json_each(staged.{column}) element",
    "postgresql": "json_array_elements_text(staged.{column}::json) WITH ORDINALITY"
    " element(value, key)",
}
FIRST_KEY = {"sqlite": 0, "postgresql": 1}


def elements(column: str) -> str:
    """The elements of a JSON list of staged tracks, to be joined: `element.value` and `.key`."""
    return ELEMENTS[connection.vendor].format(column=column)


def position() -> str:
    return f"element.key - {FIRST_KEY[connection.vendor]}"


def store_track_genres() -> None:
    run(
        "DELETE FROM catalogue_trackgenre WHERE track_id IN (SELECT id FROM staged_track staged"
        f" WHERE fresh = 0 AND genres <> {genres_of('staged.id')})"
    )
    run(
        "INSERT INTO catalogue_trackgenre (track_id, genre_id, position, artist_id, title_key,"
        " album_key, artist_key, duration_ms, release_year, created_at, updated_at) "
        f"SELECT track.id, CAST(element.value AS bigint), {position()}, track.artist_id,"
        " track.title_key, track.album_key, track.artist_key, track.duration_ms,"
        " track.release_year, track.created_at, track.updated_at "
        "FROM staged_track staged CROSS JOIN catalogue_track track"
        f" CROSS JOIN {elements('genres')} "
        "WHERE track.id = staged.id AND (staged.fresh = 1 OR NOT EXISTS"
        " (SELECT 1 FROM catalogue_trackgenre present WHERE present.track_id = staged.id))"
    )


def store_track_credits() -> None:
    run(
        "DELETE FROM catalogue_trackcredit WHERE track_id IN"
        " (SELECT id FROM staged_track WHERE fresh = 0 AND credits IS NOT NULL)"
    )
    run(
        "INSERT INTO catalogue_trackcredit (track_id, position, artist_id, credited_as, role) "
        f"SELECT staged.id, {position()}, CAST(element.value {part()} 0 AS bigint),"
        f" element.value {part()} 1, element.value {part()} 2 "
        f"FROM staged_track staged CROSS JOIN {elements('credits')} "
        "WHERE staged.credits IS NOT NULL"
    )
    follow_artist(
        "track",
        "owner.id IN (SELECT id FROM staged_track WHERE fresh = 0 AND credits IS NULL)",
    )


# --- Large loads -----------------------------------------------------------------------------

LOADED = [
    *(m._meta.db_table for m in (Artist, Album, Track, AlbumGenre, TrackGenre, ArtistGenre)),
    *DOCUMENTED.values(),
]


@contextmanager
def relieved_of_indexes(new_tracks: int, changed: int) -> Iterator[None]:
    """Take the indexes away for the block where making them anew is less work than keeping them.

    Not where many rows change: without indexes each looks through the whole library.
    Both databases do that within the transaction. Readers of SQLite go on; those of PostgreSQL
    would wait, so there it is done for a library without tracks only.
    """
    present = fetched(
        "SELECT count(*) FROM (SELECT 1 FROM catalogue_track LIMIT %s) track", [new_tracks]
    )
    walked = changed * max(present[0][0], LARGE)
    if new_tracks < LARGE or present[0][0] == new_tracks or walked > FEW * new_tracks:
        yield
    elif connection.vendor == "sqlite":
        with sqlite_relieved():
            yield
    elif not present[0][0]:
        with postgresql_relieved():
            yield
    else:
        yield


@contextmanager
def sqlite_relieved() -> Iterator[None]:
    names = ", ".join(f"'{table}'" for table in LOADED)
    dropped = fetched(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND "
        f"(type = 'index' AND tbl_name IN ({names}) OR name LIKE '%%genre_found'"
        " OR name LIKE 'document_%%_insert' OR name LIKE 'carry_%%_insert')"
    )
    for kind, name, _ in dropped:
        run(f"DROP {kind} {name}")
    [(cache,)] = fetched("PRAGMA cache_size")
    run(f"PRAGMA cache_size = -{SORTER_KIB}")
    try:
        yield
        find_genres()
        for _, _, statement in dropped:
            run(statement)
    finally:
        run(f"PRAGMA cache_size = {cache}")


def find_genres() -> None:
    """What the triggers on the rows of genres do, for all rows at once."""
    for table in ("albumgenre", "trackgenre"):
        run(
            "INSERT INTO catalogue_artistgenre"
            " (artist_id, genre_id, sort_key, created_at, updated_at) "
            "SELECT artist.id, found.genre_id, artist.sort_key, artist.created_at,"
            " artist.updated_at "
            f"FROM (SELECT DISTINCT artist_id, genre_id FROM catalogue_{table}) found "
            "JOIN catalogue_artist artist ON artist.id = found.artist_id "
            "WHERE true ON CONFLICT (artist_id, genre_id) DO NOTHING"
        )


@contextmanager
def postgresql_relieved() -> Iterator[None]:
    """Foreign keys too: checked all at once they cost a tenth."""
    keys = fetched(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
        [LOADED],
    )
    indexes = fetched(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid::regclass::text = ANY(%s) AND NOT EXISTS"
        " (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))",
        [LOADED],
    )
    for table, name, _ in keys:
        run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        run(f"DROP INDEX {name}")
    run("SET LOCAL maintenance_work_mem = '128MB'")
    run("ANALYZE staged_track")
    yield
    for _, statement in indexes:
        run(statement)
    for table, name, definition in keys:
        run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for table in LOADED:
        run(f"ANALYZE {table}")
