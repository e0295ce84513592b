"""Questions to the whole library, from the request to the last byte.

Each kind of question is a fixed sample from the library itself; each round asks the next of it.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import HOUSE, STATION, Size, holding
from benchmarks.measuring import describe, read
from benchmarks.requests import App
from vivace.catalogue.folding import fold
from vivace.catalogue.models import Artist, Track

ASKED = 40
"""Questions of each kind."""
LONGEST = 200
"""Of the odd questions, in which everything costs the most."""

PLAIN, LOOSE = {"sqlite": 4.0, "postgresql": 6.0}, {"sqlite": 12.0, "postgresql": 20.0}
GOALS_MS = {
    "a word": PLAIN,
    "a start of three letters": PLAIN,
    "two words": PLAIN,
    "a word with a typo": LOOSE,
    "two words, one with a typo": LOOSE,
    "what is not there": LOOSE,
}
"""In a library of 200,000 tracks; three times as long in one of 2,000,000."""
LARGER = {HOUSE: 1, STATION: 3}


def names(chance: random.Random) -> list[list[str]]:
    """The words of names of artists that have two or more, of letters alone."""
    rows = Artist.objects.order_by("pk").values_list("name", flat=True)[:5_000]
    worded = (fold(name).split() for name in rows)
    found = [words for words in worded if len(words) > 1 and all(map(str.isalpha, words))]
    return chance.sample(found, ASKED)


def words(chance: random.Random) -> list[str]:
    """Words of titles, of four letters and more."""
    rows = Track.objects.order_by("pk").values_list("title", flat=True)[:5_000]
    found = {word for title in rows for word in fold(title).split() if word.isalpha()}
    return chance.sample(sorted(word for word in found if len(word) > 3), ASKED)


def misspelt(word: str, chance: random.Random) -> str:
    """With a letter left out."""
    at = chance.randrange(len(word))
    return word[:at] + word[at + 1 :]


def odd(_: random.Random) -> list[str]:
    """What leads to the most rows, words and ways."""
    return ["the a", "a", "the the of a in", "th th th th", "e e e e e e e e", "o" * LONGEST]


QUESTIONS: dict[str, Callable[[random.Random], Sequence[str]]] = {
    "a word": words,
    "a start of three letters": lambda chance: [word[:3] for word in words(chance)],
    "two words": lambda chance: [" ".join(each[:2]) for each in names(chance)],
    "a word with a typo": lambda chance: [misspelt(word, chance) for word in words(chance)],
    "two words, one with a typo": lambda chance: [
        f"{misspelt(each[0], chance)} {each[1]}" for each in names(chance)
    ],
    "what is not there": lambda _: ["zzqxvw", "qqwwxx yyzzvv", "xqzkjw"],
    "the worst": odd,
}


@holding(HOUSE, STATION)
@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_question(
    benchmark: BenchmarkFixture, app: App, library: Size, kind: str, settings: Any
) -> None:
    settings.CACHE = False
    asked = QUESTIONS[kind](random.Random(1))
    describe(benchmark, f"Search for {kind} ({library.tracks:,} tracks)", "search", rows=1)
    if kind in GOALS_MS:
        goals = {name: goal * LARGER[library] for name, goal in GOALS_MS[kind].items()}
        benchmark.extra_info["goal_ms"] = goals
    turns = iter(range(10**9))

    def ask() -> bytes:
        # One after the other, so that the median is that of the sample.
        return app.get("/search", f"q={quote_plus(asked[next(turns) % len(asked)])}")

    assert {*msgspec.json.decode(read(benchmark, ask))} >= {"artists", "albums", "tracks"}


@holding(HOUSE)
def test_questions_asked_again(benchmark: BenchmarkFixture, app: App, library: Size) -> None:
    """Of words: some find more than others."""
    asked = words(random.Random(1))
    title = f"Search for a word that was asked for before ({library.tracks:,} tracks)"
    describe(benchmark, title, "search", rows=1)
    turns = iter(range(10**9))

    def ask() -> bytes:
        return app.get("/search", f"q={quote_plus(asked[next(turns) % len(asked)])}")

    for _ in asked:
        ask()
    assert {*msgspec.json.decode(read(benchmark, ask))} >= {"artists", "albums", "tracks"}
    assert benchmark.extra_info["queries"] == 2, "favourites, and playlists"
