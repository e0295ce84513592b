"""Rows found by the words of their name or title, or by all that is known of them.

The words of each name stand in an index of their own (`WORDS`), which leads from one word to few
rows. Albums and tracks are found by the names of their artists, genres and album as well
(`documents`).
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from django.db import connection
from django.db.models import F, Model, Q

from vivace.catalogue import documents
from vivace.catalogue.folding import fold, words
from vivace.catalogue.question import STEPS, Question, Reading, expression
from vivace.catalogue.statements import (
    Condition,
    Param,
    Slot,
    Statement,
    fetched,
    taken_for_half,
)
from vivace.catalogue.vocabulary import learn

WORDS = {
    "catalogue_artist": "name_words",
    "catalogue_album": "title_words",
    "catalogue_track": "title_words",
    "catalogue_genre": "name_words",
    "listening_playlist": "name_words",
}
"""The column with the folded words of each table."""
MORE_WORDS = {"catalogue_track": "composer_words"}
"""Another one, whose words are found in documents alone."""
READ_AT_ONCE = 2_000
"""Rows whose words are learnt: bounds the memory."""
DOCUMENTED = {f"catalogue_{kind}": f"catalogue_{kind}_search" for kind in documents.KINDS}
SAMPLED = 61
"""On PostgreSQL one row in so many has a small index of its own.

The whole one gives all that has a word before the first of them. So what a hundred thousand rows
have is looked up in the small one. Prime, so that a word of each album's first track is met there.
"""


def index_words(table: str, ids: Sequence[int], texts: Iterable[str]) -> None:
    """Make new rows, of ascending ids with no others between, findable by their words: `texts`.

    PostgreSQL's index does it by itself. SQLite's would be flushed at every row by a trigger
    (35 µs a row instead of 2).
    """
    if ids and connection.vendor == "sqlite":
        column = WORDS[table]
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table}_words (rowid, {column})"
                f" SELECT id, {column} FROM {table} WHERE id BETWEEN %s AND %s",
                [ids[0], ids[-1]],
            )
    learn(texts)


def learn_rows(table: str, rows: str) -> None:
    """Take the words of rows, too many to hold, into the vocabulary. `rows` is of their ids."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(worded(table))} FROM {table} WHERE id {rows}")
        parts = iter(partial(cursor.fetchmany, READ_AT_ONCE), [])
        learn(chain.from_iterable(chain.from_iterable(parts)))


def worded(table: str) -> Sequence[str]:
    """The columns whose words are in the vocabulary."""
    return [WORDS[table], *([MORE_WORDS[table]] if table in MORE_WORDS else [])]


def found_by_name(table: str, param: str) -> str:
    """SQL for the ids, as `rowid`, of rows whose name matches an expression, given as `param`."""
    if connection.vendor == "sqlite":
        return f"SELECT rowid FROM {table}_words WHERE {table}_words MATCH {param}"
    vector = f"array_to_tsvector(string_to_array({WORDS[table]}, ' '))"
    return f"SELECT id AS rowid FROM {table} WHERE {vector} @@ {param}::tsquery"


def found_by_all(table: str, param: str) -> str:
    """SQL for the ids of rows that match it by all they are found by."""
    if table not in DOCUMENTED:
        return found_by_name(table, param)
    index = DOCUMENTED[table]
    if connection.vendor == "sqlite":
        return f"SELECT rowid FROM {index} WHERE {index} MATCH {param}"
    return f"SELECT rowid FROM {index} WHERE words @@ {param}::tsquery"


def name_parts(table: str) -> Sequence[str]:
    """`found_by_name` of `%s`: of a sample of rows, and of all others."""
    return in_parts(found_by_name(table, "%s"), "id")


def document_parts(table: str) -> Sequence[str]:
    """`found_by_all` of `%s`, in the same way."""
    return in_parts(found_by_all(table, "%s"), "rowid" if table in DOCUMENTED else "id")


def in_parts(found: str, id_: str) -> Sequence[str]:
    if connection.vendor == "sqlite":
        return [found]  # FTS5 gives one row after the other
    return [f"{found} AND {id_} %% {SAMPLED} {sign} 0" for sign in ("=", "<>")]


def best_step(table: str, question: Question, seen: str = "", values: Sequence[Any] = ()) -> int:
    """How loosely a question is to be taken for it to find anything in a table; 0 if nothing does.

    `seen` is SQL behind `FROM … AS found`, with its values, that leaves the rows which count.
    """
    found = f"SELECT 1 FROM ({found_by_all(table, '%s')}) AS found{seen} LIMIT 1"
    told = set[Reading]()
    for step in range(STEPS):
        reading = question.reading(step)
        if reading not in told and fetched(found, [expression(reading), *values]):
            return step
        told.add(reading)
    return 0


def all_words_found(model: type[Model], param: str) -> Statement:
    """The ids of rows that match an expression by all they are found by."""
    return Statement(found_by_all(model._meta.db_table, "%s"), (Slot(param),))


def all_words_match(model: type[Model], column: str, param: str) -> Q:
    """What has one of those ids in a column."""
    found = found_by_all(model._meta.db_table, "{1}")
    # As an array, to be looked up one by one: PostgreSQL would rather join whole tables.
    sqlite, postgresql = f"{{0}} IN ({found})", f"{{0}} = ANY(ARRAY({found}))"
    return Q(Condition(F(column), Param(param), sqlite=sqlite, postgresql=postgresql))


def all_words_check(model: type[Model], column: str, param: str, *, common: bool) -> Q:
    """The same, of `needles` on SQLite, checked on rows that something else leads to.

    FTS5 would go through all that matches at each of them. PostgreSQL goes through it once, before
    the first; where that is `common`, it is to look at each row instead.
    """
    table = model._meta.db_table
    if table in DOCUMENTED:
        index, words = DOCUMENTED[table], "words"
    else:
        index, words = table, WORDS[table]
    id_ = "rowid" if table in DOCUMENTED else "id"
    all_there = (
        "NOT EXISTS (SELECT 1 FROM json_each({1}) piece WHERE NOT EXISTS"
        " (SELECT 1 FROM json_each(piece.value) way WHERE NOT EXISTS (SELECT 1"
        f" FROM json_each(way.value) term WHERE instr(' ' || {words} || ' ', term.value) = 0)))"
    )
    vector = "words" if words == "words" else f"array_to_tsvector(string_to_array({words}, ' '))"
    row = f"FROM {index} WHERE {id_} = {{0}}"
    matches = f"{vector} @@ {{1}}::tsquery"
    # What is a value and no condition cannot be looked up for all rows at once.
    held = f"(SELECT {matches} {row})" if common else f"EXISTS (SELECT 1 {row} AND {matches})"
    return Q(
        Condition(
            F(column),
            Param(f"{param}_{'needles' if connection.vendor == 'sqlite' else 'query'}"),
            sqlite=f"EXISTS (SELECT 1 {row} AND {all_there})",
            postgresql=taken_for_half(held),
        )
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


def words_found(model: type[Model], param: str) -> Statement:
    """The ids of what `words_match`, one after the other as they are found."""
    if connection.vendor == "postgresql":
        return Statement.of(model._default_manager.filter(words_match(model, param)).values("id"))
    index = f"{model._meta.db_table}_words"
    return Statement(f"SELECT rowid FROM {index} WHERE {index} MATCH %s", (Slot(param),))


def words_check(model: type[Model], path: str, param: str) -> Q:
    """The same, of `prefixes`, checked on rows that something else leads to, found by a path."""
    column = F(path + WORDS[model._meta.db_table])
    # The longest first: most rows are out by it, and what goes through a list costs several times
    # as much.
    sqlite = (
        "instr(' ' || {0}, {1}) > 0 AND NOT EXISTS"
        " (SELECT 1 FROM json_each({2}) WHERE instr(' ' || {0}, value) = 0)"
    )
    postgresql = "(' ' || {0}) LIKE {1} AND (' ' || {0}) LIKE ALL ({2}::text[])"
    parts = column, Param(f"{param}_longest"), Param(f"{param}_all")
    return Q(Condition(*parts, sqlite=sqlite, postgresql=taken_for_half(postgresql)))


def prefixes(text: str, param: str) -> dict[str, Any]:
    """What `words_check` looks for: each word of a text after a space."""
    # Where the text has no word, two spaces: they are in no row's words.
    found = [f" {word}" for word in starts(text)] or ["  "]
    longest = max(found, key=len)
    if connection.vendor == "postgresql":
        every: Any = [f"%{prefix}%" for prefix in found]
        return {f"{param}_longest": f"%{longest}%", f"{param}_all": every}
    return {f"{param}_longest": longest, f"{param}_all": json.dumps(found)}


def starts(text: str) -> list[str]:
    """The words of a text, each once, but for those that another one starts with.

    The databases look each of them up, whatever the others say.
    """
    found = sorted({*words(fold(text)).split()})
    # In order, what starts with a word stands right behind it.
    pairs = zip_longest(found, found[1:], fillvalue="")
    return [word for word, after in pairs if not after.startswith(word)]


def prefix_query(text: str) -> str:
    """The words of a text, each as the start of a word, in the language of the database's index.

    It finds nothing where the text has no letter or digit.
    """
    found = starts(text)
    if connection.vendor == "postgresql":
        return " & ".join(f"'{word}':*" for word in found)
    # The empty phrase finds nothing; an empty query is an error.
    return " AND ".join(f'"{word}" *' for word in found) or '""'
