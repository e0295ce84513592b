"""The hot reads: filter, sort, one page after a key, as rows.

A `Listing` says what can be asked of a kind of thing. What is asked becomes a few statements,
compiled once for each combination of filters and order and run with the values of the request.

A page is read in one of two ways. Where a filter leads to few rows, those are picked, sorted
and only then filled in. Else the index of the order is walked, through the rows of one artist or
genre where asked, and the other filters are checked on the way until the page is full. What a
filter of words or bounds leaves is counted first, up to `FEW`, unless PostgreSQL expects `MANY`.

Sort keys that may be unknown come last in either direction, so such a list is read in two
segments, each one range of the same index: the known keys, then the rows without one.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet, Subquery

from vivace.catalogue.filters import STEP, AskedOfAny, Bound, Filter, Words, groups, unindexed
from vivace.catalogue.models import Genre
from vivace.catalogue.statements import (
    Condition,
    Param,
    Picked,
    Query,
    Statement,
    beyond,
    equal,
    many,
    past,
    taken_for_half,
)

Row = tuple[Any, ...]
LOWEST = 0
"""No sort key that may be unknown is lower. SQLite takes a bound as the start of a range, not
IS NOT NULL; Django leaves out one that is below what the column can hold."""

FEW = 4_000
"""Rows that are picked and sorted rather than met on a walk. Among 200,000 that costs what a walk
past 100 of them does, some 10 ms: no filter costs much more, whatever its value."""

MANY = 5 * FEW
MANY_OF_ALL = 0.025
"""Where PostgreSQL expects more rows than both, they are not counted. Without statistics it expects
2 % of all for the start of any word."""

MET = 200
"""Where it expects so many times the rows of a page, each is checked when it is met. For a page of
100 it looked 10,000 up at once in 33 ms and met its rows in 39; of 44,000, in 83 and in 10."""

STREAM_ROWS = 2_000
"""Rows a stream reads at once: bounds its memory and how long a statement lives."""


class Order(NamedTuple):
    sort: str
    descending: bool = False


class Place(NamedTuple):
    """Where a page ended: the sort key of its last row (None: it had none) and its id."""

    key: str | int | None
    id: int
    steps: dict[str, int] | None = None
    """How loosely questions among the filters were taken, where there were any."""
    tied: bool = False
    """Whether a row beside the last one has its key, too, and pages are told apart by ids."""


class Page(NamedTuple):
    rows: list[Row]
    end: Place | None
    """None where nothing follows."""


@dataclass(frozen=True, eq=False)
class Listing:
    """What can be asked of a kind of thing, and the columns of the answer."""

    model: type[Model]
    columns: Mapping[str, Any]
    """The first is the id, as text."""
    sorts: Mapping[str, str]
    filters: Mapping[str, Filter]
    nullable: frozenset[str] = frozenset()
    default: str = "created_at"
    scopes: Mapping[str, str] = field(default_factory=dict)
    """Filter → the relation whose rows carry the sort keys (those of one genre)."""
    constant: Mapping[str, str] = field(default_factory=dict)
    """Sort → the filter under which its key is the same in every row."""
    covers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Exact filter → the sorts that it has an index with."""


EXACT = ("ids", "mbid", "isrc", "album_id", "artist_id")
"""Filters that lead wherever they are asked, the first of them."""


class Plan(NamedTuple):
    """One combination of listing, filters and order, as the columns of its statements."""

    listing: Listing
    filters: frozenset[str]
    order: Order
    lead: frozenset[str] = frozenset()
    """The filters whose rows are read; without any, the order's index is walked."""
    common: frozenset[str] = frozenset()
    """Filters that are better checked on each row that is met than looked up for all."""

    @property
    def picked(self) -> bool:
        """Whether what the lead leaves is sorted, as no index has it in order."""
        covers = [self.listing.covers.get(name, frozenset[str]()) for name in self.lead]
        return bool(covers) and self.order.sort not in frozenset[str]().union(*covers)

    @property
    def scope(self) -> str:
        """The prefix of the sort keys: those of a genre's rows where they lead, else none."""
        if self.lead:
            return ""
        scopes = [self.listing.scopes[f] for f in self.filters if f in self.listing.scopes]
        return f"{scopes[0]}__" if scopes else ""

    @property
    def key(self) -> str | None:
        """The path of the sort key; None where it is the same in all rows."""
        if self.listing.constant.get(self.order.sort) in self.filters:
            return None
        return self.scope + self.listing.sorts[self.order.sort]

    @property
    def id(self) -> str:
        return f"{self.scope}{self.listing.model._meta.model_name}_id" if self.scope else "id"

    @property
    def nullable(self) -> bool:
        """Whether rows without a sort key are to be read, too. A bound leaves none of them."""
        if self.key is None or self.order.sort not in self.listing.nullable:
            return False
        return not any(self.bounds_key(name) for name in self.filters)

    def bounds_key(self, name: str) -> bool:
        found = self.listing.filters[name]
        return isinstance(found, Bound) and found.column == self.listing.sorts[self.order.sort]

    def on_key(self, name: str) -> bool:
        """Whether a filter is a range of the order's own index."""
        return self.bounds_key(name) and not self.lead

    def rows(self, *more: Q | Condition, after: bool = False) -> QuerySet[Any, Any]:
        """The rows that the filters leave, unordered.

        All in one call: conditions on a genre's rows and on its keys are then of the same row.
        """
        chosen = [self.condition(name, after=after) for name in sorted(self.filters)]
        return self.listing.model._default_manager.order_by().filter(*chosen, *more)

    def condition(self, name: str, *, after: bool) -> Q:
        found = self.listing.filters[name]
        if name in self.listing.scopes and not self.scope:
            return self.apart(name)
        if not isinstance(found, Words | Bound):
            return found()
        if name in self.lead:
            return found.leading()
        if isinstance(found, Bound) and self.on_key(name) and not (after and self.behind(found)):
            return found.leading(self.scope)
        return found.checked(self.scope, common=name in self.common)

    def behind(self, bound: Bound) -> bool:
        """Whether a walk that has begun can no longer meet the bound.

        SQLite starts at one lower bound of an index, and it may be this one instead of the
        place where the last page ended.
        """
        return bound.sign == ("<=" if self.order.descending else ">=")

    def apart(self, name: str) -> Q:
        """A filter on a relation as a condition, where something else leads the query."""
        relation: Any = self.listing.model._meta.get_field(self.listing.scopes[name])
        held = relation.related_model._default_manager.filter(
            **{relation.remote_field.name: OuterRef("pk")}, genre_id=genre_named()
        )
        return Q(Exists(held))


def genre_named() -> Subquery:
    """The id of the genre with the folded name of parameter `genre`."""
    return Subquery(Genre.objects.filter(name_key=Param("genre")).values("id"))


@lru_cache(maxsize=2048)
def page_statement(plan: Plan, *, after: bool, known: bool, tied: bool = False) -> Statement:
    """Rows of one segment in order: the listing's columns, then the key if it is none of them."""
    if plan.picked:
        chosen = Picked(picked_statement(plan, after=after, known=known))
        page = Q(Condition(F("id"), chosen, sqlite="{} IN {}", postgresql="{} IN {}"))
        return in_order(plan, plan.listing.model._default_manager.filter(page))
    ranges = segment(plan, after=after, known=known, tied=tied)
    return Statement.in_turn([in_order(plan, plan.rows(*each, after=after)) for each in ranges])


def in_order(plan: Plan, rows: QuerySet[Any, Any]) -> Statement:
    shown = {f"column_{name}": column for name, column in plan.listing.columns.items()}
    apart = [str(plan.key)] if key_index(plan) == len(shown) else []
    # By the key even where it is unknown: PostgreSQL else finds no order in the index.
    rows = rows.order_by(*ordered(plan, plan.key, plan.id)).annotate(**shown)
    return Statement.of(rows.values_list(*shown, *apart))


def segment(plan: Plan, *, after: bool, known: bool, tied: bool) -> list[list[Q | Condition]]:
    """Where a page begins in an order's index, of known keys or of those without.

    Of rows that are `tied` in two ranges: the rest of those with the key, then what is past it.
    """
    key, before = plan.key if known else None, plan.order.descending
    more: list[Q | Condition] = []
    if plan.nullable and not known:
        more.append(Q(**{f"{plan.key}": None}))
    elif plan.nullable and (before or not after):
        more.append(Q(**{f"{plan.key}__gte": LOWEST}))
    if not after:
        return [more]
    if key and tied:
        ties = [equal(F(key)), beyond(None, F(plan.id), before=before)]
        return [[*more, *ties], [*more, past(F(key), before=before)]]
    return [[*more, beyond(F(key) if key else None, F(plan.id), before=before)]]


def tied(plan: Plan, beside: Sequence[Row]) -> bool:
    """Whether a page begins amid rows of one key, and these are to be a range of their own.

    Where the id is that of the table's own rows, SQLite takes but the key of a row comparison. It
    would walk past all of that key, such as a million tracks that came with one import.
    """
    index = key_index(plan)
    if index is None or connection.vendor != "sqlite" or plan.scope:
        return False
    keys = [row[index] for row in beside]
    return len(set(keys)) < len(keys)


def picked_statement(plan: Plan, *, after: bool, known: bool) -> Statement:
    """The ids of one page of few rows. Nothing but the lead can be read by an index."""
    key, id_ = unindexed(plan.key) if plan.key and known else None, unindexed("id")
    more: list[Q | Condition] = []
    if plan.nullable:
        sql = f"{{}} IS {'NOT NULL' if known else 'NULL'}"
        column = unindexed(str(plan.key))
        more.append(Condition(column, sqlite=sql, postgresql=taken_for_half(sql)))
    if after:
        more.append(beyond(key, id_, before=plan.order.descending))
    rows = plan.rows(*more).order_by(*ordered(plan, key, id_))
    return Statement.of(rows.values_list("id")).limited()


def ordered(plan: Plan, *keys: Any) -> list[Any]:
    columns = [F(key) if isinstance(key, str) else key for key in keys if key is not None]
    return [column.desc() if plan.order.descending else column.asc() for column in columns]


@lru_cache(maxsize=2048)
def key_index(plan: Plan) -> int | None:
    """Where a row has its sort key: among the columns or after them. None where there is none."""
    if plan.key is None:
        return None
    columns = enumerate(plan.listing.columns.values())
    among_them = (i for i, c in columns if isinstance(c, F) and c.name == plan.key)  # type: ignore[attr-defined]
    return next(among_them, len(plan.listing.columns))


@lru_cache(maxsize=512)
def count_statement(plan: Plan, *, known: bool) -> Statement:
    more = [Q(**{f"{plan.key}__gte": LOWEST})] if known and plan.key else []
    return Statement.of(plan.rows(*more).values_list("pk")).counted()


def count(listing: Listing, values: Mapping[str, Any], *, known_by: Order | None = None) -> int:
    """How many rows the filters leave; of those with a known key if an order is given."""
    # The databases choose: whatever leads, all the rows are read.
    every = frozenset(values)
    plan = Plan(listing, every, known_by or Order(listing.default), every - {*listing.scopes})
    counting = count_statement(plan, known=known_by is not None)
    return int(counting.run(parameters(listing, values))[0][0])


def expected_many(listing: Listing, group: frozenset[str], given: Mapping[str, Any]) -> int:
    """How many rows PostgreSQL expects words to leave; 0 where it is not surely very many.

    Its index of words has gone through all of them when it gives the first one to be counted.
    """
    if connection.vendor == "sqlite" or not isinstance(listing.filters[min(group)], Words):
        return 0
    leading = found_statements(listing, group)[-1]
    expected, of_all = leading.expected(given, listing.model._meta.db_table)
    surely_many = of_all >= 0 and expected > max(MANY, MANY_OF_ALL * of_all)
    return expected if surely_many else 0


def leaves_few(listing: Listing, group: frozenset[str], given: Mapping[str, Any]) -> bool:
    """Whether a group of words or bounds leaves no more than `FEW` rows."""
    counts = (each.counted(FEW + 1) for each in found_statements(listing, group))
    return all(count.run(given)[0][0] <= FEW for count in counts)


@lru_cache(maxsize=512)
def found_statements(listing: Listing, group: frozenset[str]) -> list[Statement]:
    """What a group of words or bounds leaves; before it what is named so, if that is another."""
    members: list[Any] = [listing.filters[name] for name in sorted(group)]
    rows = listing.model._default_manager.order_by()
    leading = Statement.of(rows.filter(*(m.leading() for m in members)).values_list("pk"))
    if not isinstance(members[0], Words):
        return [leading]
    named = members[0].found()
    return [named, leading] if members[0].relation else [named]


def planned(
    listing: Listing, values: Mapping[str, Any], given: Mapping[str, Any], order: Order
) -> Plan:
    """A page of `limit` rows, led by filters that leave few: known of some, counted of others.

    Else a walk.
    """
    walk = Plan(listing, frozenset(values), order)
    for name in EXACT:
        if name in values and name in listing.filters:
            return walk._replace(lead=frozenset({name}))
    for group in groups(listing.filters, walk.filters):
        if all(map(walk.on_key, group)):
            continue
        if many := expected_many(listing, group, given):
            if many > MET * given["limit"]:
                walk = walk._replace(common=walk.common | group)
        elif leaves_few(listing, group, given):
            return walk._replace(lead=group)
    return walk


def parameters(
    listing: Listing, values: Mapping[str, Any], steps: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The values of a request as the parameters of statements; `steps` of the page before."""
    known = {**values, **(steps or {})}
    given = dict(values)
    for name, value in values.items():
        found = listing.filters[name]
        if isinstance(found, Words | AskedOfAny):
            given |= found.parameters(value, known)
    return given


def page(
    listing: Listing,
    values: Mapping[str, Any],
    order: Order,
    *,
    limit: int,
    after: Place | None = None,
    offset: int = 0,
) -> Page:
    """The next rows of a list, in one query (two where the known sort keys end).

    Before it, for each filter of words or bounds until one leaves few rows, PostgreSQL is asked
    what it expects of words, and one or two queries count what is left.

    Raises nothing that a caller can cause: filters, sorts and bounds are checked at the edge.
    """
    given = parameters(listing, values, after and after.steps)
    steps = {name: step for name, step in given.items() if name.endswith(STEP)} or None
    given |= {"limit": limit + 1, "offset": offset}
    plan = planned(listing, values, given, order)
    if after:
        given |= {"after_key": after.key, "after_id": after.id}
    rows: list[Row] = []
    known = not (after and plan.nullable and after.key is None)
    if known:
        begins = {"after": after is not None, "tied": after is not None and after.tied}
        rows = page_statement(plan, known=True, **begins).run(given)
    if plan.nullable and len(rows) <= limit:
        if known and offset and not rows:
            # There may be more of them by now.
            given["offset"] = max(0, offset - count(listing, values, known_by=order))
        elif known:
            given["offset"] = 0
        given["limit"] = limit + 1 - len(rows)
        rows += page_statement(plan, after=not known, known=False).run(given)
    more = len(rows) > limit
    beside = more and tied(plan, rows[-3:])
    del rows[limit:]
    index = key_index(plan)
    end = None
    if more:
        key = None if index is None else rows[-1][index]
        end = Place(key, int(rows[-1][0]), steps, beside)
    if index == len(listing.columns):
        rows = [row[:-1] for row in rows]
    return Page(rows, end)


def is_there(model: type[Model], id_: int) -> bool:
    return bool(id_statement(model).run({"id": id_}))


@lru_cache(maxsize=64)
def id_statement(model: type[Model]) -> Statement:
    return Statement.of(model._default_manager.filter(pk=Param("id")).values("pk"))


def row_of(listing: Listing, id_: int) -> Row | None:
    """The row of an id, if there is one."""
    found = row_statement(listing).run({"id": id_})
    return found[0] if found else None


@lru_cache(maxsize=64)
def row_statement(listing: Listing) -> Statement:
    return named(listing, listing.model._default_manager.filter(pk=Param("id")))


def rows_of(
    listing: Listing, ids: Collection[int], **values: Any
) -> Generator[Query, list[Row], dict[int, Row]]:
    """The rows of a few ids, by id, without those that filters of these values leave out.

    To be run by `side_by_side`.
    """
    given: dict[str, Any] = {"ids": many(ids), **values}
    found = yield rows_statement(listing, frozenset(given)).query(given)
    return {int(row[0]): row for row in found}


@lru_cache(maxsize=64)
def rows_statement(listing: Listing, filters: frozenset[str]) -> Statement:
    plan = Plan(listing, filters, Order(listing.default), frozenset({"ids"}))
    return named(listing, plan.rows())


def named(listing: Listing, rows: QuerySet[Any, Any]) -> Statement:
    """The listing's columns of rows, in no order."""
    shown = {f"column_{name}": column for name, column in listing.columns.items()}
    return Statement.of(rows.order_by().annotate(**shown).values_list(*shown))


def stream(listing: Listing, values: Mapping[str, Any], order: Order) -> Iterator[list[Row]]:
    """All rows of a list, by the page: memory stays bounded and no statement runs for long."""
    found = page(listing, values, order, limit=STREAM_ROWS)
    yield found.rows
    while found.end:
        found = page(listing, values, order, limit=STREAM_ROWS, after=found.end)
        yield found.rows
