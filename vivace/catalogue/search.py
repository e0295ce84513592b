"""Rows found by the words of their name or title."""

from collections.abc import Sequence

from django.db import connection
from django.db.models import F, Model, Q

from vivace.catalogue.folding import fold, words
from vivace.catalogue.statements import Condition, Param

WORDS = {
    "catalogue_artist": "name_words",
    "catalogue_album": "title_words",
    "catalogue_track": "title_words",
}
"""The column with the folded words of each table."""


def index_words(table: str, ids: Sequence[int]) -> None:
    """Make new rows, of ascending ids with no others between, findable by their words.

    PostgreSQL does it by itself. SQLite's full-text index would be flushed at every row by a
    trigger (35 µs a row instead of 2).
    """
    if connection.vendor == "postgresql" or not ids:
        return
    column = WORDS[table]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table}_words (rowid, {column})"
            f" SELECT id, {column} FROM {table} WHERE id BETWEEN %s AND %s",
            [ids[0], ids[-1]],
        )


def words_match(model: type[Model], param: str) -> Q:
    """Rows of a model that have, for every word of a `prefix_query`, one that starts with it."""
    table = model._meta.db_table
    found = Condition(
        F("id"),
        F(WORDS[table]),
        Param(param),
        sqlite=f"{{0}} IN (SELECT rowid FROM {table}_words WHERE {table}_words MATCH {{2}})",
        postgresql="array_to_tsvector(string_to_array({1}, ' ')) @@ {2}::tsquery",
    )
    return Q(found)


def prefix_query(text: str) -> str:
    """The words of a text, each as the start of a word, in the language of the database's index.

    It finds nothing where the text has no letter or digit.
    """
    found = words(fold(text)).split()
    if connection.vendor == "postgresql":
        return " & ".join(f"'{word}':*" for word in found)
    # The empty phrase finds nothing; an empty query is an error.
    return " AND ".join(f'"{word}" *' for word in found) or '""'
