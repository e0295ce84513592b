"""What somebody typed into a search field, and what may be meant by it.

A question is a few pieces, in any order; each is found by one of several ways to write it, and
the last may be the start of a word. How far it is taken: as it is written; with typos forgiven,
words run together or apart; as what stands inside a word. Each becomes an expression in the
language of the database's full-text index.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, NamedTuple

from django.db import connection

from vivace.catalogue import vocabulary
from vivace.catalogue.folding import fold, other_ways, parts
from vivace.catalogue.vocabulary import Asked, Near

PIECES_MAX = 16
"""More of a question is not looked at; a name is still found by the whole of it."""
STARTING = 3
"""Letters from which on the last of two words in one piece may be only begun."""
TELLING = 4
"""Of more pieces a short word is not forgiven: there are too many that may be meant."""
STEPS = 3
"""How loosely a question may be taken."""
TYPOS_MAX = 2
"""Typos that are forgiven in a word, at most."""
SHORTEST = 2
"""Letters of each half of a word that is taken apart."""


class Term(NamedTuple):
    word: str
    started: bool = False
    """Whether words that start with it are meant, too."""


Way = tuple[Term, ...]
"""Terms that are all to be there."""


class Piece(NamedTuple):
    """What stands between two spaces of a question."""

    ways: tuple[tuple[str, ...], ...]

    @property
    def word(self) -> str:
        """All of it as one word."""
        return "".join(self.ways[0])


Reading = tuple[tuple[Way, ...], ...]
"""For each piece the ways of which one is to be there."""


def pieces_of(key: str) -> list[Piece]:
    """Each once, where it is asked for last: the last may be only begun."""
    found = (Piece((tuple(parts(chunk)), *other_ways(chunk))) for chunk in reversed(key.split()))
    return list(dict.fromkeys(piece for piece in found if piece.ways[0]))[::-1]


class Manners(NamedTuple):
    """How a piece of the question is found in words: the less, the better."""

    words: Mapping[str, int]
    together: Sequence[tuple[frozenset[str], int]]
    """Words that count if all are there."""
    starts: tuple[str, ...]

    def best(self, words: Sequence[str]) -> tuple[int, frozenset[str]]:
        """The best manner in which it is among the words, and which of them it is."""
        best, met = NOWHERE, frozenset[str]()
        for word in words:
            how = self.words.get(word, NOWHERE)
            if how > STARTED and word.startswith(self.starts):
                how = STARTED
            if how < best:
                best, met = how, frozenset((word,))
        for several, how in self.together:
            if how < best and several.issubset(words):
                best, met = how, several
        return best, met


WHOLE, STARTED, TYPO, TYPOS, INSIDE, NOWHERE = range(6)


class Question:
    """A question, and as much of what may be meant as is asked for, looked up once."""

    def __init__(self, text: str) -> None:
        self.key = fold(text)
        pieces = pieces_of(self.key)
        self.pieces = pieces[:PIECES_MAX]
        self.is_cut = len(pieces) > PIECES_MAX

    @cached_property
    def whole(self) -> Reading:
        """Each piece as whole words."""
        return tuple(plain(piece) for piece in self.pieces)

    @cached_property
    def started(self) -> Reading:
        """The last piece as the start of a word."""
        if not self.whole or self.is_cut:
            return self.whole
        *before, last = self.whole
        return (*before, tuple(begun(way) for way in last))

    def meant(self, typos: int = TYPOS_MAX, *, starts: bool = True) -> Reading:
        """With so many typos forgiven in a word, and words run together or taken apart.

        `starts` tells whether the start of a longer word may be misspelt, too.
        """
        return tuple(
            (*written, *near_ways(likely, typos, starts=starts), *apart)
            for written, likely, apart in zip(self.started, self.near, self.apart, strict=True)
        )

    def inside(self) -> Reading:
        """With the words that a piece stands inside of, too."""
        return tuple(
            (*written, *near_ways(likely), *((Term(word),) for word in words))
            for written, likely, words in zip(self.started, self.near, self.holding, strict=True)
        )

    def reading(self, step: int) -> Reading:
        """As it is written, or one or two steps looser: of each step what finds the most."""
        match step:
            case 0:
                return self.started
            case 1:
                return self.meant()
            case _:
                return self.inside()

    def looser(self) -> Iterator[list[Reading]]:
        """What may be meant where nothing is written so, each step looser than the last.

        A step is one or more readings, the closest first.
        """
        told = {self.started}
        for step in (self.closest_first, lambda: [self.inside()]):
            if found := [each for each in dict.fromkeys(step()) if each not in told]:
                yield found
            told |= {*found}

    def closest_first(self) -> list[Reading]:
        whole = (self.meant(typos, starts=False) for typos in range(1, TYPOS_MAX + 1))
        return [*whole, self.meant()]

    @cached_property
    def near(self) -> list[list[Near]]:
        """For each piece the words that it may be misspelt from."""
        last, beside = len(self.pieces) - 1, 1 < len(self.pieces) <= TELLING
        return vocabulary.near(
            [Asked(piece.word, beside, started=at == last) for at, piece in enumerate(self.pieces)]
        )

    @cached_property
    def holding(self) -> list[list[str]]:
        """For each piece the words that it stands inside of."""
        return vocabulary.inside([piece.word for piece in self.pieces])

    @cached_property
    def apart(self) -> list[list[Way]]:
        """For each piece two words that were run together, or one that was taken apart."""
        words = [piece.word for piece in self.pieces]
        halves = [
            [(word[:at], word[at:]) for at in range(SHORTEST, len(word) - SHORTEST + 1)]
            for word in words
        ]
        joined = [first + second for first, second in pairwise(words)]
        known = vocabulary.known({*joined, *chain.from_iterable(chain.from_iterable(halves))})
        found: list[list[Way]] = [
            [tuple(map(Term, pair)) for pair in pairs if known.issuperset(pair)] for pairs in halves
        ]
        for at, word in enumerate(joined):
            if word in known:
                found[at].append((Term(word),))
                found[at + 1].append((Term(word),))
        return found

    @property
    def manners(self) -> list[Manners]:
        """How each piece may be found, as far as that was looked up."""
        nothing: list[list[Any]] = [[]] * len(self.pieces)
        looked = [vars(self).get(name, nothing) for name in ("near", "apart", "holding")]
        last = len(self.pieces) - 1
        return [
            manners_of(piece, *found, started=at == last)
            for at, (piece, *found) in enumerate(zip(self.pieces, *looked, strict=True))
        ]


def near_ways(
    likely: Iterable[Near], typos: int = TYPOS_MAX, *, starts: bool = True
) -> Iterator[Way]:
    for near in likely:
        if near.typos <= typos and (starts or not near.started):
            yield (Term(near.word),)


def plain(piece: Piece) -> tuple[Way, ...]:
    return tuple(tuple(map(Term, words)) for words in piece.ways)


def begun(way: Way) -> Way:
    """The last word as a start. Of "a-ha" it is not: any word with "ha" at its start would do."""
    *before, last = way
    if before and len(last.word) < STARTING and len(before) == 1:
        return way
    return (*before, Term(last.word, started=True))


def manners_of(
    piece: Piece,
    near: Iterable[Near],
    apart: Iterable[Way],
    holding: Iterable[str],
    *,
    started: bool,
) -> Manners:
    words = dict.fromkeys(holding, INSIDE)
    words |= {each.word: STARTED + each.typos for each in reversed([*near]) if each.typos}
    words |= {way[0].word: TYPO for way in apart if len(way) == 1}
    words |= {way[0]: WHOLE for way in piece.ways if len(way) == 1}
    together = [(frozenset(way), WHOLE) for way in piece.ways if len(way) > 1]
    together += [(frozenset(t.word for t in way), TYPO) for way in apart if len(way) > 1]
    starts = tuple(way[-1] for way in piece.ways if len(way) == 1) if started else ()
    return Manners(words, together, starts)


# --- In the language of the database ----------------------------------------------------------

SIGNS = {"sqlite": (" AND ", " OR "), "postgresql": (" & ", " | ")}
NOTHING = {"sqlite": '""', "postgresql": ""}
"""The expression that finds nothing."""


def expression(reading: Reading) -> str:
    """In the language of the full-text index."""
    if not reading:
        return NOTHING[connection.vendor]
    and_, or_ = SIGNS[connection.vendor]
    return joined(
        [
            joined([joined([written(term) for term in way], and_) for way in ways], or_)
            for ways in map(dict.fromkeys, reading)
        ],
        and_,
    )


def joined(expressions: Sequence[str], sign: str) -> str:
    return expressions[0] if len(expressions) == 1 else f"({sign.join(expressions)})"


def written(term: Term) -> str:
    if connection.vendor == "postgresql":
        return f"'{term.word}'{':*' * term.started}"
    return f'"{term.word}"{" *" * term.started}'


def needles(reading: Reading) -> str:
    """As JSON, what stands in a text with a space before and after each word.

    Of each list in the outermost one list is to be there, and of that all.
    """
    return json.dumps(
        [
            [[f" {term.word}{'' if term.started else ' '}" for term in way] for way in ways]
            for ways in reading
        ]
        or [[]]  # a question without a word is nowhere
    )
