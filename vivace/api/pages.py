"""Collections: what every one of them takes and answers, and the cursors between pages."""

import hmac
import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from dmr.negotiation import request_renderer
from msgspec import Meta

from vivace.api import errors
from vivace.api.conditional import FOR_ONE_READER, answer
from vivace.api.parameters import wrong
from vivace.api.schemas import Answer
from vivace.catalogue import lists
from vivace.catalogue.entries import END, ID
from vivace.catalogue.fields import timestamp
from vivace.catalogue.lists import Listing, Order, Place
from vivace.catalogue.statements import many
from vivace.problems import Fault, Invalid

log = logging.getLogger(__name__)

LIMIT_MAX = 10_000
OFFSET_MAX = 10_000
IDS_MAX = 1_000
CURSOR_VERSION = 1
"""Goes up when the order or the keys of a list change: older cursors are then refused."""

MAC_BYTES = 16
NDJSON = "application/x-ndjson"

Item = TypeVar("Item")


class Page(Answer, Generic[Item], omit_defaults=True):
    items: list[Item]
    next: str | None
    """The cursor of the next page; null at the end."""
    total: int | msgspec.UnsetType = msgspec.UNSET
    """How many there are in all, where `total=true` asked."""


Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Items on a page")]
Offset = Annotated[
    int, Meta(ge=0, le=OFFSET_MAX, description="Items to pass over; for more use the cursor")
]
Cursor = Annotated[
    str, Meta(min_length=1, max_length=4_000, description="`next` of the page before")
]
Total = Annotated[bool, Meta(description="Count all items that match, which costs time")]
Ids = Annotated[
    str,
    Meta(
        pattern=f"^[1-9][0-9]{{0,17}}(,[1-9][0-9]{{0,17}}){{0,{IDS_MAX - 1}}}{END}",
        description=f"Only these, at most {IDS_MAX:,}",
    ),
]
Since = Annotated[datetime, Meta(tz=True, description="Changed then or later")]


class PageQuery(msgspec.Struct, kw_only=True):
    """What every collection takes. Subclasses add `sort` and their filters."""

    limit: Limit = 50
    cursor: Cursor | None = None
    offset: Offset = 0
    total: Total = False
    ids: Ids | None = None
    updated_since: Since | None = None


PAGING = frozenset({"limit", "cursor", "offset", "total", "sort"})


def number(name: str, text: str) -> int:
    """An id from the wire. Raises `Invalid` naming the parameter."""
    if not re.search(ID, text):
        raise wrong(name, "is not an id")
    return int(text)


def order_of(listing: Listing, sort: str | None) -> Order:
    if sort is None:
        return Order(listing.default)
    return Order(sort.removeprefix("-"), descending=sort.startswith("-"))


@lru_cache
def cursor_key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"vivace.api.pages.cursor", "sha256")


def seal(payload: bytes, context: bytes) -> bytes:
    mac = hmac.digest(cursor_key(settings.SECRET_KEY), context + b"\0" + payload, "sha256")
    return mac[:MAC_BYTES]


def context_of(listing: Listing, values: Mapping[str, Any], order: Order) -> bytes:
    """What a cursor is bound to: the version, the list, its filters and its order."""
    told = [CURSOR_VERSION, listing.model._meta.label, sorted(values.items()), order]
    return msgspec.json.encode(told)


def encode_cursor(place: Place, context: bytes) -> str:
    payload = msgspec.msgpack.encode(place_on_wire(place))
    return on_wire(seal(payload, context) + payload)


def on_wire(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def place_on_wire(place: Place) -> tuple[Any, ...]:
    """A moment is kept as its text: the databases take it back to the microsecond."""
    key: Any = place.key
    told = (timestamp(key) if isinstance(key, datetime) else key), place.id
    if place.tied:
        return *told, place.steps, True
    return (*told, place.steps) if place.steps else told


def decode_cursor(text: str, context: bytes) -> Place:
    """Raises `Invalid` for a cursor that was not made here, or for another list."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise wrong("cursor", "is damaged") from error
    payload = sealed[MAC_BYTES:]
    # Decoding passes over what is not of its alphabet, and over the last bits.
    if text != on_wire(sealed):
        raise wrong("cursor", "is damaged")
    if not hmac.compare_digest(sealed[:MAC_BYTES], seal(payload, context)):
        raise wrong("cursor", "was not made for this list with these filters and this sort")
    return Place(*msgspec.msgpack.decode(payload))


def values_of(query: PageQuery, given: Callable[[str, Any], Any], **fixed: Any) -> dict[str, Any]:
    """The filters of a query as the parameters of its statements, only those that were given."""
    values = dict(fixed)
    for name in query.__struct_fields__:
        asked = getattr(query, name)
        if asked is None or name in PAGING:
            continue
        if name in fixed:
            raise wrong(name, "is already in the path")
        if name == "updated_since":
            values[name] = since(asked)
        elif name == "ids":
            values[name] = many(sorted({number("ids", text) for text in asked.split(",")}))
        else:
            values[name] = given(name, asked)
    return values


def since(moment: datetime) -> str:
    """A moment in UTC. Raises `Invalid` where that is none of its years."""
    try:
        return timestamp(moment)
    except OverflowError as error:
        raise wrong("updated_since", "is out of range") from error


def collection(
    request: HttpRequest,
    listing: Listing,
    query: PageQuery,
    values: Mapping[str, Any],
    shape: Callable[[tuple[Any, ...]], Any],
) -> HttpResponseBase:
    """One page as JSON, or all of the list as JSON Lines where that is what is accepted."""
    order = order_of(listing, getattr(query, "sort", None))
    if request_renderer(request, strict=True).content_type == NDJSON:
        return streamed(request, listing, query, values, order, shape)
    context = context_of(listing, values, order)
    after = decode_cursor(query.cursor, context) if query.cursor else None
    if after and query.offset:
        raise Invalid(
            "A page is found by a cursor or by an offset",
            errors=[Fault("goes without a cursor", parameter="offset")],
        )
    # Counted first: what a page then shows is never more than the total says.
    total = lists.count(listing, values) if query.total else msgspec.UNSET
    found = lists.page(listing, values, order, limit=query.limit, after=after, offset=query.offset)
    onward = encode_cursor(found.end, context) if found.end else None
    return answer(request, Page([shape(row) for row in found.rows], onward, total))


def streamed(  # noqa: PLR0917
    request: HttpRequest,
    listing: Listing,
    query: PageQuery,
    values: Mapping[str, Any],
    order: Order,
    shape: Callable[[tuple[Any, ...]], Any],
) -> StreamingHttpResponse:
    for name, unused in (("cursor", query.cursor), ("offset", query.offset)):
        if unused:
            raise wrong(name, "has no meaning for a stream, which is all of the list")
    chunks = lists.stream(listing, values, order)
    # The first chunk is read before the answer starts, so that what fails then is an error.
    first = next(chunks)
    # Gunicorn would have all of it, to drop it.
    content = () if request.method == "HEAD" else lines(first, chunks, shape)
    return StreamingHttpResponse(content, content_type=NDJSON, headers=FOR_ONE_READER)


def lines(
    first: list[tuple[Any, ...]],
    rest: Iterator[list[tuple[Any, ...]]],
    shape: Callable[[tuple[Any, ...]], Any],
) -> Iterator[bytes]:
    """The rows; where it fails on the way, a problem document last.

    By then it has begun as a 200, and not every server tells its client that it broke off.
    """
    encode = msgspec.json.Encoder().encode_lines
    try:
        yield encode([shape(row) for row in first])
        for rows in rest:
            yield encode([shape(row) for row in rows])
    except Exception as error:
        problem = errors.problem_of(error)
        if problem is None:
            log.exception("A stream broke off")
        yield encode([errors.document(problem or errors.OURS)])
