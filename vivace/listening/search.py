"""The best answers to a question: artists, albums, tracks and playlists.

For each kind a few candidates are looked up, the likelier first: those of just that name, those
whose name has all the words, those whose last word goes on, those where some words stand in the
name of the artist, the album or the genre. Only where there is none are typos forgiven. These few
are ranked.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from rapidfuzz.distance import OSA

from vivace.catalogue.folding import spellings
from vivace.catalogue.listings import ALBUMS, ARTISTS, TRACKS
from vivace.catalogue.lists import Listing, Order, Row, page
from vivace.catalogue.question import STARTED, WHOLE, Manners, Question
from vivace.catalogue.search import DOCUMENTED, WORDS, found_by_all, found_by_name
from vivace.catalogue.statements import many
from vivace.listening.lists import PLAYLISTS

CANDIDATES = 30
"""Rows that are ranked, or thrice as many as are asked for."""
TRACKS_COUNTED = 100

# What a hit scores, from 0 to 1.
EXACT = 1.0
WRITTEN = 0.9
WORSE = 0.1
"""Less for each step from whole words to starts, one typo, two, and pieces inside words."""
IN_NAME = 0.05
"""More for the share of the question that is in the name itself."""
COVERED = 0.04
"""More for the share of the name that was asked for."""
ALIKE = 0.01
"""More for how alike the name and a misspelt question are."""


class Kind(NamedTuple):
    """What can be found, and what makes one more popular than another."""

    listing: Listing
    key: str
    popularity: str
    """Two columns of SQL: favourites, and how much there is of it."""
    reader: str = ""
    """The condition that an account, `%s`, may see it."""

    @property
    def table(self) -> str:
        return self.listing.model._meta.db_table


def favourites(kind: str) -> str:
    return f"(SELECT count(*) FROM listening_favourite WHERE {kind}_id = named.id)"


def tracks(column: str) -> str:
    counted = f"SELECT 1 FROM catalogue_track WHERE {column} = named.id LIMIT {TRACKS_COUNTED}"
    return f"(SELECT count(*) FROM ({counted}) AS counted)"


ITEMS = "(SELECT count(*) FROM listening_playlistitem WHERE playlist_id = named.id)"

KINDS: Mapping[str, Kind] = {
    "artist": Kind(ARTISTS, "name_key", f"{favourites('artist')}, {tracks('artist_id')}"),
    "album": Kind(ALBUMS, "title_key", f"{favourites('album')}, {tracks('album_id')}"),
    "track": Kind(TRACKS, "title_key", f"{favourites('track')}, 0"),
    "playlist": Kind(PLAYLISTS, "name_key", f"0, {ITEMS}", "(owner_id = %s OR public)"),
}


class Hit(NamedTuple):
    row: Row
    """The columns of the kind's listing."""
    score: float
    words: frozenset[str]
    """The words that were found."""


class Candidate(NamedTuple):
    id: int
    key: str
    name: str
    """The words of its name."""
    words: str
    """All the words that it is found by."""
    favourites: int
    size: int


def search(text: str, kinds: Iterable[str], limit: int, reader_id: int) -> dict[str, list[Hit]]:
    """For each kind the best answers first, no more than the limit."""
    question = Question(text)
    return {kind: hits(question, KINDS[kind], limit, reader_id) for kind in kinds}


def hits(question: Question, kind: Kind, limit: int, reader_id: int) -> list[Hit]:
    found = candidates(question, kind, max(3 * limit, CANDIDATES), reader_id)
    manners = question.manners
    ranked = sorted(
        (graded(question.key, manners, each) for each in found),
        key=lambda grade: (-grade.score, *grade.before),
    )[:limit]
    ids = [grade.id for grade in ranked]
    if not ids:
        return []
    order = Order(kind.listing.default)
    values: dict[str, Any] = {"ids": many(ids)}
    if kind.reader:
        values["reader_id"] = reader_id
    shown = {int(row[0]): row for row in page(kind.listing, values, order, limit=len(ids)).rows}
    # One may have been removed in between.
    return [Hit(shown[grade.id], grade.score, grade.words) for grade in ranked if grade.id in shown]


# --- Candidates -------------------------------------------------------------------------------


def candidates(question: Question, kind: Kind, most: int, reader_id: int) -> Sequence[Candidate]:
    """As it is written, or else as it may be meant."""
    table = kind.table
    ways = [(f"SELECT id AS rowid FROM {table} WHERE {kind.key} = %s", question.key)]
    whole, started = question.whole(), question.started()
    if whole and started:
        ways += [(found_by_name(table, "%s"), whole), (found_by_name(table, "%s"), started)]
        if table in DOCUMENTED:
            ways += [(found_by_all(table, "%s"), whole), (found_by_all(table, "%s"), started)]
    found = looked_up(kind, ways, most, reader_id)
    looser = question.looser()
    while not found and (readings := next(looser, None)):
        ways = [(found_by_all(table, "%s"), reading) for reading in readings]
        found = looked_up(kind, ways, most, reader_id)
    return found


def looked_up(
    kind: Kind, ways: Sequence[tuple[str, str]], most: int, reader_id: int
) -> list[Candidate]:
    """What several ways of finding come upon; a later one is gone only if more are wanted."""
    table = kind.table
    values: list[str | int] = []
    selects = []
    for way, expression in ways:
        values.append(expression)
        seen = way
        if kind.reader:
            seen = f"SELECT id AS rowid FROM {table} WHERE id IN ({way}) AND {kind.reader}"
            values.append(reader_id)
        selects.append(f"SELECT * FROM ({seen} LIMIT {most}) AS way")
    found = f"SELECT DISTINCT rowid FROM ({' UNION ALL '.join(selects)} LIMIT {most}) AS ways"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT named.id, named.{kind.key}, named.{WORDS[table]}, {all_words(table)},"
            f" {kind.popularity} FROM ({found}) AS found"
            f" JOIN {table} named ON named.id = found.rowid",
            values,
        )
        return [Candidate(*row) for row in cursor.fetchall()]


def all_words(table: str) -> str:
    """SQL for the words that a row is found by."""
    if table not in DOCUMENTED:
        return f"named.{WORDS[table]}"
    words = "words"
    if connection.vendor == "postgresql":
        words = "array_to_string(tsvector_to_array(words), ' ')"
    return f"(SELECT {words} FROM {DOCUMENTED[table]} WHERE rowid = named.id)"


# --- Ranks ------------------------------------------------------------------------------------


class Grade(NamedTuple):
    id: int
    score: float
    words: frozenset[str]
    before: tuple[int, int, int, int]
    """What decides between equal scores: favourites, size, the shorter name, the older row."""


def graded(asked: str, manners: Sequence[Manners], candidate: Candidate) -> Grade:
    """How well a candidate answers a question of that key, whose pieces are found in manners."""
    id_, key, name, words, liked, size = candidate
    own, every = name.split(), (words or name).split()
    steps, in_name, found = [], 0, set[str]()
    for piece in manners:
        step, met = piece.best(own)
        elsewhere, met_elsewhere = piece.best(every) if step > WHOLE else (step, met)
        if step <= elsewhere:
            in_name += 1
        else:
            step, met = elsewhere, met_elsewhere
        steps.append(step)
        found |= met
    chunks = key.split()
    covered = sum(not found.isdisjoint(ways_of(chunk)) for chunk in chunks)
    score = EXACT
    if key != asked:
        pieces = max(len(steps), 1)
        score = (
            WRITTEN
            - WORSE * (0.8 * max(steps, default=0) + 0.2 * sum(steps) / pieces)
            + IN_NAME * in_name / pieces
            + COVERED * covered / max(len(chunks), 1)
        )
        if steps and max(steps) > STARTED:
            score += ALIKE * OSA.normalized_similarity(asked, key)
    return Grade(id_, round(score, 4), frozenset(found), (-liked, -size, len(key), id_))


@lru_cache(maxsize=8_192)
def ways_of(chunk: str) -> frozenset[str]:
    """The words of a piece of a name, in all the ways it is written."""
    return frozenset(spellings(chunk).split())
