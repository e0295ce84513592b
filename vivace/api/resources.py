"""What endpoints of one thing and of many things share."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

import msgspec
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from msgspec import Meta

from vivace.api import schemas
from vivace.api.conditional import answer, guard, plain
from vivace.api.controller import JSON, LINES, Api, no_content
from vivace.api.filters import filter_value
from vivace.api.pages import PageQuery, collection, values_of
from vivace.catalogue import changes
from vivace.catalogue.caching import changing
from vivace.catalogue.entries import ID
from vivace.catalogue.lists import Listing, Row, is_there, row_of
from vivace.catalogue.models import Entry
from vivace.problems import Conflict, NotFound

ROUTE = "/api/v1"


class ById(msgspec.Struct):
    id: str


class Removal(msgspec.Struct):
    cascade: Annotated[bool, Meta(description="Remove what it still has, too")] = False


class Collection(Api):
    """A list that comes by the page as JSON, or whole as JSON Lines."""

    renderers = (JSON, LINES)
    is_abstract = True

    def listed(
        self,
        listing: Listing,
        query: PageQuery,
        shape: Callable[[Row], Any],
        **fixed: Any,
    ) -> HttpResponseBase:
        values = values_of(query, filter_value, **fixed)
        return collection(self.request, listing, query, values, shape)


def path_id(text: str) -> int:
    """The id in a path. Raises `NotFound` for what cannot be one."""
    if not re.search(ID, text):
        raise NotFound("There is nothing of that id")
    return int(text)


def existing(model: type[Entry], text: str) -> int:
    """The id in a path, of something that is there. Raises `NotFound`."""
    id_ = path_id(text)
    if not is_there(model, id_):
        raise NotFound(f"There is no {model._meta.verbose_name} of that id")
    return id_


def shown(listing: Listing, shape: Callable[[Row], Any], id_: int) -> Any:
    """One thing by its id, in the shape of its list. Raises `NotFound`."""
    found = row_of(listing, id_)
    if not found:
        raise NotFound(f"There is no {listing.model._meta.verbose_name} of that id")
    return shape(found)


def ids(made_ids: Iterable[int], **about: Any) -> HttpResponse:
    """The ids of what was made, in their order."""
    return plain(schemas.Ids([str(id_) for id_ in made_ids]), **about)


class Kind(NamedTuple):
    """How one thing of the catalogue is shown, changed and removed."""

    model: type[Entry]
    listing: Listing
    shape: Callable[[Row], Any]
    change: Callable[[Any, Any], None]
    remove: Callable[..., Any]

    @property
    def path(self) -> str:
        return f"{ROUTE}/{self.model._meta.model_name}s"


def show(request: HttpRequest, kind: Kind, id_: str) -> HttpResponse:
    return answer(request, shown(kind.listing, kind.shape, path_id(id_)))


def made(request: HttpRequest, kind: Kind, id_: int) -> HttpResponse:
    """201 with what was made and where it is."""
    content = shown(kind.listing, kind.shape, id_)
    return answer(request, content, status=201, location=f"{kind.path}/{id_}")


def change(request: HttpRequest, kind: Kind, id_: str, asked: msgspec.Struct) -> HttpResponse:
    """Change it if it is still what If-Match names, and answer with what it is then."""
    with changing_together():
        found = changes.locked(kind.model, path_id(id_), asked)
        guard(request, lambda: shown(kind.listing, kind.shape, found.pk))
        kind.change(found, asked)
        return answer(request, shown(kind.listing, kind.shape, found.pk))


def remove(request: HttpRequest, kind: Kind, id_: str, **how: bool) -> HttpResponse:
    """Remove it if it is still what If-Match names."""
    with changing_together():
        found = changes.locked(kind.model, path_id(id_))
        guard(request, lambda: shown(kind.listing, kind.shape, found.pk))
        kind.remove(found, **how)
    return no_content()


@contextmanager
def changing_together() -> Iterator[None]:
    """A change, beside which others go on.

    Raises `Conflict` where what it refers to has just been removed, or something has just been
    added that refers to what it removes. PostgreSQL tells at the end.
    """
    try:
        with changing():
            yield
    except (IntegrityError, ObjectDoesNotExist) as error:
        raise Conflict("Something that belongs to it has just been changed") from error
