"""Answers to questions that a process keeps, and which of them still hold.

Which artists, albums and tracks answer a question is for the catalogue to say, so that holds under
the generation it was read under. Only which of equals comes first is for those to say who favour
them, and that moves no generation. So the favourites of all that was looked at are counted at every
request, and an answer holds for as long as each has as many. Playlists, of which everyone sees
others, are not kept.

What a misspelt word may stand for is said by words of playlists, too, which move no generation.
They could only take the place of words of the catalogue where too many are alike.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.core.cache import caches
from django.db import Error, connection

from vivace.catalogue import caching
from vivace.catalogue.statements import fetched, given
from vivace.listening.kinds import KINDS

QUESTION_MAX = 100
"""Characters: what is longer is hardly asked twice, and keys are kept, too."""


Favourites = tuple[tuple[int, int], ...]
"""Ids, ascending, each with how many favour it."""


class Answer(NamedTuple):
    """To a question, of one kind."""

    told: bytes
    looked_at: str
    """The ids of all that it was chosen from, as a parameter."""
    favourites: Favourites
    """Of those that had any."""


def keys_of(question: str, kinds: Iterable[str], limit: int) -> dict[str, str]:
    """For each kind under what its answer is kept; none where it is not. Read it before the answer.

    The question is as it was folded.
    """
    shared = [kind for kind in kinds if not KINDS[kind].reader]
    if not settings.CACHE or not shared or len(question) > QUESTION_MAX:
        return {}
    try:
        generation = caching.current()
    except Error:
        # A connection that was lost is told by Django's cursors, which look for another.
        return {}
    if generation is None:
        return {}
    return {kind: f"search {generation} {kind} {limit} {question}" for kind in shared}


def holding(keys: Mapping[str, str]) -> dict[str, bytes]:
    """For each kind what was told, where that is kept and still holds."""
    memory = caches["answers"]
    found: dict[str, Answer] = {
        kind: answer for kind, key in keys.items() if (answer := memory.get(key)) is not None
    }
    now = favourites_now({kind: answer.looked_at for kind, answer in found.items()})
    return {kind: answer.told for kind, answer in found.items() if answer.favourites == now[kind]}


def favourites_now(looked_at: Mapping[str, str]) -> dict[str, Favourites]:
    """Of each kind who has any, in one query."""
    some = {kind: ids for kind, ids in looked_at.items() if ids not in NOTHING}
    rows = fetched(" UNION ALL ".join(map(favoured, some)), some.values()) if some else []
    now: dict[str, list[tuple[int, int]]] = {kind: [] for kind in looked_at}
    for kind, id_, favourites in rows:
        now[kind].append((id_, favourites))
    return {kind: tuple(sorted(those)) for kind, those in now.items()}


@cache
def favoured(kind: str) -> str:
    """SQL for which of some have favourites, and how many. Of most there are none, which is told
    for a fraction of what counting takes."""
    return f"""
        SELECT '{kind}', id, {KINDS[kind].favourites}
        FROM (SELECT value AS id FROM {given("bigint")}) AS named
        WHERE EXISTS (SELECT 1 FROM listening_favourite WHERE {kind}_id = named.id)
    """


def keep(key: str, told: bytes, favourites: Mapping[int, int]) -> None:
    """`favourites` are of all that it was chosen from, by id."""
    some = tuple(sorted((id_, number) for id_, number in favourites.items() if number))
    caches["answers"].set(key, Answer(told, one_text(favourites), some))


NOTHING = frozenset({"{}", "[]"})


def one_text(ids: Iterable[int]) -> str:
    """Many ids as a parameter, which as a list would be written anew each time it is sent."""
    listed = ",".join(map(str, ids))
    return f"{{{listed}}}" if connection.vendor == "postgresql" else f"[{listed}]"
