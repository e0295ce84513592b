"""Who plays: made-up artists with a language, a past and a taste, and what they call things."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import TypeVar

from vivace.catalogue.folding import fold
from vivace.dataset.languages import (
    ENGLISH,
    GENRES,
    LANGUAGES,
    NUMBERS,
    VARIOUS_ARTISTS,
    Language,
)

FIRST_YEAR = 1955
LAST_YEAR = 2024

PERSON_SHARE = 0.4
SECOND_NAME_SHARE = 0.35
SINGS_ENGLISH_SHARE = 0.25
"""Of those whose language is another."""

TRIES = 8
"""Draws before a number makes a name or title unlike those there are."""

SPEAKERS = tuple(accumulate(language.share for language in LANGUAGES))
LISTENERS = tuple(accumulate(1_000 // (rank + 2) for rank in range(len(GENRES))))
"""The first genre is as common as the last fifteen together."""

T = TypeVar("T")


def pick(rng: Random, items: Sequence[T]) -> T:
    return items[int(rng.random() * len(items))]


def pick_weighted(rng: Random, items: Sequence[T], sums: Sequence[int]) -> T:
    """One of the items, by the running sums of their weights."""
    return items[bisect(sums, int(rng.random() * sums[-1]))]


def worded(rng: Random, language: Language, pattern: str) -> str:
    """The pattern with words of the language in it."""
    return pattern.format(
        given=pick(rng, language.given),
        family=pick(rng, language.family),
        describing=pick(rng, language.describing),
        noun=pick(rng, language.nouns),
        other=pick(rng, language.nouns),
        number=pick(rng, NUMBERS),
    )


@dataclass(slots=True)
class Taken:
    """Names that are in use, so that no two look the same without case and accents."""

    keys: set[str] = field(default_factory=set)

    def free(self, name: str) -> bool:
        """Whether it was free; it is taken from now on."""
        key = fold(name)
        if key in self.keys:
            return False
        self.keys.add(key)
        return True

    def numbered(self, name: str, pattern: str) -> str:
        """The name made free by the smallest number that does."""
        number = 2
        while not self.free(found := pattern.format(name, number)):
            number += 1
        return found


@dataclass(slots=True)
class Act:
    name: str
    sort_name: str | None
    language: Language
    """Of its titles."""

    since: int
    genres: tuple[str, ...]
    registrant: str
    """Who registers its recordings: the first letters of their ISRC."""

    titles: Taken = field(default_factory=Taken)

    def title(self, rng: Random) -> str:
        return worded(rng, self.language, pick(rng, self.language.titles))

    def new_title(self, rng: Random) -> str:
        """A title that none of its albums has."""
        for _ in range(TRIES):
            if self.titles.free(title := self.title(rng)):
                return title
        return self.titles.numbered(self.title(rng), "{} Vol. {}")

    def composer(self, rng: Random) -> str:
        return worded(rng, self.language, self.language.person)


def draw_act(rng: Random, taken: Taken | None = None) -> Act:
    """An act whose name is not yet taken."""
    spoken = pick_weighted(rng, LANGUAGES, SPEAKERS)
    name, sort_name = new_name(rng, spoken, taken or Taken())
    past = rng.random()
    return Act(
        name=name,
        sort_name=sort_name,
        language=ENGLISH if rng.random() < SINGS_ENGLISH_SHARE else spoken,
        since=LAST_YEAR - int(past * past * (LAST_YEAR - FIRST_YEAR)),
        genres=draw_genres(rng),
        registrant=pick(rng, ("GB", "US", "DE", "FR", "JP", "BR")) + f"{rng.getrandbits(12):03X}",
    )


def various_artists(taken: Taken) -> Act:
    taken.free(VARIOUS_ARTISTS)
    return Act(VARIOUS_ARTISTS, None, ENGLISH, FIRST_YEAR, GENRES[:2], "ZZ000")


def new_name(rng: Random, language: Language, taken: Taken) -> tuple[str, str | None]:
    """A free name, and what it is sorted by where that is something else."""
    for _ in range(TRIES):
        name, sort_name = draw_name(rng, language)
        if taken.free(name):
            return name, sort_name
    name, _ = draw_name(rng, language)
    return taken.numbered(name, "{} {}"), None


def draw_name(rng: Random, language: Language) -> tuple[str, str | None]:
    if rng.random() < PERSON_SHARE:
        return draw_person(rng, language)
    name = worded(rng, language, pick(rng, language.bands))
    return name, f"{name[4:]}, The" if name.startswith("The ") else None


def draw_person(rng: Random, language: Language) -> tuple[str, str | None]:
    given, family = pick(rng, language.given), pick(rng, language.family)
    if language.person == "{given} {family}":
        if rng.random() < SECOND_NAME_SHARE:
            given = f"{given} {pick(rng, language.given)}"
        return f"{given} {family}", f"{family}, {given}"
    return language.person.format(given=given, family=family), None


def draw_genres(rng: Random) -> tuple[str, ...]:
    main = pick_weighted(rng, GENRES, LISTENERS)
    other = pick_weighted(rng, GENRES, LISTENERS)
    return (main,) if other == main or rng.random() < 0.5 else (main, other)
