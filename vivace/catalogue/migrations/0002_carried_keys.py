"""Triggers that keep carried keys and derived rows right, and the indexes of words.

Whoever writes (the API, an import, the admin, a shell): an artist's new name reaches the sort
keys of its albums and tracks, theirs reach the rows of their genres, and `ArtistGenre` holds
each genre of an artist's albums and tracks once.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import migrations

ALBUM_GENRE = ("title_key", "artist_key", "release_year", "created_at", "updated_at", "artist_id")
TRACK_GENRE = (*ALBUM_GENRE, "album_key", "duration_ms")
ARTIST_GENRE = ("sort_key", "created_at", "updated_at")

# (table written, its columns that matter, what follows from it)
CARRIED = (
    ("artist", ("sort_key",),
     "UPDATE catalogue_album SET artist_key = NEW.sort_key WHERE artist_id = NEW.id"),
    ("artist", ("sort_key",),
     "UPDATE catalogue_track SET artist_key = NEW.sort_key WHERE artist_id = NEW.id"),
    ("album", ("title_key", "release_date"),
     ("UPDATE catalogue_track SET album_key = NEW.title_key, release_year = NEW.release_year"
      " WHERE album_id = NEW.id")),
    ("artist", ARTIST_GENRE, "UPDATE catalogue_artistgenre SET "
     + ", ".join(f"{key} = NEW.{key}" for key in ARTIST_GENRE) + " WHERE artist_id = NEW.id"),
    ("album", (*ALBUM_GENRE[:2], "release_date", *ALBUM_GENRE[3:]),
     "UPDATE catalogue_albumgenre SET "
     + ", ".join(f"{key} = NEW.{key}" for key in ALBUM_GENRE) + " WHERE album_id = NEW.id"),
    ("track", TRACK_GENRE, "UPDATE catalogue_trackgenre SET "
     + ", ".join(f"{key} = NEW.{key}" for key in TRACK_GENRE) + " WHERE track_id = NEW.id"),
)  # fmt: skip

FOUND = (
    "INSERT INTO catalogue_artistgenre (artist_id, genre_id, sort_key, created_at, updated_at) "
    "SELECT DISTINCT artist.id, row.genre_id, artist.sort_key, artist.created_at,"
    " artist.updated_at FROM {rows} JOIN catalogue_artist artist ON artist.id = row.artist_id "
    "WHERE true ON CONFLICT (artist_id, genre_id) DO NOTHING"
)
# The carried artist_key leads straight to the artist's rows in the index of a genre by artist.
LOST = (
    "DELETE FROM catalogue_artistgenre WHERE artist_id = OLD.artist_id "
    "AND genre_id = OLD.genre_id "
    "AND NOT EXISTS (SELECT 1 FROM catalogue_trackgenre t WHERE t.genre_id = OLD.genre_id"
    " AND t.artist_key = catalogue_artistgenre.sort_key AND t.artist_id = OLD.artist_id) "
    "AND NOT EXISTS (SELECT 1 FROM catalogue_albumgenre a WHERE a.genre_id = OLD.genre_id"
    " AND a.artist_key = catalogue_artistgenre.sort_key AND a.artist_id = OLD.artist_id)"
)
WORDS = (("artist", "name_words"), ("album", "title_words"), ("track", "title_words"))


def sqlite() -> Iterator[str]:
    for number, (table, columns, then) in enumerate(CARRIED):
        yield (
            f"CREATE TRIGGER carry_{number} AFTER UPDATE OF {', '.join(columns)} "
            f"ON catalogue_{table} BEGIN {then}; END"
        )
    found = FOUND.format(rows="(SELECT NEW.artist_id AS artist_id, NEW.genre_id AS genre_id) row")
    for table in ("albumgenre", "trackgenre"):
        on = f"ON catalogue_{table}"
        yield f"CREATE TRIGGER {table}_found AFTER INSERT {on} BEGIN {found}; END"
        yield f"CREATE TRIGGER {table}_lost AFTER DELETE {on} BEGIN {LOST}; END"
        yield (
            f"CREATE TRIGGER {table}_moved AFTER UPDATE OF artist_id, genre_id {on} "
            "WHEN OLD.artist_id <> NEW.artist_id OR OLD.genre_id <> NEW.genre_id "
            f"BEGIN {found}; {LOST}; END"
        )
    for table, column in WORDS:
        on, index = f"ON catalogue_{table}", f"catalogue_{table}_words"
        forget = (
            f"INSERT INTO {index}({index}, rowid, {column}) VALUES ('delete', OLD.id, OLD.{column})"
        )
        learn = f"INSERT INTO {index}(rowid, {column}) VALUES (NEW.id, NEW.{column})"
        # The rows matching a prefix are all that is asked: no positions, no ranks. Marks belong
        # to their word, as in `folding.words`. There is no trigger for new rows: fired for each
        # of many it flushes the index every time (35 µs a row); code that inserts calls
        # `search.index_words` once instead.
        yield (
            f"CREATE VIRTUAL TABLE {index} USING fts5({column}, content='catalogue_{table}', "
            "content_rowid='id', detail=none, columnsize=0, prefix='1 2 3', "
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co M*'\")"
        )
        yield f"CREATE TRIGGER {index}_removed AFTER DELETE {on} BEGIN {forget}; END"
        yield (
            f"CREATE TRIGGER {index}_changed AFTER UPDATE OF {column} {on} "
            f"WHEN OLD.{column} <> NEW.{column} BEGIN {forget}; {learn}; END"
        )


def function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION catalogue_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body}; RETURN NULL; END $$"
    )


def postgresql() -> Iterator[str]:
    for number, (table, columns, then) in enumerate(CARRIED):
        yield function(f"carry_{number}", then)
        yield (
            f"CREATE TRIGGER carry_{number} AFTER UPDATE OF {', '.join(columns)} "
            f"ON catalogue_{table} FOR EACH ROW EXECUTE FUNCTION catalogue_carry_{number}()"
        )
    # Rows arrive by the thousand: what they add is looked up once for all of them.
    yield function("genre_found", FOUND.format(rows="added row"))
    yield function("genre_lost", LOST)
    yield function(
        "genre_moved",
        FOUND.format(rows="(SELECT NEW.artist_id, NEW.genre_id) row") + f"; {LOST}",
    )
    for table in ("albumgenre", "trackgenre"):
        on = f"ON catalogue_{table}"
        yield (
            f"CREATE TRIGGER {table}_found AFTER INSERT {on} REFERENCING NEW TABLE AS added "
            "FOR EACH STATEMENT EXECUTE FUNCTION catalogue_genre_found()"
        )
        yield (
            f"CREATE TRIGGER {table}_lost AFTER DELETE {on} "
            "FOR EACH ROW EXECUTE FUNCTION catalogue_genre_lost()"
        )
        yield (
            f"CREATE TRIGGER {table}_moved AFTER UPDATE OF artist_id, genre_id {on} FOR EACH ROW "
            "WHEN (OLD.artist_id <> NEW.artist_id OR OLD.genre_id <> NEW.genre_id) "
            "EXECUTE FUNCTION catalogue_genre_moved()"
        )
    for table, column in WORDS:
        yield (
            f"CREATE INDEX catalogue_{table}_words ON catalogue_{table} USING gin "
            f"(array_to_tsvector(string_to_array({column}, ' ')))"
        )


def create(apps: Any, schema_editor: Any) -> None:
    statements: dict[str, Callable[[], Iterator[str]]]
    statements = {"sqlite": sqlite, "postgresql": postgresql}
    for statement in statements[schema_editor.connection.vendor]():
        schema_editor.execute(statement)
    schema_editor.execute("INSERT INTO catalogue_generation (id, value) VALUES (1, 0)")


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]
    operations = [migrations.RunPython(create)]
