"""Optimisations of searching: what words lead to, to which words a misspelt one does, and what is
kept of all that."""

from collections.abc import Sequence
from urllib.parse import quote_plus

import msgspec
from django.core.cache import caches
from django.db import connection
from django.test.utils import override_settings

from vivace.catalogue import search, vocabulary
from vivace.catalogue.models import Artist
from vivace.catalogue.statements import fetched
from vivace.catalogue.vocabulary import Asked, Near
from vivace.lab.ablation.trials import (
    Client,
    Trial,
    TrialError,
    asking,
    replacing,
)
from vivace.lab.profiling.indexes import run

LETTERS = 6
"""Of a word that has one typo forgiven, and few words like it."""


def indexed_words(client: Client) -> Trial:
    request = client.get("search", f"q={quote_plus(some_word())}&type=track")
    if connection.vendor == "postgresql":
        copy = client.copy()
        for table in ("catalogue_track_search", "catalogue_track"):
            run(copy, f"DROP INDEX {table}_words, {table}_sample")
        return Trial(request, asking(copy), fresh=forget)
    off = replacing(search, found_by_name=read_names, found_by_all=read_documents)
    return Trial(request, off, fresh=forget)


def forget() -> None:
    """Have the next question looked up, whatever is known of it."""
    caches["answers"].clear()


def read_names(table: str, param: str) -> str:
    """What `found_by_name` finds of one word, by reading every name."""
    column = search.WORDS[table]
    return f"SELECT id AS rowid FROM {table}, {asked(param)} WHERE {has(column)} ORDER BY id"


def read_documents(table: str, param: str) -> str:
    """What `found_by_all` finds of one word, by reading every document."""
    index = f"{search.DOCUMENTED[table]}_content"
    return f"SELECT id AS rowid FROM {index}, {asked(param)} WHERE {has('c0')} ORDER BY id"


def asked(param: str) -> str:
    """The word of an expression, and whether it may go on."""
    word = "replace(replace(expression, '\"', ''), ' *', '')"
    begun = "expression LIKE '%% *'"
    return f"(SELECT {word} AS word, {begun} AS begun FROM (SELECT {param} AS expression))"


def has(column: str) -> str:
    return f"instr(' ' || {column} || ' ', ' ' || word || CASE WHEN begun THEN '' ELSE ' ' END) > 0"


def sampled_words(client: Client) -> Trial:
    [(word,)] = fetched(
        "SELECT word FROM (SELECT unnest(string_to_array(title_words, ' ')) AS word"
        " FROM catalogue_track) AS told GROUP BY word ORDER BY count(*) DESC, word LIMIT 1"
    )
    request = client.get("search", f"q={quote_plus(word)}&type=track")
    # Of very many it is others that are looked at.
    return Trial(request, replacing(search, in_parts=lambda found, _id: [found]), hits_of, forget)


def hits_of(body: bytes) -> int:
    return len(msgspec.json.decode(body)["tracks"])


def some_word() -> str:
    """The first word of an artist's name that is long enough."""
    for words in Artist.objects.order_by("pk").values_list("name_words", flat=True)[:1_000]:
        for word in words.split():
            if word.isascii() and word.isalpha() and len(word) >= LETTERS:
                return str(word)
    raise TrialError("no artist has a word of six letters")


def likely_words(client: Client) -> Trial:
    word = some_word()
    misspelt = word[:2] + word[3:]

    def of_all(questioned: Sequence[Asked]) -> list[list[Near]]:
        words = {word for (word,) in fetched("SELECT word FROM catalogue_word")}
        return [vocabulary.nearest(each, words) if each.typos else [] for each in questioned]

    request = client.get("search", f"q={quote_plus(misspelt)}&type=artist")
    return Trial(request, replacing(vocabulary, near=of_all), fresh=forget)


def kept_answers(client: Client) -> Trial:
    request = client.get("search", f"q={quote_plus(some_word())}")
    return Trial(request, lambda: override_settings(CACHE=False))
