"""The best answers to a question: artists, albums, tracks and playlists.

For each kind a few candidates are looked up, the likelier first: those of just that name, those
whose name has all the words, those whose last word goes on, those where some words stand in the
name of the artist, the album or the genre. Only where there is none are typos forgiven. These few
are ranked.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from rapidfuzz.distance import OSA

from vivace.catalogue.folding import ways_of
from vivace.catalogue.lists import Row, rows_of
from vivace.catalogue.question import STARTED, WHOLE, Manners, Question, expression
from vivace.catalogue.search import DOCUMENTED, WORDS, document_parts, name_parts
from vivace.catalogue.statements import Query, any_of, side_by_side
from vivace.listening.kinds import KINDS, Hit, Kind

T = TypeVar("T")

CANDIDATES = 20
"""Rows that are ranked, or twice as many as are asked for."""
LOOKED_AT = 60
"""Rows that are looked at of those found at once; the most popular of them are ranked."""

# What a hit scores, from 0 to 1.
EXACT = 1.0
WRITTEN = 0.9
WORSE = 0.1
"""Less for each step from whole words to starts, one typo, two, and pieces inside words."""
IN_NAME = 0.04
"""More for the share of the question that is in the name itself."""
COVERED = 0.03
"""More for the share of the name that was asked for."""
ALIKE = 0.01
"""More for how alike the name and a misspelt question are."""


class Candidate(NamedTuple):
    id: int
    key: str
    name: str
    """The words of its name."""
    words: str
    """All the words that it is found by."""
    favourites: int
    size: int


Asking = Generator[Query, list[Any], T]
"""Work whose queries go to the database beside those of other kinds."""


class Found(NamedTuple):
    """Of one kind."""

    hits: list[Hit]
    """The best first."""
    favourites: Mapping[int, int]
    """How many favour each of what they were chosen from, by id."""


def search(
    text: str, kinds: Iterable[str], limit: int, reader_id: int, *, is_answered: bool = False
) -> dict[str, Found]:
    """For each kind the best answers, no more than the limit.

    `is_answered` says whether other kinds have answers already.
    """
    question, chosen = Question(text), {*kinds}
    asked = {name: kind for name, kind in KINDS.items() if name in chosen}
    most = max(2 * limit, CANDIDATES)
    found = candidates(question, asked, most, reader_id, is_answered=is_answered)
    best = {name: ranked(question, those[:most])[:limit] for name, those in found.items()}
    rows = side_by_side(
        {name: shown(asked[name], grades, reader_id) for name, grades in best.items() if grades}
    )
    return {
        name: Found(
            hits(grades, rows.get(name, {})), {each.id: each.favourites for each in found[name]}
        )
        for name, grades in best.items()
    }


def shown(kind: Kind, grades: Sequence["Grade"], reader_id: int) -> Asking[dict[int, Row]]:
    reader = {"reader_id": reader_id} if kind.reader else {}
    return rows_of(kind.listing, [grade.id for grade in grades], **reader)


def hits(grades: Sequence["Grade"], rows: Mapping[int, Row]) -> list[Hit]:
    # One may have been removed in between.
    return [Hit(rows[each.id], each.score, each.words) for each in grades if each.id in rows]


# --- Candidates -------------------------------------------------------------------------------


def candidates(
    question: Question, asked: Mapping[str, Kind], most: int, reader_id: int, *, is_answered: bool
) -> dict[str, list[Candidate]]:
    """For each kind what is as the question is written, or else what may be meant by it.

    The likelier first, `most` of them or more, where there are so many.
    """
    found = side_by_side(
        {name: written(question, kind, most, reader_id) for name, kind in asked.items()}
    )
    missing = {name: asked[name] for name, those in found.items() if not those}
    # Hardly a question is for a playlist, so hardly one finds any: of a question that is answered,
    # nothing else may be meant by it there.
    playlist = missing.pop("playlist", None)
    found |= side_by_side(
        {name: meant(question, kind, most, reader_id) for name, kind in missing.items()}
    )
    if playlist and not is_answered and not any(found.values()):
        found |= side_by_side({"playlist": meant(question, playlist, most, reader_id)})
    return found


class Lookup(NamedTuple):
    """One way to find some: parts of SQL that give ids, and what `%s` stands for in each."""

    parts: Sequence[str]
    asked: str


class Step(NamedTuple):
    """Ways that are gone in one statement, and SQL for the words that a row is judged by.

    What is looked up by its name is judged by that alone, which spares reading its document.
    """

    ways: Sequence[Lookup]
    words: str


def written(question: Question, kind: Kind, most: int, reader_id: int) -> Asking[list[Candidate]]:
    """What is as the question is written."""
    table = kind.table
    by_name = [Lookup([f"SELECT id FROM {table} WHERE {kind.key} = %s"], question.key)]
    steps = [Step(by_name, WORDS[table])]
    if question.whole:
        expressions = [expression(way) for way in (question.whole, question.started)]
        by_name += [Lookup(name_parts(table), asked) for asked in expressions]
        if table in DOCUMENTED:
            by_all = [Lookup(document_parts(table), asked) for asked in expressions]
            steps.append(Step(by_all, all_words(table)))
    return (yield from looked_up(kind, steps, most, reader_id))


def meant(question: Question, kind: Kind, most: int, reader_id: int) -> Asking[list[Candidate]]:
    """What may be meant by it."""
    index, every = document_parts(kind.table), all_words(kind.table)
    for readings in question.looser():
        ways = [Lookup(index, expression(reading)) for reading in readings]
        found = yield from looked_up(kind, [Step(ways, every)], most, reader_id)
        if found:
            return found
    return []


def looked_up(
    kind: Kind, steps: Iterable[Step], most: int, reader_id: int
) -> Asking[list[Candidate]]:
    """What several ways come upon, of the first way first.

    A later step is taken where those before did not find enough: far more documents than names
    have a word or its start, and what is found by them is read whole.
    """
    found: dict[int, Candidate] = {}
    for step in steps:
        # One that was found by its name may be told by more, which then counts; its place it keeps.
        for candidate in (yield from gone(kind, step, most, reader_id)):
            found[candidate.id] = candidate
        if len(found) >= most:
            break
    return [*found.values()]


def gone(kind: Kind, step: Step, most: int, reader_id: int) -> Asking[list[Candidate]]:
    """What the ways of a step find, of the first way first, and the most popular of each first.

    In two queries: together PostgreSQL would plan them anew for what is asked, but the second is
    planned once.
    """
    looked_at = max(most, LOOKED_AT)
    met = yield candidate_ids(kind, step.ways, most, looked_at, reader_id)
    found: dict[int, int] = {}
    for id_, way in sorted(met, key=itemgetter(1)):
        found.setdefault(id_, way)
    if not found:
        return []
    told = yield described(kind, step, [*found][:looked_at])
    return sorted(
        (Candidate(*each) for each in told), key=lambda each: (found[each.id], *before(each))
    )


def candidate_ids(
    kind: Kind, ways: Sequence[Lookup], most: int, looked_at: int, reader_id: int
) -> Query:
    """Each with the number of the way. None is gone after one that finds as many as are asked."""
    tables, values = list[str](), list[Any]()
    limit = str(looked_at)
    for number, way in enumerate(ways):
        parts = way.parts
        if kind.reader:
            parts = [
                f"SELECT id FROM {kind.table} WHERE id IN ({part}) AND {kind.reader}"
                for part in parts
            ]
        tables.append(f"way{number} AS ({in_turn(parts, limit)})")
        values += [way.asked, *([reader_id] if kind.reader else [])] * len(parts)
        limit = f"CASE WHEN (SELECT count(*) FROM way{number}) < {most} THEN {limit} ELSE 0 END"
    found = " UNION ALL ".join(f"SELECT way{n}.*, {n} FROM way{n}" for n in range(len(ways)))
    return Query(f"WITH {', '.join(tables)} {found}", values)


def in_turn(parts: Sequence[str], limit: str) -> str:
    """SQL for what parts find, so much at most, each part for what those before it lack."""
    tables = list[str]()
    for number, part in enumerate(parts):
        tables.append(f"part{number} AS ({part} LIMIT {limit})")
        limit += f" - (SELECT count(*) FROM part{number})"
    found = " UNION ALL ".join(f"SELECT * FROM part{number}" for number in range(len(parts)))
    return f"WITH {', '.join(tables)} {found}"


def described(kind: Kind, step: Step, found: Sequence[int]) -> Query:
    these, values = any_of(found)
    select = (
        f"SELECT id, {kind.key}, {WORDS[kind.table]}, {step.words}, {kind.favourites},"
        f" {kind.size} FROM {kind.table} named WHERE id {these}"
    )
    return Query(select, values)


def all_words(table: str) -> str:
    """SQL for the words that a row, `named`, is found by."""
    if table not in DOCUMENTED:
        return WORDS[table]
    words = "words"
    if connection.vendor == "postgresql":
        words = "array_to_string(tsvector_to_array(words), ' ')"
    return f"(SELECT {words} FROM {DOCUMENTED[table]} WHERE rowid = named.id)"


def before(candidate: Candidate) -> tuple[int, int, int, int]:
    """What decides between equals: favourites, size, the shorter name, the older row."""
    return -candidate.favourites, -candidate.size, len(candidate.key), candidate.id


# --- Ranks ------------------------------------------------------------------------------------


class Grade(NamedTuple):
    id: int
    score: float
    words: frozenset[str]
    before: tuple[int, int, int, int]


def ranked(question: Question, found: Iterable[Candidate]) -> list[Grade]:
    manners = question.manners
    grades = (graded(question.key, manners, each) for each in found)
    return sorted(grades, key=lambda grade: (-grade.score, *grade.before))


def graded(asked: str, manners: Sequence[Manners], candidate: Candidate) -> Grade:
    """How well a candidate answers a question of that key, whose pieces are found in manners."""
    id_, key, name, words, *_ = candidate
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
    return Grade(id_, round(score, 4), frozenset(found), before(candidate))
