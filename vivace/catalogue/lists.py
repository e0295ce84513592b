"""The hot reads: filter, sort, one page after a key, as rows.

A `Listing` says what can be asked of a kind of thing. What is asked becomes a few statements,
compiled once for each combination of filters and order and run with the values of the request.

Sort keys that may be unknown come last in either direction, so such a list is read in two
segments, each one range of the same index: the known keys, then the rows without one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast, JSONObject

from vivace.catalogue.models import (
    Album,
    AlbumCredit,
    AlbumGenre,
    Artist,
    Genre,
    Track,
    TrackCredit,
    TrackGenre,
)
from vivace.catalogue.search import words_match
from vivace.catalogue.statements import (
    Condition,
    JsonArray,
    Param,
    Statement,
    among,
    beyond,
)

Row = tuple[Any, ...]
LOWEST = 0
"""No sort key that may be unknown is lower. SQLite takes a bound as the start of a range, not
IS NOT NULL; Django leaves out one that is below what the column can hold."""

STREAM_ROWS = 2_000
"""Rows a stream reads at once: bounds its memory and how long a statement lives."""


class Order(NamedTuple):
    sort: str
    descending: bool = False


class Place(NamedTuple):
    """Where a page ended: the sort key of its last row (None: it had none) and its id."""

    key: str | int | None
    id: int


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
    filters: Mapping[str, Callable[[], Q]]
    nullable: frozenset[str] = frozenset()
    default: str = "created_at"
    scopes: Mapping[str, str] = field(default_factory=dict)
    """Filter → the relation whose rows carry the sort keys (those of one genre)."""
    constant: Mapping[str, str] = field(default_factory=dict)
    """Sort → the filter under which its key is the same in every row."""

    def narrow(self, filters: frozenset[str]) -> bool:
        """Whether the filters leave few rows, or have an index of their own with each sort."""
        return not filters.isdisjoint({"ids", "mbid", "isrc", "artist_id", "album_id"})


class Plan(NamedTuple):
    """One combination of listing, filters and order, as the columns of its statements."""

    listing: Listing
    filters: frozenset[str]
    order: Order

    @property
    def scope(self) -> str:
        """The prefix of the sort keys: those of a genre's rows where they lead, else none."""
        if self.listing.narrow(self.filters):
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
        return self.key is not None and self.order.sort in self.listing.nullable

    def rows(self, *more: Q | Condition) -> QuerySet[Any, Any]:
        """The rows that the filters leave, unordered.

        All in one call: conditions on a genre's rows and on its keys are then of the same row.
        """
        chosen = [
            self.apart(name)
            if name in self.listing.scopes and not self.scope
            else self.listing.filters[name]()
            for name in sorted(self.filters)
        ]
        return self.listing.model._default_manager.order_by().filter(*chosen, *more)

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
def page_statement(plan: Plan, *, after: bool, known: bool) -> Statement:
    """Rows of one segment in order: the listing's columns, then the key if it is none of them."""
    key, before = plan.key if known else None, plan.order.descending
    more: list[Q | Condition] = []
    if plan.nullable:
        more.append(Q(**{f"{plan.key}__gte": LOWEST} if known else {f"{plan.key}": None}))
    if after and key:
        more.append(beyond(key, plan.id, before=before))
    elif after:
        more.append(Q(**{f"{plan.id}__{'lt' if before else 'gt'}": Param("after_id")}))
    order = [f"{'-' if before else ''}{name}" for name in (key, plan.id) if name]
    shown = {f"column_{name}": column for name, column in plan.listing.columns.items()}
    rows = plan.rows(*more).order_by(*order).annotate(**shown)
    apart = [plan.key] if key_index(plan) == len(shown) else []
    return Statement.of(rows.values_list(*shown, *apart)).limited()


@lru_cache(maxsize=2048)
def key_index(plan: Plan) -> int | None:
    """Where a row has its sort key: among the columns or after them. None where there is none."""
    if plan.key is None:
        return None
    columns = enumerate(plan.listing.columns.values())
    among_them = (i for i, c in columns if isinstance(c, F) and c.name == plan.key)
    return next(among_them, len(plan.listing.columns))


@lru_cache(maxsize=512)
def count_statement(plan: Plan, *, known: bool) -> Statement:
    more = [Q(**{f"{plan.key}__gte": LOWEST})] if known else []
    return Statement.of(plan.rows(*more).values_list("pk"))


def count(listing: Listing, values: Mapping[str, Any], *, known_by: Order | None = None) -> int:
    """How many rows the filters leave; of those with a known key if an order is given."""
    plan = Plan(listing, frozenset(values), known_by or Order(listing.default))
    chosen = count_statement(plan, known=known_by is not None)
    counting = Statement(f"SELECT COUNT(*) FROM ({chosen.sql}) AS chosen", chosen.params)
    return int(counting.run(values)[0][0])


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

    Raises nothing that a caller can cause: filters, sorts and bounds are checked at the edge.
    """
    plan = Plan(listing, frozenset(values), order)
    given = dict(values, limit=limit + 1, offset=offset)
    if after:
        given |= {"after_key": after.key, "after_id": after.id}
    rows: list[Row] = []
    known = not (after and plan.nullable and after.key is None)
    if known:
        rows = page_statement(plan, after=after is not None, known=True).run(given)
    if plan.nullable and len(rows) <= limit:
        if known and offset and not rows:
            given["offset"] = offset - count(listing, values, known_by=order)
        elif known:
            given["offset"] = 0
        given["limit"] = limit + 1 - len(rows)
        rows += page_statement(plan, after=not known, known=False).run(given)
    more = len(rows) > limit
    del rows[limit:]
    index = key_index(plan)
    end = Place(None if index is None else rows[-1][index], int(rows[-1][0])) if more else None
    if index == len(listing.columns):
        rows = [row[:-1] for row in rows]
    return Page(rows, end)


def stream(listing: Listing, values: Mapping[str, Any], order: Order) -> Iterator[list[Row]]:
    """All rows of a list, by the page: memory stays bounded and no statement runs for long."""
    found = page(listing, values, order, limit=STREAM_ROWS)
    yield found.rows
    while found.end:
        found = page(listing, values, order, limit=STREAM_ROWS, after=found.end)
        yield found.rows


# --- What each listing shows, and what can be asked of it -------------------------------------


def text_id(path: str) -> Cast:
    return Cast(path, TextField())


def genres_of(rows: type[AlbumGenre | TrackGenre], owner: str, id_: str) -> JsonArray:
    named = rows._default_manager.filter(**{owner: OuterRef(id_)}).order_by("position")
    return JsonArray(named.values(value=F("genre__name")))


def credits_of(rows: type[AlbumCredit | TrackCredit], owner: str, id_: str) -> JsonArray:
    credit = JSONObject(
        id=text_id("artist_id"), name="artist__name", credited_as="credited_as", role="role"
    )
    credited = rows._default_manager.filter(**{owner: OuterRef(id_)}).order_by("position")
    return JsonArray(credited.values(value=credit), of_objects=True)


def words_of(model: type[Model], path: str, param: str) -> Callable[[], Q]:
    """Rows whose related (or own) name has words that start as those of a parameter do."""

    def condition() -> Q:
        matching = words_match(model, param)
        if path == "id":
            return matching
        return Q(**{f"{path}__in": model._default_manager.filter(matching).values("id")})

    return condition


def having(**conditions: str) -> Callable[[], Q]:
    """Lookups against parameters of the given names."""
    return lambda: Q(**{lookup: Param(name) for lookup, name in conditions.items()})


MOMENTS = {"created_at": "created_at", "updated_at": "updated_at"}
SINCE = {
    "updated_since": having(updated_at__gte="updated_since"),
    "ids": lambda: Q(among("id", "ids")),
}
OF_GENRE = {"genre": lambda: Q(genre_rows__genre_id=genre_named())}


def times(at: str) -> dict[str, Any]:
    """As they are stored: the shapes of the hot lists put them into words (`moment`)."""
    return {name: F(at + name) for name in MOMENTS}


TIMES = {name: F(name) for name in MOMENTS}

# The columns of each kind's shape: of its own rows, or of others that lead to it by a relation,
# where `at` is `track__` or the like.


def artist_columns(at: str = "") -> dict[str, Any]:
    names = ("name", "sort_name", "disambiguation", "mbid")
    return {"id": text_id(at + "id"), **{name: F(at + name) for name in names}, **times(at)}


def album_columns(at: str = "") -> dict[str, Any]:
    names = ("title", "type", "release_date", "release_year", "mbid")
    return {
        "id": text_id(at + "id"),
        **{name: F(at + name) for name in names},
        "artist_id": text_id(at + "artist_id"),
        "artist_name": F(at + "artist__name"),
        "genres": genres_of(AlbumGenre, "album", at + "id"),
        "credits": credits_of(AlbumCredit, "album", at + "id"),
        **times(at),
    }


def track_columns(at: str = "") -> dict[str, Any]:
    names = ("title", "disc_number", "track_number", "duration_ms", "composer")
    return {
        "id": text_id(at + "id"),
        **{name: F(at + name) for name in names},
        "artist_id": text_id(at + "artist_id"),
        "artist_name": F(at + "artist__name"),
        "album_id": text_id(at + "album_id"),
        "album_title": F(at + "album__title"),
        "album_year": F(at + "album__release_year"),
        "genres": genres_of(TrackGenre, "track", at + "id"),
        "credits": credits_of(TrackCredit, "track", at + "id"),
        **times(at),
    }


ARTISTS = Listing(
    model=Artist,
    columns=artist_columns(),
    sorts={"name": "sort_key", **MOMENTS},
    filters={
        "name": words_of(Artist, "id", "name"),
        "mbid": having(mbid="mbid"),
        **OF_GENRE,
        **SINCE,
    },
    scopes={"genre": "genre_rows"},
)

ALBUMS = Listing(
    model=Album,
    columns=album_columns(),
    sorts={
        "title": "title_key",
        "release_year": "release_year",
        "artist": "artist_key",
        **MOMENTS,
    },
    filters={
        "title": words_of(Album, "id", "title"),
        "artist": words_of(Artist, "artist_id", "artist"),
        "artist_id": having(artist_id="artist_id"),
        "mbid": having(mbid="mbid"),
        "release_year": having(release_year="release_year"),
        "release_year_from": having(release_year__gte="release_year_from"),
        "release_year_to": having(release_year__lte="release_year_to"),
        **OF_GENRE,
        **SINCE,
    },
    nullable=frozenset({"release_year"}),
    scopes={"genre": "genre_rows"},
    constant={"artist": "artist_id"},
)

TRACKS = Listing(
    model=Track,
    columns=track_columns(),
    sorts={
        "title": "title_key",
        "album": "album_key",
        "artist": "artist_key",
        "duration_ms": "duration_ms",
        "release_year": "release_year",
        "position": "position",
        **MOMENTS,
    },
    filters={
        "title": words_of(Track, "id", "title"),
        "artist": words_of(Artist, "artist_id", "artist"),
        "artist_id": having(artist_id="artist_id"),
        "album": words_of(Album, "album_id", "album"),
        "album_id": having(album_id="album_id"),
        "mbid": having(mbid="mbid"),
        "isrc": having(isrc="isrc"),
        "release_year_from": having(release_year__gte="release_year_from"),
        "release_year_to": having(release_year__lte="release_year_to"),
        "duration_ms_from": having(duration_ms__gte="duration_ms_from"),
        "duration_ms_to": having(duration_ms__lte="duration_ms_to"),
        **OF_GENRE,
        **SINCE,
    },
    nullable=frozenset({"release_year", "duration_ms"}),
    scopes={"genre": "genre_rows"},
    constant={"artist": "artist_id"},
)

GENRES = Listing(
    model=Genre,
    columns={"id": text_id("id"), "name": F("name"), **TIMES},
    sorts={"name": "name_key", **MOMENTS},
    filters=SINCE,
    default="name",
)
