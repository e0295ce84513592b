"""Answers to questions that a process keeps, and which of them still hold.

Which artists, albums and tracks answer a question is for the catalogue to say, so that holds under
the generation it was read under. Only which of equals comes first is for those to say who favour
them, and that moves no generation. So the favourites of all that was looked at are counted at every
request, and an answer holds for as long as each has as many. Playlists, of which everyone sees
others, are not kept.

What a misspelt word may stand for is said by words of playlists, too, which move no generation.
They could only take the place of words of the catalogue where too many are alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.conf import settings
from django.core.cache import caches
from django.db import Error

from vivace.catalogue import caching
from vivace.catalogue.statements import fetched, given, many
from vivace.listening.kinds import KINDS

QUESTION_MAX = 100
"""Characters: what is longer is hardly asked twice, and keys are kept, too."""


class Answer(NamedTuple):
    """To a question, of one kind."""

    told: bytes
    looked_at: tuple[int, ...]
    """The ids of all that it was chosen from."""
    favourites: tuple[int, ...]
    """How many there were of each."""


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
    return {
        kind: answer.told
        for kind, answer in found.items()
        if answer.favourites == tuple(now[kind, id_] for id_ in answer.looked_at)
    }


def favourites_now(looked_at: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], int]:
    """How many favour each, by kind and id, in one query."""
    some = {kind: ids for kind, ids in looked_at.items() if ids}
    if not some:
        return {}
    named = f"(SELECT value AS id FROM {given('bigint')}) AS named"
    selects = (f"SELECT '{kind}', id, {KINDS[kind].favourites} FROM {named}" for kind in some)
    rows = fetched(" UNION ALL ".join(selects), map(many, some.values()))
    return {(kind, id_): favourites for kind, id_, favourites in rows}


def keep(key: str, told: bytes, favourites: Mapping[int, int]) -> None:
    """`favourites` are of all that it was chosen from, by id."""
    caches["answers"].set(key, Answer(told, tuple(favourites), tuple(favourites.values())))
