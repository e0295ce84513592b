"""All optimisations that can be switched off. One more is a line in `OPTIMISATIONS`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from vivace.lab.ablation import (
    accounts,
    connecting,
    indexes,
    paging,
    relations,
    rendering,
    searching,
    writing,
)
from vivace.lab.ablation.trials import Client, Trial
from vivace.lab.results import DATABASES, Database
from vivace.lab.wording import STACK_NAMES

SQLITE: tuple[Database, ...] = ("sqlite",)
POSTGRESQL: tuple[Database, ...] = ("postgresql",)


class Optimisation(NamedTuple):
    name: str
    what: str
    without: str
    """What takes its place."""
    trial: Callable[[Client], Trial]
    databases: Sequence[Database] = DATABASES


OPTIMISATIONS = {
    each.name: each
    for each in (
        Optimisation(
            "sort-index", "An index for each sort", "the index by title dropped",
            indexes.sort_index,
        ),
        Optimisation(
            "filter-index", "An index for each exact filter", "the index by ISRC dropped",
            indexes.filter_index,
        ),
        Optimisation(
            "filter-sort-index", "An index for each filter with each sort",
            "the index of a genre by title dropped", indexes.filter_and_sort_index,
        ),
        Optimisation(
            "carried-keys", "Rows carry the sort keys of their relations",
            "sorted by the key of the artist, joined", indexes.carried_keys,
        ),
        Optimisation(
            "genre-keys", "Rows of genres carry the sort keys of their tracks",
            "sorted by the keys of the tracks, joined", indexes.keys_of_genre_rows,
        ),
        Optimisation(
            "artist-genres", "Genres of artists are kept, by triggers",
            "found by their albums and tracks", indexes.genres_of_artists,
        ),
        Optimisation(
            "keyset", "A page begins after a key", "after nine tenths of all rows, by OFFSET",
            paging.keyset,
        ),
        Optimisation(
            "row-comparison", "The place of a page as a range of an index",
            "as alternatives with OR", paging.row_comparison,
        ),
        Optimisation(
            "ties-apart", "Rows of the same sort key are a range of their own",
            "passed one by one up to the page", paging.ties_apart, SQLITE,
        ),
        Optimisation(
            "few-in-range", "The few rows that a range leaves are counted, then picked",
            "the database chooses how", paging.few_in_a_range,
        ),
        Optimisation(
            "few-of-word", "The few rows that words leave are counted, then picked",
            "the database chooses how", paging.few_of_a_word,
        ),
        Optimisation(
            "many-of-word", "The many rows that a word leaves are met on a walk in order",
            "the database chooses how", paging.many_of_a_word,
        ),
        Optimisation(
            "search-index", "Words lead to what has them", "every name and document is read",
            searching.indexed_words,
        ),
        Optimisation(
            "word-sample", "What many rows have is looked up in an index of some",
            "in that of all rows", searching.sampled_words, POSTGRESQL,
        ),
        Optimisation(
            "typo-ranges", "A misspelt word is compared with those that it left intact",
            "with every word", searching.likely_words,
        ),
        Optimisation(
            "kept-questions", "What a question found is kept, in the process",
            "looked up at each request", searching.kept_answers,
        ),
        Optimisation(
            "total-unasked", "A total is counted where it is asked for", "for every page",
            paging.total_unasked,
        ),
        Optimisation(
            "joined", "Relations come with the page",
            "each loaded by the ORM when it is needed, row by row", relations.joined,
        ),
        Optimisation(
            "carried-lists", "Rows carry their genres and credits as they are shown",
            "gathered from their tables in the page's statement", relations.carried_lists,
        ),
        Optimisation(
            "rows", "Rows straight into shapes",
            "model instances, joined and prefetched, into dicts", rendering.rows_without_models,
        ),
        Optimisation(
            "compiled", "Statements compiled once, for a page", "at every request",
            rendering.compiled_once,
        ),
        Optimisation(
            "compiled-one", "Statements compiled once, for one thing", "at every request",
            rendering.compiled_once_for_one,
        ),
        Optimisation(
            "msgspec", "JSON by msgspec from structs", "by Python's json from dicts",
            rendering.structs_to_json,
        ),
        Optimisation(
            "wire-moments", "Moments are stored as they go on the wire",
            "each converted as Django does", rendering.moments_as_on_the_wire, SQLITE,
        ),
        Optimisation(
            "etag", "ETags by SHA-256", "by BLAKE2b", rendering.sha256_etags,
        ),
        Optimisation(
            "kept", "Answers are kept, in the process", "made at each request",
            rendering.kept_answers,
        ),
        Optimisation(
            "lease", "What the database told of changes holds for a moment",
            "asked at each request", rendering.leased_generation,
        ),
        Optimisation(
            "frozen", "What is loaded at the start is frozen for the collector", "not frozen",
            rendering.frozen,
        ),
        Optimisation(
            "uncollected", "Shapes are not looked at by the collector", "looked at",
            rendering.uncollected,
        ),
        Optimisation(
            "bulk", "Many rows a statement", "object by object, in one transaction",
            writing.one_statement_for_many,
        ),
        Optimisation(
            "bulk-rows", "Bulk rows without models", "Django's bulk_create",
            writing.rows_without_models,
        ),
        Optimisation(
            "statement-rows", "Some hundred rows a statement", "a statement each",
            writing.hundreds_a_statement, SQLITE,
        ),
        Optimisation(
            "shared-values", "Values that all rows share are bound once", "in each row",
            writing.shared_values_once, SQLITE,
        ),
        Optimisation(
            "sent-order", "Bulk rows in the order of the list", "sorted by a unique key",
            writing.in_the_order_sent, SQLITE,
        ),
        Optimisation(
            "words-after", "New words are indexed after all rows", "by a trigger at each row",
            writing.words_after_all, SQLITE,
        ),
        Optimisation(
            "checkpoints", "A checkpoint every 8,000 pages", "every 1,000, as is usual",
            writing.rare_checkpoints, SQLITE,
        ),
        Optimisation(
            "argon2id", "Passwords by Argon2id, 19 MiB and one lane", "PBKDF2, Django's default",
            accounts.faster_than_pbkdf2,
        ),
        Optimisation(
            "argon2-lanes", "Argon2id of 19 MiB and one lane", "Argon2 as Django sets it",
            accounts.faster_than_djangos_argon2,
        ),
        Optimisation(
            "signed-tokens", "Access tokens are signed", "looked up in the database",
            accounts.signed_tokens,
        ),
        Optimisation(
            "connection", "The connection to the database is kept", "a connection a request",
            connecting.connection_kept,
        ),
        Optimisation(
            "memory", "SQLite's pages in memory, 32 MB of its own", "2 MB",
            connecting.pages_in_memory, SQLITE,
        ),
        Optimisation(
            "prepared", "Statements prepared on the server", "planned at each request",
            connecting.prepared_statements, POSTGRESQL,
        ),
        Optimisation(
            "binary", "Results in binary", "as text", connecting.binary_results, POSTGRESQL,
        ),
        Optimisation(
            "page-cost", "Random pages cost little", "4, as is usual",
            connecting.cheap_random_pages, POSTGRESQL,
        ),
        Optimisation(
            "no-jit", "No JIT", "compiled where the plan looks dear", connecting.no_jit, POSTGRESQL,
        ),
    )
}  # fmt: skip
"""Name → optimisation, in the order of the report."""


def chosen(names: Sequence[str], database: Database) -> list[Optimisation]:
    """Those of the names, all of the database where there is none.

    Raises `LookupError` for one that is not there, or not on this database.
    """
    for name in names:
        if name not in OPTIMISATIONS:
            raise LookupError(f"There is no optimisation {name!r}, only {', '.join(OPTIMISATIONS)}")
        if database not in OPTIMISATIONS[name].databases:
            raise LookupError(f"There is no optimisation {name!r} on {STACK_NAMES[database]}")
    wanted = names or OPTIMISATIONS
    return [
        each
        for name, each in OPTIMISATIONS.items()
        if name in wanted and database in each.databases
    ]
