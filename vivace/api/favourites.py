"""Favourites over HTTP."""

from typing import Any, Literal

import msgspec
from django.http import HttpResponse, HttpResponseBase
from dmr import Path
from msgspec import UNSET

from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import account, account_id
from vivace.api.controller import Api, no_content
from vivace.api.filters import Searched
from vivace.api.pages import Page, collection, values_of
from vivace.api.parameters import NoParameters, Query
from vivace.api.resources import Collection, path_id
from vivace.api.shapes import album, artist, track
from vivace.catalogue.listings import ALBUMS, ARTISTS
from vivace.catalogue.lists import Row
from vivace.listening import favourites
from vivace.listening.lists import FAVOURITES
from vivace.problems import NotFound

ALBUM_FROM = len(ARTISTS.columns)
TRACK_FROM = ALBUM_FROM + len(ALBUMS.columns)


def favourite(row: Row) -> schemas.Favourite:
    id_, created_at, *things = row
    of_artist, of_album = things[:ALBUM_FROM], things[ALBUM_FROM:TRACK_FROM]
    of_track = things[TRACK_FROM:]
    return schemas.Favourite(
        id_,
        "artist" if of_artist[0] else "album" if of_album[0] else "track",
        created_at,
        created_at,
        artist(tuple(of_artist)) if of_artist[0] else UNSET,
        album(tuple(of_album)) if of_album[0] else UNSET,
        track(tuple(of_track)) if of_track[0] else UNSET,
    )


class FavouriteQuery(Searched):
    kind: Literal["artist", "album", "track"] | None = None
    sort: Literal["created_at", "-created_at"] | None = None


class Thing(msgspec.Struct):
    kind: str
    id: str


def thing(path: Thing) -> tuple[str, int]:
    """The kind and id. Raises `NotFound`."""
    if path.kind not in favourites.KINDS:
        raise NotFound("No such path")
    return path.kind, path_id(path.id)


def values(query: FavouriteQuery, owner: int) -> dict[str, Any]:
    """The kind is a filter by its own name, since each asks for another column."""
    found = values_of(query, lambda _, asked: asked, account_id=owner)
    if kind := found.pop("kind", None):
        found[kind] = True
    return found


class Favourites(Collection):
    tags = ("favourites",)

    @answers(Page[schemas.Favourite], etag=True, auth=[account])
    def get(self, parsed_query: Query[FavouriteQuery]) -> HttpResponseBase:
        """List one's favourites of every kind, without `sort` the oldest first."""
        asked = values(parsed_query, account_id(self.request))
        return collection(self.request, FAVOURITES, parsed_query, asked, favourite)


class OneFavourite(Api):
    tags = ("favourites",)

    @answers(None, 404, status=204, auth=[account])
    def put(self, parsed_path: Path[Thing], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Make an artist, album or track one's favourite; it may be one already."""
        favourites.add(account_id(self.request), *thing(parsed_path))
        return no_content()

    @answers(None, 404, status=204, auth=[account])
    def delete(self, parsed_path: Path[Thing], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Take a favourite back, which need not be one."""
        favourites.remove(account_id(self.request), *thing(parsed_path))
        return no_content()
