"""An index for every filter and sort of a list, proven by the plans of both databases.

The lists themselves are walked: every filter with every sort, in both directions, at the start
and after a cursor, the known keys and those that are not. A filter or sort that is added is
covered unasked, and an index that no list reads is found, too.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from vivace.catalogue import bulk, documents, listings, lists
from vivace.catalogue.fields import timestamp
from vivace.catalogue.filters import Bound, Words, groups
from vivace.catalogue.lists import Listing, Order, Plan, page_statement, parameters, planned
from vivace.catalogue.models import Album, AlbumGenre, Artist, Genre, Track, TrackGenre
from vivace.catalogue.search import SAMPLED, document_parts, index_words, name_parts
from vivace.catalogue.statements import Slot, Statement, fetched, many
from vivace.listening import kept
from vivace.listening.kinds import KINDS
from vivace.listening.search import Lookup, candidate_ids, search

pytestmark = pytest.mark.django_db

LISTINGS = {name: value for name, value in vars(listings).items() if isinstance(value, Listing)}

NOT_IN_ORDER = {
    ("GENRES", "name"): "PostgreSQL does not see that a unique name needs no id to be in order; "
    "it sorts rows that come sorted, and there are only so many genres",
}
"""Sorts whose index does not have the whole order, and why that will do."""

READ_BY_NO_LIST = {
    "word_by_start": "words that may be misspelt, whose start is right",
    "word_by_end": "those whose end is right",
}
"""Indexes that no list reads, and what they are for."""


class Asked(NamedTuple):
    """One combination to be planned for, with the name of its list."""

    name: str
    plan: Plan
    after: bool
    known: bool


class Index(NamedTuple):
    name: str
    columns: tuple[str, ...]


PRIMARY_KEY = Index("", ("id",))


class Read(NamedTuple):
    """What a plan reads to find the rows of a page, and whether it has to sort them."""

    indexes: list[Index]
    """The first is read first."""
    whole: bool
    """Whether all of a table is read, in no order."""
    sorted: bool


# --- A library with one prolific artist, a common genre and a rare one ------------------------

ARTISTS, ALBUMS, TRACKS = 500, 1_500, 6_000
GENRES = 200
PROLIFIC, HALF = 50, 2
COMMON, RARE = "genre 1", "genre 2"


def fill() -> None:
    artists, albums, tracks = range(1, ARTISTS + 1), range(1, ALBUMS + 1), range(1, TRACKS + 1)
    at = {i: timestamp().replace("T", f"T{i % 24:02d}", 1)[:13] + ":00:00.000000Z" for i in tracks}
    artist_of = {i: 1 if i % PROLIFIC == 0 else i % ARTISTS + 1 for i in tracks}
    album_of = {i: i % ALBUMS + 1 for i in tracks}
    year_of = {i: None if i % 7 == 0 else 1950 + i % 75 for i in albums}
    length_of = {i: None if i % 9 == 0 else 1_000 * (i % 600) for i in tracks}
    names = {i: f"{'the ' if i % HALF else ''}n{i * 7_919 % 10_000:04d}" for i in tracks}
    genre_of = {i: 2 if i % 1_500 == 0 else 1 for i in tracks}
    moments = ("created_at", "updated_at")
    insert = bulk.insert
    insert(
        Genre,
        ("id", "name", "name_key", "name_words", *moments),
        [(i, f"Genre {i}", f"genre {i}", f"genre {i}", at[i], at[i]) for i in range(1, GENRES + 1)],
    )
    insert(
        Artist,
        ("id", "name", "disambiguation", "mbid", "name_key", "name_words", "sort_key", *moments),
        [(i, names[i], "", f"a{i}", names[i], names[i], names[i], at[i], at[i]) for i in artists],
    )
    insert(
        Album,
        (
            "id", "title", "artist_id", "release_date", "mbid", "title_key", "title_words",
            "artist_key", *moments,
        ),
        [
            (
                i, names[i], artist_of[i], year_of[i] and str(year_of[i]), f"l{i}", names[i],
                names[i], names[artist_of[i]], at[i], at[i],
            )
            for i in albums
        ],
    )  # fmt: skip
    carried = ("title_key", "artist_key", "release_year", *moments)
    carried_of = {i: (names[i], names[artist_of[i]]) for i in tracks}
    insert(
        Track,
        (
            "id", "title", "artist_id", "album_id", "track_number", "mbid", "isrc", "title_words",
            "album_key", "duration_ms", *carried,
        ),
        [
            (
                i, names[i], artist_of[i], album_of[i], i % 12, f"t{i}", f"i{i}", names[i],
                names[album_of[i]], length_of[i], *carried_of[i], year_of[album_of[i]],
                at[i], at[i],
            )
            for i in tracks
        ],
    )  # fmt: skip
    insert(
        AlbumGenre,
        ("album_id", "genre_id", "position", "artist_id", *carried),
        [
            (i, genre_of[i], 0, artist_of[i], *carried_of[i], year_of[i], at[i], at[i])
            for i in albums
        ],
    )
    insert(
        TrackGenre,
        ("track_id", "genre_id", "position", "artist_id", "album_key", "duration_ms", *carried),
        [
            (
                i, genre_of[i], 0, artist_of[i], names[album_of[i]], length_of[i],
                *carried_of[i], year_of[album_of[i]], at[i], at[i],
            )
            for i in tracks
        ],
    )  # fmt: skip
    for model, ids in ((Artist, artists), (Album, albums), (Track, tracks)):
        index_words(model._meta.db_table, ids, (names[i] for i in ids))
    documents.index_new("album", albums)
    documents.index_new("track", tracks)


@pytest.fixture(scope="module")
def library(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        if connection.vendor == "postgresql":
            renew_tables()
        fill()
        if connection.vendor == "postgresql":
            analyse()
            with connection.cursor() as cursor:
                # Some thousands of rows cost less read whole than by an index; in a library
                # that matters they do not. Whether an index serves is what is asked here.
                cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        transaction.set_rollback(True)


def renew_tables() -> None:
    """Begin with new files: the old hold what other tests rolled back, which plans reckon with."""
    with connection.cursor() as cursor:
        for model in (Genre, Artist, Album, Track):
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")


def analyse() -> None:
    """Gather statistics: PostgreSQL does so by itself, SQLite where somebody asks it to."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def values() -> dict[str, list[Any]]:
    """Filter → values that leave many rows and few."""
    return {
        "ids": [many([3]), many(range(1, 20))],
        "mbid": ["t3"],
        "isrc": ["i3"],
        "artist_id": [1, 2],
        "album_id": [3],
        "genre": [COMMON, RARE, "none"],
        "release_year": [1990],
        "release_year_from": [1960, 2020],
        "release_year_to": [2020, 1960],
        "duration_ms_from": [1_000, 590_000],
        "duration_ms_to": [590_000, 1_000],
        "updated_since": ["2000-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z"],
        **{name: ["the", "n0003"] for name in ("q", "name", "title", "artist", "album")},
    }


KEYS = {"duration_ms": 300_000, "release_year": 1990, "position": 1_000_005}
"""A sort key in the middle of its column; of texts and moments it is another."""


# --- The plans -------------------------------------------------------------------------------


def plans() -> Iterator[Asked]:
    """Every order, alone and with each filter, that one leading and not."""
    for name, listing in LISTINGS.items():
        for sort in listing.sorts:
            for order in (Order(sort), Order(sort, descending=True)):
                for plan in with_each_filter(listing, order):
                    for after in (False, True):
                        for known in (True, False) if plan.nullable else (True,):
                            yield Asked(name, plan, after, known)


def with_each_filter(listing: Listing, order: Order) -> Iterator[Plan]:
    # The place on an album has a meaning on that album alone: no request sorts others by it.
    if order.sort != "position":
        yield Plan(listing, frozenset(), order)
    for name in listing.filters:
        asked = frozenset({name})
        alone = Plan(listing, asked, order)
        if order.sort == "position" and name != "album_id":
            continue
        if name in lists.EXACT:
            yield alone._replace(lead=asked)
            continue
        yield alone
        if groups(listing.filters, asked) and not alone.on_key(name):
            yield alone._replace(lead=asked)


def expected(asked: Asked) -> tuple[str, ...]:
    """The columns that the index must begin with."""
    plan, listing = asked.plan, asked.plan.listing
    if plan.picked:
        (name,) = plan.lead
        match listing.filters[name]:
            case Words():
                return ("words",)
            case Bound(column):
                return (column,)
        return ("id",) if name == "ids" else (name,)
    scope = [f for f in plan.filters if f in listing.covers and plan.lead]
    fixed = [column for f, column in (("genre", "genre_id"),) if f in plan.filters]
    key = [plan.key.removeprefix(plan.scope)] if plan.key else fixed_key(plan)
    return (*fixed, *scope, *key, plan.id.removeprefix(plan.scope))


def fixed_key(plan: Plan) -> list[str]:
    """The column of a sort that a filter makes constant, where that filter is on the column."""
    filtered = plan.listing.filters[plan.listing.constant[plan.order.sort]]
    return [filtered.column] if isinstance(filtered, Bound) else []


def queries(asked: Asked) -> Iterator[tuple[dict[str, Any], Statement, list[Any]]]:
    """The statement with each value of its filter."""
    plan = asked.plan
    statement = page_statement(plan, after=asked.after, known=asked.known)
    middle: Any = KEYS.get(plan.order.sort, "n5000")
    if plan.order.sort in listings.MOMENTS:
        middle = timestamp()
    given = {"limit": 101, "offset": 0, "after_key": middle, "after_id": 700}
    (name,) = plan.filters or {""}
    some = values()[name] if name else [None]
    if groups(plan.listing.filters, plan.lead):
        some = some[-1:]  # It leads where it leaves few.
    for value in some:
        chosen = {name: value} if name else {}
        every = parameters(plan.listing, chosen) | given
        params = [every[p] if isinstance(p, Slot) else p for p in statement.params]
        yield chosen, statement, params


def read(plan: Plan, statement: Statement, params: list[Any]) -> Read:
    """How the page is found; with the rows at hand, the database fills in their columns."""
    if connection.vendor == "sqlite":
        return read_by_sqlite(plan, statement, params)
    return read_by_postgresql(plan, statement, params)


def read_by_sqlite(plan: Plan, statement: Statement, params: list[Any]) -> Read:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement.sql}", params)
        steps = [(id_, parent, text) for id_, parent, _, text in cursor.fetchall()]
        if plan.picked:
            inside = {next(id_ for id_, _, text in steps if text.startswith("LIST SUBQUERY"))}
            for id_, parent, _ in steps:
                inside |= {id_} if parent in inside else set()
            texts = [text for _, parent, text in steps if parent in inside]
        else:
            texts = [text for _, parent, text in steps if parent == 0]
        reads = [text for text in texts if re.match(r"(SEARCH|SCAN) catalogue_\w+", text)]
        indexes = [index_on_sqlite(cursor, text) for text in reads]
    whole = any(re.fullmatch(r"SCAN \w+", text) for text in reads)
    return Read(indexes, whole, any("TEMP B-TREE" in text for text in texts))


def index_on_sqlite(cursor: Any, step: str) -> Index:
    if "PRIMARY KEY" in step:
        return PRIMARY_KEY
    if "VIRTUAL TABLE" in step:
        return Index("", ("words",))
    name = step.partition(" INDEX ")[2].partition(" ")[0]
    cursor.execute("SELECT name FROM pragma_index_info(%s)", [name])
    columns = tuple(column for (column,) in cursor.fetchall())
    # Every index ends with the primary key.
    return Index(name, columns if "id" in columns else (*columns, "id"))


def read_by_postgresql(plan: Plan, statement: Statement, params: list[Any]) -> Read:
    with connection.cursor() as cursor:
        # Where few rows are picked they are sorted. Of a walk it is asked whether it can do
        # without: the planner would sort some hundred rows rather than look each up.
        cursor.execute(f"SET LOCAL enable_sort = {'on' if plan.picked else 'off'}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement.sql}", params)
        root = cursor.fetchone()[0][0]["Plan"]
        nodes = [*under(root)]
        if plan.picked:
            nodes = [*every(next(n for n in nodes if n["Node Type"] == "Limit"))]
        indexes = [index_on_postgresql(cursor, n["Index Name"]) for n in nodes if "Index Name" in n]
    kinds = {n["Node Type"] for n in nodes}
    return Read(indexes, "Seq Scan" in kinds, not kinds.isdisjoint({"Sort", "Incremental Sort"}))


def under(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan and all that it reads from, but for the columns of a row."""
    yield node
    for below in node.get("Plans", ()):
        if below["Parent Relationship"] in {"Outer", "Inner", "Subquery"}:
            yield from under(below)


def index_on_postgresql(cursor: Any, name: str) -> Index:
    cursor.execute(
        "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = %s::regclass",
        [name],
    )
    columns = tuple(cursor.fetchone()[0])
    return Index(name, ("words",) if columns == ("array_to_tsvector",) else columns)


# --- The tests -------------------------------------------------------------------------------


class Fault(NamedTuple):
    name: str
    sort: str
    about: str


def faults(seen: set[str]) -> Iterator[Fault]:
    """Plans that do without the index they should have. Those read at all are put into `seen`."""
    for asked in plans():
        wanted = expected(asked)
        for chosen, statement, params in queries(asked):
            found = read(asked.plan, statement, params)
            seen |= {index.name for index in found.indexes}
            # The one artist or album of all the rows may be looked up before them.
            single = bool(asked.plan.lead) and found.indexes[:1] == [PRIMARY_KEY]
            where = found.indexes if asked.plan.picked else found.indexes[single:][:1]
            served = any(index.columns[: len(wanted)] == wanted for index in where)
            if found.whole or not served or (found.sorted and not asked.plan.picked):
                about = f"{chosen} {asked[2:]} wants {wanted}, has {found}"
                yield Fault(asked.name, asked.plan.order.sort, about)


def test_every_filter_and_sort_is_served_by_an_index(library: None) -> None:
    seen: set[str] = set()
    found = [*faults(seen)]
    if connection.vendor == "sqlite":
        analyse()
        found += faults(seen)
    assert [fault for fault in found if fault[:2] not in NOT_IN_ORDER] == []
    if connection.vendor == "postgresql":
        assert {fault[:2] for fault in found} == {*NOT_IN_ORDER}, "an exception has gone stale"
    models_ = apps.get_app_config("catalogue").get_models()
    there = {index.name for model in models_ for index in model._meta.indexes}
    assert there - seen == {*READ_BY_NO_LIST}


def chosen_lead(listing: Listing, order: str = "created_at", **values: Any) -> set[str]:
    given = {**parameters(listing, values), "limit": 100}
    return {*planned(listing, values, given, Order(order)).lead}


def test_words_and_bounds_lead_where_they_leave_few(
    library: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "FEW", 1_000)
    tracks, albums = LISTINGS["TRACKS"], LISTINGS["ALBUMS"]
    assert chosen_lead(tracks, title="the") == set()
    assert chosen_lead(tracks, title="n00") == {"title"}
    assert chosen_lead(tracks, title="") == {"title"}
    assert chosen_lead(tracks, title="the", artist="n00") == {"artist"}
    assert chosen_lead(tracks, title="the", genre=RARE) == set()
    assert chosen_lead(tracks, artist="the", album="n00", genre=COMMON) == {"album"}
    assert chosen_lead(tracks, updated_since="2100-01-01T00:00:00.000000Z") == {"updated_since"}
    assert chosen_lead(tracks, duration_ms_from=0, duration_ms_to=599_000) == set()
    narrow: dict[str, Any] = {"duration_ms_from": 100_000, "duration_ms_to": 101_000}
    assert chosen_lead(tracks, **narrow) == {*narrow}
    assert chosen_lead(tracks, "duration_ms", **narrow) == set()
    assert chosen_lead(tracks, artist_id=1, title="n00") == {"artist_id"}
    assert chosen_lead(albums, release_year=1990) == {"release_year"}
    assert chosen_lead(albums, "release_year", release_year=1990) == set()


if connection.vendor == "postgresql":

    @pytest.mark.parametrize("values", [{"title": "the"}, {"q": "the"}])
    def test_what_very_many_rows_have_is_neither_counted_nor_looked_up(
        library: None, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
    ) -> None:
        monkeypatch.setattr(lists, "FEW", 100)
        monkeypatch.setattr(lists, "MANY", 500)
        monkeypatch.setattr(lists, "MET", 50)
        analyse()
        with CaptureQueriesContext(connection) as captured:
            found = lists.page(LISTINGS["TRACKS"], values, Order("title"), limit=10)
        assert len(found.rows) == 10
        statements = [query["sql"] for query in captured.captured_queries]
        assert not [sql for sql in statements if "COUNT" in sql]
        with connection.cursor() as cursor:
            # Below Django's cursor, which would take the percent signs for parameters.
            plan = "\n".join(row[0] for row in cursor.cursor.execute(f"EXPLAIN {statements[-1]}"))
        assert "Index Scan using track_by_title" in plan
        assert "hashed" not in plan


def test_what_is_found_does_not_depend_on_what_leads(
    library: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = ("created_at", "title", "release_year", "duration_ms")
    filters: list[dict[str, Any]] = [
        {"title": "n00 the"},
        {"q": "n00 the"},
        {"q": "n0000 teh", "genre": COMMON},
        {"q": "'n00", "artist": "the"},
        {"title": "", "artist": "the"},
        {"artist": "the n0", "genre": RARE},
        {"release_year_from": 1960, "release_year_to": 1961},
        {"duration_ms_from": 590_000, "album": "the", "genre": COMMON},
        {"updated_since": "2000-01-01T00:00:00.000000Z", "duration_ms_to": 5_000},
    ]

    def everything() -> list[list[lists.Row]]:
        return [
            [row for rows in lists.stream(LISTINGS["TRACKS"], values, order) for row in rows]
            for values in filters
            for sort in orders
            for order in (Order(sort), Order(sort, descending=True))
        ]

    monkeypatch.setattr(lists, "STREAM_ROWS", 37)
    picked = everything()
    monkeypatch.setattr(lists, "leaves_few", lambda *_: False)
    assert everything() == picked
    # As if everything were common.
    monkeypatch.setattr(lists, "expected_many", lambda *_: 10**9)
    assert everything() == picked
    assert any(picked)


# --- What searching reads --------------------------------------------------------------------

ASKED = ["n0003", "the n00", "n0oo3 the", "thw n", "teh nooo", "heeee", "nnooothere xx", "a the"]
"""Words and starts of words, with typos and without, and what stands nowhere."""


def test_searching_reads_by_indexes_alone(library: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        for question in ASKED:
            search(question, KINDS, 10, 1)
        kept.favourites_now(
            {name: kept.one_text([1, 2]) for name, kind in KINDS.items() if not kind.reader}
        )
    statements = {query["sql"] for query in captured.captured_queries}
    assert any("catalogue_word " in statement for statement in statements)
    scanned = [(scan, sql) for sql in statements for scan in scans(sql)]
    assert scanned == []


def scans(sql: str) -> Iterator[str]:
    """The tables that are read whole."""
    with connection.cursor() as cursor:
        # Below Django's cursor, which would take the percent signs for parameters.
        if connection.vendor == "sqlite":
            steps = cursor.cursor.connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
            texts = [text for _, _, _, text in steps]
            yield from (text for text in texts if re.fullmatch(r"SCAN (named|\w+_\w+)", text))
        else:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}", ())
            for node in every(cursor.fetchone()[0][0]["Plan"]):
                if node["Node Type"] == "Seq Scan":
                    yield node["Relation Name"]


def every(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan and all below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from every(below)


if connection.vendor == "postgresql":

    @pytest.mark.parametrize("parts", [name_parts, document_parts])
    def test_what_many_rows_have_is_looked_up_in_a_sample_of_them(
        library: None, parts: Callable[[str], Sequence[str]]
    ) -> None:
        """And what few have, in the index of all rows."""
        for asked, is_common in (("'n':*", True), ("'n00':*", False)):
            lookup = Lookup(parts("catalogue_track"), asked)
            query = candidate_ids(KINDS["track"], [lookup], 5, 5, 0)
            [([plan],)] = fetched(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.sql}", query.values)
            read = {
                node["Index Name"]
                for node in every(plan["Plan"])
                if "Index Name" in node and node["Actual Loops"]
            }
            assert any(name.endswith("_sample") for name in read)
            assert any(name.endswith("_words") for name in read) == (not is_common)

    def test_a_way_is_not_gone_where_one_before_found_enough(library: None) -> None:
        common, rare = (Lookup(name_parts("catalogue_track"), asked) for asked in ("'n':*", "'x'"))
        for ways, looked_up in (([common, common], 1), ([rare, common], 2), ([common, rare], 1)):
            query = candidate_ids(KINDS["track"], ways, 5, 5, 0)
            [([plan],)] = fetched(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.sql}", query.values)
            samples = [
                node
                for node in every(plan["Plan"])
                if node.get("Index Name", "").endswith("_sample") and node["Actual Loops"]
            ]
            assert len(samples) == looked_up

    def test_the_sample_that_is_asked_for_is_the_one_with_an_index(db: None) -> None:
        defined = fetched(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indexrelid::regclass::text LIKE '%%\\_sample' AND indisvalid"
        )
        assert len(defined) == 6
        assert all(f"% ({SAMPLED})::bigint) = 0)" in definition for (definition,) in defined)

    def test_what_is_new_does_not_stay_in_a_list_that_every_search_reads(db: None) -> None:
        options = dict(
            fetched("SELECT relname, reloptions FROM pg_class WHERE relkind IN ('r', 'i')")
        )
        assert "gin_pending_list_limit=64" in options["word_by_parts"]
        for table in ("word", "artist", "album", "track", "album_search", "track_search"):
            assert "autovacuum_vacuum_insert_threshold=1000" in options[f"catalogue_{table}"]
