"""All that searching goes by, made anew from the names in the library."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import OperationalError, connection

from vivace.catalogue import documents
from vivace.catalogue.caching import changing, is_deadlock, locked
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.models import artist_words
from vivace.catalogue.search import WORDS, learn_rows
from vivace.catalogue.statements import fetched, run

AT_ONCE = 2_000
TRIES = 5


def by_name(name: str | None) -> str:
    return spellings(fold(name or ""))


def by_names(name: str, sort_name: str | None) -> str:
    return artist_words(fold(name), fold(sort_name or name))


# (table, the columns that are folded, the column of their words, how they become it)
NAMED: Sequence[tuple[str, str, str, Callable[..., str]]] = (
    ("catalogue_artist", "name, sort_name", "name_words", by_names),
    ("catalogue_album", "title", "title_words", by_name),
    ("catalogue_track", "title", "title_words", by_name),
    ("catalogue_track", "composer", "composer_words", by_name),
    ("catalogue_genre", "name", "name_words", by_name),
    ("listening_playlist", "name", "name_words", by_name),
)


def is_wanting() -> bool:
    """Whether the library was filled before there was a search.

    Its oldest album and track then have no document, and the artist no word, whatever came later.
    """
    oldest = [
        f"SELECT 1 FROM (SELECT min(id) AS id FROM catalogue_{kind}) AS oldest WHERE id IS NOT NULL"
        f" AND NOT EXISTS (SELECT 1 FROM catalogue_{kind}_search WHERE rowid = oldest.id)"
        for kind in documents.KINDS
    ]
    unspoken = (
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM catalogue_word)"
        " AND EXISTS (SELECT 1 FROM catalogue_artist WHERE name_words <> '')"
    )
    return any(map(fetched, [*oldest, unspoken]))


def rebuild() -> int:
    """Write words, documents and vocabulary anew, all or nothing; how many words there are.

    Others who change the catalogue wait until it is through.
    """
    for left in reversed(range(TRIES)):
        try:
            with changing():
                hold()
                write_anew()
            break
        except OperationalError as error:
            if not left or not is_deadlock(error):
                raise
    [(count,)] = fetched("SELECT count(*) FROM catalogue_word")
    return int(count)


def hold() -> None:
    """Have nobody else add or change documents, or anything that they are made of.

    The documents first, as who writes one goes on to the generation. An import comes from there.
    """
    if connection.vendor == "postgresql":
        tables = ", ".join(f"catalogue_{kind}_search" for kind in documents.KINDS)
        run(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
        locked()


def write_anew() -> None:
    # First what the triggers on the columns of words would have to keep up.
    for kind in documents.KINDS:
        run(f"DELETE FROM catalogue_{kind}_search")
    run("DELETE FROM catalogue_word")
    if connection.vendor == "sqlite":
        for index in ("catalogue_word_parts", *(f"{table}_words" for table in WORDS)):
            run(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
    for named in NAMED:
        rewrite(*named)
    for table in WORDS:
        learn_rows(table, "IS NOT NULL")
    for kind in documents.KINDS:
        documents.index_documents(kind, "IS NOT NULL")


def rewrite(table: str, names: str, column: str, worded: Callable[..., str]) -> None:
    """Set a column of words where it is not what the names become.

    A playlist may get another name meanwhile, and its words with it.
    """
    update = f"UPDATE {table} SET {column} = %s WHERE id = %s AND {column} = %s"
    for rows in parts(table, f"{names}, {column}"):
        changed = [
            (words, id_, present)
            for id_, *given, present in rows
            if (words := worded(*given)) != present
        ]
        if changed:
            with connection.cursor() as cursor:
                cursor.executemany(update, changed)


def parts(table: str, columns: str) -> Iterator[list[tuple[Any, ...]]]:
    last = 0
    while rows := fetched(
        f"SELECT id, {columns} FROM {table} WHERE id > %s ORDER BY id LIMIT {AT_ONCE}", [last]
    ):
        yield rows
        last = rows[-1][0]
