"""Text as it is compared, sorted and looked up: without case, accents and odd spacing."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from anyascii import anyascii

KEY_LENGTH = 500
"""Longer keys are cut: PostgreSQL refuses an index entry of more than 2,704 bytes."""

# Latin letters whose stroke or ligature Unicode does not decompose.
STROKES = {
    "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
}  # fmt: skip
STROKE = re.compile(f"[{''.join(STROKES)}]")

# Only accents are dropped. The marks of other scripts are vowels and consonants of their own.
ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")

# What parts two words. A combining mark belongs to the word it stands in, though `\w` leaves
# it out; all those in use stand in the first 65,536 code points.
ASCII_GAPS = str.maketrans({c: " " for c in map(chr, range(128)) if not c.isalnum()})
MARKS = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c)[0] == "M")
GAPS = re.compile(rf"(?:[^\w{re.escape(MARKS)}]|_)+")

AND = frozenset("&+")
"""By itself each is read as "and"."""

# Signs that stand for a letter beside letters, as in Ke$ha and P!nk. At the end "!" is only loud.
LETTER = r"[^\W\d_]"
LOOKALIKES = re.compile(rf"(?<={LETTER})[$@]+|[$@]+(?={LETTER})|(?<={LETTER})!(?={LETTER})")
READ_AS = str.maketrans("$@!", "sai")

OTHER_SCRIPT = re.compile("[\u0250-\U0010ffff]")
SYLLABLES = re.compile("[A-Z]?[^A-Z]+|[A-Z]")


def fold(text: str) -> str:
    """The key of a name: `"  Sigur  RÓS"` and `"sigur ros"` have the same one.

    Compatibility forms are unified (NFKC), Latin, Greek and Cyrillic accents dropped, case
    folded, runs of white space made one space, and the result cut at `KEY_LENGTH`.
    """
    if not text.isascii():
        text = ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    if text.isascii():
        key = text.lower()
    else:
        plain = STROKE.sub(lambda stroke: STROKES[stroke[0]], text.casefold())
        key = unicodedata.normalize("NFKC", plain)
    # Cut between two words it would end in a space, and hold an empty word.
    return " ".join(key.split())[:KEY_LENGTH].rstrip()


def words(key: str) -> str:
    """The words of a folded key, one space between two: what word prefixes are matched with."""
    # Most names are letters, digits and single spaces: those are their own words.
    if key.replace(" ", "").isalnum():
        return key
    if key.isascii():
        return " ".join(key.translate(ASCII_GAPS).split())
    return GAPS.sub(" ", key).strip()


def spellings(key: str) -> str:
    """The words of a folded key, and after them the other ways in which people write them.

    `ac/dc` is `ac dc acdc` and `ke$ha` `ke ha keha kesha`; what is in another script than the
    Latin is there romanised, too. All that can be found of a name is among these words.
    """
    if key.replace(" ", "").isalnum() and key.isascii():
        return key
    found: list[str] = []
    others: list[str] = []
    for chunk in key.split():
        if chunk.isalnum() and chunk.isascii():
            found.append(chunk)
        else:
            as_written, otherwise = written(chunk)
            found += as_written
            others += otherwise
    return " ".join(dict.fromkeys(found + others))


# Names share their words: those of 10,000 artists are spelt out in half the time.
@lru_cache(maxsize=8_192)
def written(chunk: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a piece of a key that has no space in it, and the words of its other ways."""
    return tuple(parts(chunk)), tuple(chain.from_iterable(other_ways(chunk)))


@lru_cache(maxsize=8_192)
def ways_of(chunk: str) -> frozenset[str]:
    """The words of a piece of a key, in all the ways it is written."""
    return frozenset(chain.from_iterable(written(chunk)))


def parts(chunk: str) -> list[str]:
    """The words of a piece of a key that has no space in it."""
    return ["and"] if chunk in AND else words(chunk).split()


def other_ways(chunk: str) -> Iterator[tuple[str, ...]]:
    """Other words for a piece of a key, each way as its words: joined, as it sounds, romanised."""
    if chunk.isalnum() and chunk.isascii():
        return
    split = parts(chunk)
    joined = "".join(split)
    if len(split) > 1:
        yield (joined,)
    looks = LOOKALIKES.sub(lambda sign: sign[0].translate(READ_AS), chunk)
    if looks != chunk and (like := "".join(words(looks).split())):
        yield (like,)
    if OTHER_SCRIPT.search(joined):
        # Cut, as a letter may become fifteen, and PostgreSQL takes no word of 2,047.
        romanised = anyascii(joined)[:KEY_LENGTH]
        syllables = words(" ".join(SYLLABLES.findall(romanised)).lower()).split()
        if plain := "".join(syllables):
            yield (plain,)
        if len(syllables) > 1:
            yield tuple(syllables)
