"""Optimisations of where a page begins, and of which rows are met on the way to it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from django.db.models import Q

from vivace.api.pages import context_of, encode_cursor
from vivace.catalogue import lists
from vivace.catalogue.filters import Bound, Words
from vivace.catalogue.listings import TRACKS
from vivace.catalogue.lists import Listing, Order, Page, Plan
from vivace.catalogue.models import Track
from vivace.catalogue.statements import Condition, Param, beyond
from vivace.lab.ablation.trials import (
    PAGE,
    Client,
    Trial,
    TrialError,
    compiled_apart,
    first,
    read_page,
    replacing,
    together,
)
from vivace.lab.profiling.calling import Request

MANY = "a"
"""A word of many titles begins with it."""
FEW = 50
"""Tracks that are longer than any other."""


def keyset(client: Client) -> Trial:
    depth = depth_of_tracks()

    def by_offset(listing: Listing, values: Any, order: Order, *, limit: int, **_: Any) -> Page:
        return read_page(listing, values, order, limit=limit, offset=depth)

    return Trial(deep(client, "title"), replacing(lists, page=by_offset))


def row_comparison(client: Client) -> Trial:
    def by_alternatives(key: Any, id_: Any, *, before: bool) -> Condition:
        """The key is beyond, or the same and the id beyond."""
        if key is None:
            return beyond(key, id_, before=before)
        sign = "<" if before else ">"
        sql = f"({{}} {sign} {{}} OR ({{}} = {{}} AND {{}} {sign} {{}}))"
        place = Param("after_key"), Param("after_id")
        parts = key, place[0], key, place[0], id_, place[1]
        return Condition(*parts, sqlite=sql, postgresql=sql)

    off = together(replacing(lists, beyond=by_alternatives), compiled_apart())
    return Trial(deep(client, "title"), off)


def ties_apart(client: Client) -> Trial:
    """Of a library whose tracks were all added in one moment."""

    def as_one_range(plan: Plan, *, tied: bool, **begins: Any) -> Any:
        return segment(plan, tied=False, **begins)

    segment = lists.segment
    off = together(replacing(lists, segment=as_one_range), compiled_apart())
    return Trial(deep(client, "created_at"), off)


def depth_of_tracks() -> int:
    """So many tracks precede a page that is deep: nine tenths of all."""
    return Track.objects.count() * 9 // 10


def deep(client: Client, sort: str) -> Request:
    """For the page of tracks after so many."""
    order, place = Order(sort), max(0, depth_of_tracks() - 1)
    end = read_page(TRACKS, {}, order, limit=1, offset=place).end
    if end is None:
        raise TrialError("the library has no second page")
    cursor = encode_cursor(end, context_of(TRACKS, {}, order))
    return client.get("tracks", f"{PAGE}&sort={sort}&cursor={cursor}")


def total_unasked(client: Client) -> Trial:
    def counted(listing: Listing, values: Mapping[str, Any], order: Order, **how: Any) -> Page:
        lists.count(listing, values)
        return read_page(listing, values, order, **how)

    return Trial(client.get("tracks", PAGE), replacing(lists, page=counted))


# --- Walk or pick -----------------------------------------------------------------------------


def few_in_a_range(client: Client) -> Trial:
    longest = Track.objects.filter(duration_ms__isnull=False).order_by("-duration_ms")
    few = longest.values_list("duration_ms", flat=True)[FEW:]
    query = f"{PAGE}&duration_ms_from={first(few, 'track of known length')}&sort=title"
    return left_to_the_database(client.get("tracks", query))


def few_of_a_word(client: Client) -> Trial:
    title = Track.objects.order_by("title_key", "pk").values_list("title", flat=True)
    whole = quote_plus(first(title[Track.objects.count() // 2 :], "track"))
    return left_to_the_database(client.get("tracks", f"{PAGE}&title={whole}&sort=artist"))


def many_of_a_word(client: Client) -> Trial:
    return left_to_the_database(client.get("tracks", f"{PAGE}&title={MANY}&sort=artist"))


def left_to_the_database(request: Request) -> Trial:
    def plain(plan: Plan, name: str, *, after: bool) -> Q:
        """A filter in the form that indexes answer, whether they had better or not."""
        found = plan.listing.filters[name]
        if name in plan.listing.scopes and not plan.scope:
            return plan.apart(name)
        if isinstance(found, Words):
            return found.leading()
        return found.leading(plan.scope) if isinstance(found, Bound) else found()

    def walked(listing: Listing, values: Mapping[str, Any], _given: Any, order: Order) -> Plan:
        return Plan(listing, frozenset(values), order)

    asked_plainly = replacing(Plan, condition=plain)
    undecided = replacing(lists, planned=walked)
    return Trial(request, together(asked_plainly, undecided, compiled_apart()))
