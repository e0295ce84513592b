"""Playlists and their items over HTTP.

If-Match takes the playlist's ETag, for a change of its items too.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import count
from typing import Annotated, Any, Literal

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from dmr import Path
from msgspec import UNSET, Meta, UnsetType

from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import account, account_id, identity_of, reader, reader_id
from vivace.api.bodies import Json
from vivace.api.conditional import answer, guard, plain
from vivace.api.controller import Api, no_content
from vivace.api.filters import Searched
from vivace.api.idempotency import idempotent
from vivace.api.pages import Page, collection, number, order_of, values_of
from vivace.api.parameters import NoParameters, Query
from vivace.api.resources import ROUTE, ById, Collection, ids, path_id, shown
from vivace.api.shapes import playlist, track
from vivace.catalogue.entries import Body, Id, Name
from vivace.catalogue.lists import Order, Row
from vivace.listening import playlists
from vivace.listening.lists import ITEMS, PLAYLISTS
from vivace.listening.playlists import MAX_ITEMS, Check, Own

DESCRIPTION_LENGTH = 10_000


# --- From rows to shapes ---------------------------------------------------------------------


def item(row: Row, index: int) -> schemas.PlaylistItem:
    id_, _, added_at = row[:3]
    return schemas.PlaylistItem(id_, index, track(row[3:]), added_at, added_at)


def by_place(playlist_id: int) -> Callable[[Row], schemas.PlaylistItem]:
    """The shape of any items of a playlist, with their positions as they are now."""
    positions = playlists.positions(playlist_id)
    return lambda row: item(row, bisect_left(positions, row[1]))


def in_turn(first: int) -> Callable[[Row], schemas.PlaylistItem]:
    """The shape of items that come one after the other, each once."""
    indexes = count(first)
    return lambda row: item(row, next(indexes))


# --- What can be asked and sent --------------------------------------------------------------

Description = Annotated[str, Meta(max_length=DESCRIPTION_LENGTH, pattern=r"^[^\x00]*$")]
Position = Annotated[
    int, Meta(ge=0, le=MAX_ITEMS, description="From 0; the items from there on move back")
]
Public = Annotated[bool, Meta(description="Only those that others may read, or may not")]
TrackIds = Annotated[list[Id], Meta(max_length=MAX_ITEMS, description="A track may stand twice")]


class PlaylistQuery(Searched):
    owner_id: Id | None = None
    public: Public | None = None
    sort: Literal[
        "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
    ] | None = None  # fmt: skip


class ItemQuery(Searched):
    sort: Literal["position", "-position"] | None = None


class NewPlaylist(Body):
    name: Name
    description: Description | None = None
    public: bool = False


class PlaylistChanges(Body):
    """What is absent stays as it is."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    public: bool | UnsetType = UNSET


class Addition(Body):
    track_ids: Annotated[TrackIds, Meta(min_length=1)]
    position: Position | None = None
    """Where the first of them will stand; at the end if absent."""


class Contents(Body):
    track_ids: TrackIds


class NewPlace(Body):
    position: Position


class ItemById(msgspec.Struct):
    id: str
    item_id: str


def filter_value(name: str, asked: Any) -> Any:
    return number(name, asked) if name == "owner_id" else asked


def to_read(request: HttpRequest, id_: str) -> int:
    """Its id. Raises `NotFound` where there is none for whoever asks."""
    identity, playlist_id = identity_of(request), path_id(id_)
    playlists.check_readable(identity.account_id if identity else None, playlist_id)
    return playlist_id


def to_change(request: HttpRequest, id_: str) -> Own:
    return Own(account_id(request), path_id(id_))


def unchanged(request: HttpRequest, own: Own) -> Check:
    """Whether the playlist is still the one that If-Match names."""
    return lambda: guard(request, lambda: shown(PLAYLISTS, playlist, own.id))


# --- Playlists -------------------------------------------------------------------------------


class Playlists(Collection):
    tags = ("playlists",)

    @answers(Page[schemas.Playlist], etag=True, auth=[reader])
    def get(self, parsed_query: Query[PlaylistQuery]) -> HttpResponseBase:
        """List one's own playlists and everyone's public ones."""
        values = values_of(parsed_query, filter_value, reader_id=reader_id(self.request))
        return collection(self.request, PLAYLISTS, parsed_query, values, playlist)

    @answers(schemas.Playlist, status=201, etag=True, auth=[account])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[NewPlaylist]
    ) -> HttpResponse:
        """Make a playlist, empty at first."""
        made = playlists.create(account_id(self.request), **msgspec.structs.asdict(parsed_body))
        content = shown(PLAYLISTS, playlist, made.pk)
        return answer(self.request, content, status=201, location=f"{ROUTE}/playlists/{made.pk}")


class OnePlaylist(Api):
    tags = ("playlists",)

    @answers(schemas.Playlist, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show a playlist."""
        return answer(
            self.request, shown(PLAYLISTS, playlist, to_read(self.request, parsed_path.id))
        )

    @answers(schemas.Playlist, 404, 412, etag=True, auth=[account])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[PlaylistChanges],
    ) -> HttpResponse:
        """Change some fields of a playlist of one's own."""
        asked = msgspec.structs.asdict(parsed_body).items()
        own = to_change(self.request, parsed_path.id)
        changes = {name: value for name, value in asked if value is not UNSET}
        playlists.change(own, check=unchanged(self.request, own), **changes)
        return answer(self.request, shown(PLAYLISTS, playlist, own.id))

    @answers(None, 404, 412, status=204, auth=[account])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Delete a playlist of one's own."""
        own = to_change(self.request, parsed_path.id)
        playlists.delete(own, check=unchanged(self.request, own))
        return no_content()


# --- Their items -----------------------------------------------------------------------------


def from_the_front(query: ItemQuery, values: Mapping[str, Any]) -> bool:
    """Whether all items are listed in their order, up to where the page ends."""
    in_order = order_of(ITEMS, query.sort) == Order("position")
    return in_order and not query.cursor and values.keys() == {"playlist_id"}


class Items(Collection):
    tags = ("playlists",)

    @answers(Page[schemas.PlaylistItem], 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[ItemQuery]) -> HttpResponseBase:
        """List a playlist's items, without `sort` in their order."""
        playlist_id = to_read(self.request, parsed_path.id)
        values = values_of(parsed_query, filter_value, playlist_id=playlist_id)
        shape = (
            in_turn(parsed_query.offset)
            if from_the_front(parsed_query, values)
            else by_place(playlist_id)
        )
        return collection(self.request, ITEMS, parsed_query, values, shape)

    @answers(schemas.Ids, 404, 409, 412, status=201, auth=[account])
    @idempotent
    def post(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[Addition],
    ) -> HttpResponse:
        """Add tracks to a playlist of one's own; answers with the ids of the new items."""
        own = to_change(self.request, parsed_path.id)
        tracks, check = [*map(int, parsed_body.track_ids)], unchanged(self.request, own)
        made = playlists.add(own, tracks, parsed_body.position, check=check)
        location = f"{ROUTE}/playlists/{own.id}/items"
        return ids(made, status=201, location=location)

    @answers(schemas.Ids, 404, 409, 412, auth=[account])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[Contents],
    ) -> HttpResponse:
        """Replace all items of a playlist of one's own; answers with the ids of the new ones."""
        own = to_change(self.request, parsed_path.id)
        tracks, check = [*map(int, parsed_body.track_ids)], unchanged(self.request, own)
        return ids(playlists.replace(own, tracks, check=check))


class OneItem(Api):
    tags = ("playlists",)

    @answers(schemas.PlaylistItem, 404, 409, 412, auth=[account])
    def patch(
        self,
        parsed_path: Path[ItemById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewPlace],
    ) -> HttpResponse:
        """Move an item to another position."""
        own = to_change(self.request, parsed_path.id)
        item_id, check = path_id(parsed_path.item_id), unchanged(self.request, own)
        playlists.move(own, item_id, parsed_body.position, check=check)
        return plain(shown(ITEMS, by_place(own.id), item_id))

    @answers(None, 404, 412, status=204, auth=[account])
    def delete(
        self, parsed_path: Path[ItemById], parsed_query: Query[NoParameters]
    ) -> HttpResponse:
        """Take an item out."""
        own = to_change(self.request, parsed_path.id)
        item_id, check = path_id(parsed_path.item_id), unchanged(self.request, own)
        playlists.remove(own, item_id, check=check)
        return no_content()
