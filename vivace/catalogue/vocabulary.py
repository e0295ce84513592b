"""Every word that something in the library is found by: where one that was misspelt is looked up.

A word stays when the last thing that had it goes; `vivace rebuildsearch` drops those. It may stand
here twice: with a unique index, one who adds it would wait for another who does, until that one's
whole import is through.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from rapidfuzz import process
from rapidfuzz.distance import OSA

from vivace.catalogue import bulk
from vivace.catalogue.statements import fetched, given, many

LAST = "\U0010ffff"
"""Ends the range of all words with the same start."""
SPLIT_AT_ONCE = 4_000
"""Texts that are split as one: bounds the memory."""
AHEAD = 8
"""Letters that a misspelt start may lack."""
PROBED = 5_000
"""Words that are compared at most for each probe."""
NEAR_MAX = 40
INSIDE_MAX = 100
TRIGRAM = 3
FORGIVEN = 4
LONG = 8
"""Words of so many letters are forgiven one typo, and two."""
SHORTEST_OF_LONG = LONG - 2
"""Letters that two typos may leave of a long word."""


def learn(texts: Iterable[str]) -> None:
    """Add the words of texts that are not known yet."""
    words = sorted(spoken(texts))
    if not words:
        return
    unknown = fetched(
        f"SELECT value FROM {given('text')} WHERE NOT EXISTS"
        " (SELECT 1 FROM catalogue_word known WHERE known.word = given.value)",
        [many(words)],
    )
    if unknown:
        add(word for (word,) in unknown)


def add(words: Iterable[str]) -> None:
    """Write words, none of which is known."""
    write = partial(bulk.insert_into, "catalogue_word", ("word", "backward"))
    rows = ((word, word[::-1]) for word in words)
    if connection.vendor == "postgresql":
        write(rows)
        return
    [(last,)] = fetched("SELECT coalesce(max(id), 0) FROM catalogue_word")
    write(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalogue_word_parts (rowid, word)"
            " SELECT id, word FROM catalogue_word WHERE id > %s",
            [last],
        )


def spoken(texts: Iterable[str]) -> set[str]:
    """The words of texts, of which there may be millions."""
    words: set[str] = set()
    remaining = iter(texts)
    while some := list(islice(remaining, SPLIT_AT_ONCE)):
        words.update(" ".join(some).split())
    return words


# --- What was meant --------------------------------------------------------------------------


class Asked(NamedTuple):
    """A word of a question, and what may be wrong with it."""

    word: str
    beside: bool
    """Whether it stands beside others, which tell what is meant: a short word may be wrong, too."""
    started: bool
    """Whether it may be the start of the word that is meant."""

    @property
    def typos(self) -> int:
        """The most that may be wrong, of whatever word is meant."""
        if any(map(str.isdigit, self.word)):
            return 0  # Another number is another thing.
        size = len(self.word)
        if size >= SHORTEST_OF_LONG:
            return 2
        return int(size + 1 >= FORGIVEN or (self.beside and size > 1))

    @property
    def goes_on(self) -> bool:
        """Whether the start of a longer word may be misspelt: of two letters all are."""
        return self.started and self.typos > 0 and len(self.word) >= FORGIVEN

    def forgiven(self, size: int) -> int:
        """How many typos there may be in a word of so many letters."""
        if size >= FORGIVEN:
            return 2 if size >= LONG else 1
        return int(self.beside and size > 1)


class Near(NamedTuple):
    """A word that may be meant."""

    typos: int
    started: bool
    """Whether what was asked is only like its start."""
    word: str


class Probe(NamedTuple):
    """A range of the words, or of the words backward, that holds some of those looked for."""

    column: str
    start: str
    least: int
    most: int
    """Letters of the words looked for."""


def probes(asked: Asked) -> Iterator[Probe]:
    """Ranges that hold each word that differs by so many typos, but for what `middle` finds.

    A single typo leaves one half of the word intact, or exchanges the two letters around its
    middle. Of two, one may be at each end; else one end is intact, or its last letter exchanged.
    """
    word, typos = asked.word, asked.typos
    size, end = len(word), intact(asked)
    least, most = max(size - typos, 1), size + typos
    ahead = most + AHEAD if asked.goes_on else most
    back = word[::-1]
    yield Probe("word", word[:end], least, ahead)
    if typos == 1:
        yield Probe("backward", back[: size - end], least, most)
        yield Probe("word", swapped(word, end), size, ahead)
    else:
        yield Probe("backward", back[:end], least, most)
        yield Probe("word", word[: end - 1] + word[end], least, ahead)
        yield Probe("backward", back[: end - 1] + back[end], least, most)


def intact(asked: Asked) -> int:
    """The letters of the end, or of the half, that its typos leave."""
    size = len(asked.word)
    return size // 2 if asked.typos == 1 else min(max((size - TRIGRAM) // 2, 2), 4)


def swapped(word: str, at: int) -> str:
    """The word with the letters before and after a place exchanged."""
    return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]


def middle(asked: Asked) -> str:
    """What two typos leave that are one at each end."""
    size, end = len(asked.word), intact(asked)
    # Six letters can only lack two of a long word: one before or after the first, one at the last.
    end = end if size > SHORTEST_OF_LONG else 1
    return asked.word[end : size - end]


def near(questioned: Sequence[Asked]) -> list[list[Near]]:
    """For each word those that may be meant, the nearest first, in one query."""
    selects: list[str] = []
    values: list[Any] = []
    for slot, asked in enumerate(questioned):
        if not asked.typos:
            continue
        for column, start, least, most in probes(asked):
            selects.append(
                f"SELECT {slot} AS slot, word FROM catalogue_word WHERE {column} >= %s"
                f" AND {column} < %s AND length(word) BETWEEN %s AND %s ORDER BY {column}"
            )
            values += [start, start + LAST, least, most]
        if asked.typos > 1:
            holding, needles = holds(middle(asked))
            selects.append(
                f"SELECT {slot} AS slot, word FROM catalogue_word WHERE {holding} ORDER BY word"
            )
            values += needles
    found: list[set[str]] = [set() for _ in questioned]
    for slot, word in probed(selects, values, PROBED):
        found[slot].add(word)
    return [nearest(asked, words) for asked, words in zip(questioned, found, strict=True)]


def nearest(asked: Asked, words: Collection[str]) -> list[Near]:
    found = {word: Near(typos, False, word) for word, typos in alike(asked, [*words], 0)}
    if asked.goes_on:
        longer = [word for word in words if word not in found and len(word) > len(asked.word)]
        for more in range(-asked.typos, asked.typos + 1):
            for word, typos in alike(asked, longer, len(asked.word) + more):
                found[word] = min(found.get(word, Near(typos, True, word)), Near(typos, True, word))
    return sorted(found.values())[:NEAR_MAX]


def alike(asked: Asked, words: Sequence[str], start: int) -> Iterator[tuple[str, int]]:
    """The words, or their first letters, that differ by no more typos than are forgiven."""
    texts = [word[:start] for word in words] if start else words
    near = process.extract(
        asked.word, texts, scorer=OSA.distance, score_cutoff=asked.typos, limit=None
    )
    for text, typos, at in near:
        if typos <= asked.forgiven(len(text)):
            yield words[at], int(typos)


def inside(pieces: Sequence[str]) -> list[list[str]]:
    """For each piece, of three letters or more, words that it stands in, in one query."""
    selects, values = [], []
    for slot, piece in enumerate(pieces):
        if len(piece) >= TRIGRAM:
            holding, needles = holds(piece)
            selects.append(
                f"SELECT {slot} AS slot, word FROM catalogue_word WHERE {holding}"
                " ORDER BY length(word), word"
            )
            values += needles
    found: list[list[str]] = [[] for _ in pieces]
    for slot, word in sorted(set(probed(selects, values, INSIDE_MAX))):
        found[slot].append(word)
    return found


def holds(piece: str) -> tuple[str, list[str]]:
    """The condition that a word has a piece in it, answered by the index of trigrams."""
    if connection.vendor == "postgresql":
        return "word LIKE %s", [f"%{piece}%"]
    parts = (piece[at : at + TRIGRAM] for at in range(len(piece) - TRIGRAM + 1))
    index = "SELECT rowid FROM catalogue_word_parts WHERE catalogue_word_parts MATCH %s"
    return f"id IN ({index}) AND instr(word, %s) > 0", [
        " AND ".join(f'"{part}"' for part in parts),
        piece,
    ]


def probed(selects: Sequence[str], values: Sequence[Any], most: int) -> list[tuple[int, str]]:
    if not selects:
        return []
    limited = (f"SELECT * FROM ({select} LIMIT {most}) AS probed" for select in selects)
    return fetched(" UNION ALL ".join(limited), values)


def known(words: Collection[str]) -> frozenset[str]:
    """Those of the words that something is found by."""
    if not words:
        return frozenset()
    marks = ", ".join(["%s"] * len(words))
    rows = fetched(f"SELECT word FROM catalogue_word WHERE word IN ({marks})", [*words])
    return frozenset(word for (word,) in rows)
