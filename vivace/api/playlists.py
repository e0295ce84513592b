"""Playlists and their items over HTTP.

If-Match takes the playlist's ETag, for a change of its items too.
"""

from bisect import bisect_left
from collections.abc import Callable
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
from vivace.api.pages import Page, collection, number, values_of
from vivace.api.parameters import NoParameters, Query
from vivace.api.resources import ROUTE, ById, Collection, ids, path_id, shown
from vivace.api.shapes import playlist, track
from vivace.catalogue.entries import Body, Id, Name
from vivace.catalogue.lists import Row
from vivace.listening import playlists
from vivace.listening.lists import ITEMS, PLAYLISTS
from vivace.listening.models import Playlist
from vivace.listening.playlists import MAX_ITEMS, Check

DESCRIPTION_LENGTH = 10_000


# --- From rows to shapes ---------------------------------------------------------------------


def items_of(found: Playlist) -> Callable[[Row], schemas.PlaylistItem]:
    """The shape of its items, with their positions as they are now."""
    positions = playlists.positions(found)

    def item(row: Row) -> schemas.PlaylistItem:
        id_, position, added_at, *of_track = row
        index = bisect_left(positions, position)
        return schemas.PlaylistItem(id_, index, track(tuple(of_track)), added_at, added_at)

    return item


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


def to_read(request: HttpRequest, id_: str) -> Playlist:
    identity = identity_of(request)
    return playlists.to_read(identity.account_id if identity else None, path_id(id_))


def to_change(request: HttpRequest, id_: str) -> Playlist:
    return playlists.to_change(account_id(request), path_id(id_))


def unchanged(request: HttpRequest, found: Playlist) -> Check:
    """Whether the playlist is still the one that If-Match names."""
    return lambda: guard(request, lambda: shown(PLAYLISTS, playlist, found.pk))


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
        found = to_read(self.request, parsed_path.id)
        return answer(self.request, shown(PLAYLISTS, playlist, found.pk))

    @answers(schemas.Playlist, 404, 412, etag=True, auth=[account])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[PlaylistChanges],
    ) -> HttpResponse:
        """Change some fields of a playlist of one's own."""
        asked = msgspec.structs.asdict(parsed_body).items()
        found = to_change(self.request, parsed_path.id)
        changes = {name: value for name, value in asked if value is not UNSET}
        playlists.change(found, check=unchanged(self.request, found), **changes)
        return answer(self.request, shown(PLAYLISTS, playlist, found.pk))

    @answers(None, 404, 412, status=204, auth=[account])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Delete a playlist of one's own."""
        found = to_change(self.request, parsed_path.id)
        playlists.delete(found, check=unchanged(self.request, found))
        return no_content()


# --- Their items -----------------------------------------------------------------------------


class Items(Collection):
    tags = ("playlists",)

    @answers(Page[schemas.PlaylistItem], 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[ItemQuery]) -> HttpResponseBase:
        """List a playlist's items, without `sort` in their order."""
        found = to_read(self.request, parsed_path.id)
        values = values_of(parsed_query, filter_value, playlist_id=found.pk)
        return collection(self.request, ITEMS, parsed_query, values, items_of(found))

    @answers(schemas.Ids, 404, 409, 412, status=201, auth=[account])
    @idempotent
    def post(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[Addition],
    ) -> HttpResponse:
        """Add tracks to a playlist of one's own; answers with the ids of the new items."""
        found = to_change(self.request, parsed_path.id)
        tracks, check = [*map(int, parsed_body.track_ids)], unchanged(self.request, found)
        made = playlists.add(found, tracks, parsed_body.position, check=check)
        location = f"{ROUTE}/playlists/{found.pk}/items"
        return ids(made, status=201, location=location)

    @answers(schemas.Ids, 404, 409, 412, auth=[account])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[Contents],
    ) -> HttpResponse:
        """Replace all items of a playlist of one's own; answers with the ids of the new ones."""
        found = to_change(self.request, parsed_path.id)
        tracks, check = [*map(int, parsed_body.track_ids)], unchanged(self.request, found)
        made = playlists.replace(found, tracks, check=check)
        return ids(made)


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
        found = to_change(self.request, parsed_path.id)
        item_id, check = path_id(parsed_path.item_id), unchanged(self.request, found)
        playlists.move(found, item_id, parsed_body.position, check=check)
        return plain(shown(ITEMS, items_of(found), item_id))

    @answers(None, 404, 412, status=204, auth=[account])
    def delete(
        self, parsed_path: Path[ItemById], parsed_query: Query[NoParameters]
    ) -> HttpResponse:
        """Take an item out."""
        found = to_change(self.request, parsed_path.id)
        item_id, check = path_id(parsed_path.item_id), unchanged(self.request, found)
        playlists.remove(found, item_id, check=check)
        return no_content()
