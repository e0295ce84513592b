"""What an album or a track is found by: the words of its title, its artists, its genres.

They stand together in `catalogue_album_search` and `catalogue_track_search`, `rowid` and `words`:
a full-text table on SQLite, a table with an indexed `tsvector` on PostgreSQL. Triggers keep
them right when anything they are made of changes. Code that inserts calls `index_new`
once, when the genres and credits are in place: a trigger would flush SQLite's index at each row.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from vivace.catalogue.statements import any_of

KINDS = ("album", "track")

# The columns of a row that are words, or lead to some.
OWN = {
    "album": ("title_words", "artist_id"),
    "track": ("title_words", "composer_words", "artist_id", "album_id"),
}
GATHERED = {"sqlite": "group_concat", "postgresql": "string_agg"}


def document(kind: str, vendor: str) -> str:
    """SQL for the words of the row that `kind` stands for, as one text."""
    artist = f"(SELECT name_words FROM catalogue_artist WHERE id = {kind}.artist_id)"
    words = [f"{kind}.title_words", artist]
    if kind == "track":
        album = "(SELECT title_words FROM catalogue_album WHERE id = track.album_id)"
        words += ["track.composer_words", album]
    for rows, named in (("credit", "artist"), ("genre", "genre")):
        words.append(
            f"coalesce((SELECT {GATHERED[vendor]}(named.name_words, ' ')"
            f" FROM catalogue_{kind}{rows} held"
            f" JOIN catalogue_{named} named ON named.id = held.{named}_id"
            f" WHERE held.{kind}_id = {kind}.id), '')"
        )
    text = " || ' ' || ".join(words)
    if vendor == "postgresql":
        return f"array_to_tsvector(array_remove(string_to_array({text}, ' '), ''))"
    return text


def index_documents(kind: str, rows: str, values: Sequence[Any] = ()) -> None:
    """Make rows, that had no document yet, findable. `rows` is a condition on `{kind}.id`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO catalogue_{kind}_search (rowid, words) "
            f"SELECT {kind}.id, {document(kind, connection.vendor)} "
            f"FROM catalogue_{kind} {kind} WHERE {kind}.id {rows} ORDER BY {kind}.id",
            values,
        )


def index_new(kind: str, ids: Sequence[int]) -> None:
    """The same for new rows. Another writer's may stand between them on PostgreSQL."""
    if ids:
        index_documents(kind, *any_of(ids))


def index_anew(kind: str, rows: str, values: Sequence[Any] = ()) -> None:
    """Write documents again, of rows that may have one."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM catalogue_{kind}_search WHERE rowid {rows}", values)
    index_documents(kind, rows, values)


# --- What keeps them right -------------------------------------------------------------------


def stale(kind: str) -> Iterator[tuple[str, str, Sequence[str], str]]:
    """(name, table, columns that matter when they change, the ids of documents that then do)."""
    yield "own", f"catalogue_{kind}", OWN[kind], "SELECT NEW.id"
    theirs = (
        f"SELECT id FROM catalogue_{kind} WHERE artist_id = NEW.id"
        f" UNION SELECT {kind}_id FROM catalogue_{kind}credit WHERE artist_id = NEW.id"
    )
    yield "artist", "catalogue_artist", ("name_words",), theirs
    if kind == "track":
        album = "SELECT id FROM catalogue_track WHERE album_id = NEW.id"
        yield "album", "catalogue_album", ("title_words",), album
    of_genre = f"SELECT {kind}_id FROM catalogue_{kind}genre WHERE genre_id = NEW.id"
    yield "genre", "catalogue_genre", ("name_words",), of_genre
    both = f"SELECT OLD.{kind}_id UNION SELECT NEW.{kind}_id"
    yield "credited", f"catalogue_{kind}credit", (f"{kind}_id", "artist_id"), both
    yield "of_genre", f"catalogue_{kind}genre", (f"{kind}_id", "genre_id"), both


def triggers(vendor: str) -> Iterator[str]:
    """The statements that make them. Each trigger is named `document_…`."""
    for kind in KINDS:
        yield from (sqlite if vendor == "sqlite" else postgresql)(kind)


def refreshed(kind: str, vendor: str, ids: str) -> str:
    """SQL that writes documents anew."""
    search = f"catalogue_{kind}_search"
    row = f"FROM catalogue_{kind} {kind} WHERE {kind}.id = {search}.rowid"
    words = f"(SELECT {document(kind, vendor)} {row})"
    return f"UPDATE {search} SET words = {words} WHERE rowid IN ({ids})"


def sqlite(kind: str) -> Iterator[str]:
    for name, table, columns, ids in stale(kind):
        changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
        yield (
            f"CREATE TRIGGER document_{kind}_{name} AFTER UPDATE OF {', '.join(columns)} ON {table}"
            f" WHEN {changed} BEGIN {refreshed(kind, 'sqlite', ids)}; END"
        )
    for rows in ("credit", "genre"):
        for event, row in (("INSERT", "NEW"), ("DELETE", "OLD")):
            then = refreshed(kind, "sqlite", f"{row}.{kind}_id")
            yield (
                f"CREATE TRIGGER document_{kind}_{rows}_{event.lower()} AFTER {event}"
                f" ON catalogue_{kind}{rows} BEGIN {then}; END"
            )
    yield (
        f"CREATE TRIGGER document_{kind}_removed AFTER DELETE ON catalogue_{kind}"
        f" BEGIN DELETE FROM catalogue_{kind}_search WHERE rowid = OLD.id; END"
    )


def function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body}; RETURN NULL; END $$"
    )


def refreshed_in_turn(kind: str, ids: str) -> str:
    """The same on PostgreSQL, for two at once: each sees what the other has written.

    The second waits for the first, in one order, and reads the words only then.
    """
    search = f"catalogue_{kind}_search"
    held = f"PERFORM 1 FROM {search} WHERE rowid IN ({ids}) ORDER BY rowid FOR UPDATE"
    return f"{held}; {refreshed(kind, 'postgresql', ids)}"


def postgresql(kind: str) -> Iterator[str]:
    for name, table, columns, ids in stale(kind):
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        named = f"document_{kind}_{name}"
        yield function(named, refreshed_in_turn(kind, ids))
        yield (
            f"CREATE TRIGGER {named} AFTER UPDATE OF {', '.join(columns)} ON {table}"
            f" FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {named}()"
        )
    # Rows come and go by the thousand: their documents are looked up once for all of them.
    named = f"document_{kind}_held"
    yield function(named, refreshed_in_turn(kind, f"SELECT {kind}_id FROM changed"))
    for rows in ("credit", "genre"):
        for event, table in (("INSERT", "NEW"), ("DELETE", "OLD")):
            yield (
                f"CREATE TRIGGER document_{kind}_{rows}_{event.lower()} AFTER {event}"
                f" ON catalogue_{kind}{rows} REFERENCING {table} TABLE AS changed"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {named}()"
            )
    named, search = f"document_{kind}_removed", f"catalogue_{kind}_search"
    yield function(named, f"DELETE FROM {search} WHERE rowid = OLD.id")
    yield (
        f"CREATE TRIGGER {named} AFTER DELETE ON catalogue_{kind}"
        f" FOR EACH ROW EXECUTE FUNCTION {named}()"
    )
    # Not TRUNCATE: the same statement may be at that table, too.
    yield function(f"document_{kind}_emptied", f"DELETE FROM {search}")
    yield (
        f"CREATE TRIGGER document_{kind}_emptied AFTER TRUNCATE ON catalogue_{kind}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION document_{kind}_emptied()"
    )
