"""Artists, albums, tracks and genres over HTTP."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from django.db.models import F
from django.http import HttpResponse, HttpResponseBase
from dmr import Path
from msgspec import Meta

from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import editor, reader
from vivace.api.bodies import Json
from vivace.api.conditional import answer, guard
from vivace.api.controller import JSON, LINES, Api, no_content
from vivace.api.idempotency import idempotent
from vivace.api.pages import Page, PageQuery, collection, number, values_of
from vivace.api.parameters import NoParameters, Query
from vivace.catalogue import additions, changes, lists
from vivace.catalogue.caching import changing
from vivace.catalogue.entries import (
    BULK_MAX,
    ID,
    AlbumChanges,
    ArtistChanges,
    Id,
    Isrc,
    Mbid,
    Milliseconds,
    NewAlbum,
    NewArtist,
    NewTrack,
    TrackChanges,
)
from vivace.catalogue.folding import fold
from vivace.catalogue.lists import ALBUMS, ARTISTS, GENRES, TRACKS, Listing, Order
from vivace.catalogue.models import Album, Artist, Entry, Track
from vivace.catalogue.search import prefix_query
from vivace.catalogue.statements import many
from vivace.problems import NotFound

ROUTE = "/api/v1"
TRACK = replace(TRACKS, columns={**TRACKS.columns, "mbid": F("mbid"), "isrc": F("isrc")})
"""A track by itself shows what lists leave out."""

ALBUM_TRACKS = replace(TRACKS, default="position")
"""An album's tracks come as they stand on it."""


# --- From rows to shapes ---------------------------------------------------------------------

Raw: Any = msgspec.Raw
"""JSON that the database made goes out as it is; the shapes say what it holds."""


def artist(row: lists.Row) -> schemas.Artist:
    return schemas.Artist(*row)


def album(row: lists.Row) -> schemas.Album:
    (
        id_, title, type_, date, year, mbid,
        artist_id, artist_name, genres, credited, created, updated,
    ) = row  # fmt: skip
    return schemas.Album(
        id_, title, type_, date, year, mbid,
        schemas.ArtistRef(artist_id, artist_name),
        Raw(genres), Raw(credited), created, updated,
    )  # fmt: skip


def track(row: lists.Row, model: type[schemas.Track] = schemas.Track) -> schemas.Track:
    (
        id_, title, disc, number_, duration, composer,
        artist_id, artist_name, album_id, album_title, album_year,
        genres, credited, created, updated, *rest,
    ) = row  # fmt: skip
    return model(
        id_, title, disc, number_, duration, composer,
        schemas.ArtistRef(artist_id, artist_name),
        schemas.AlbumRef(album_id, album_title, album_year),
        Raw(genres), Raw(credited), created, updated, *rest,
    )  # fmt: skip


def track_detail(row: lists.Row) -> schemas.Track:
    return track(row, schemas.TrackDetail)


def genre(row: lists.Row) -> schemas.Genre:
    return schemas.Genre(*row)


def shown(listing: Listing, shape: Callable[[lists.Row], Any], id_: int) -> Any:
    """One thing by its id, in the shape of its list. Raises `NotFound`."""
    found = lists.page(listing, {"ids": many([id_])}, Order(listing.default), limit=1)
    if not found.rows:
        raise NotFound(f"There is no {listing.model._meta.verbose_name} of that id")
    return shape(found.rows[0])


def path_id(text: str) -> int:
    """The id in a path. Raises `NotFound` for what cannot be one."""
    if not re.search(ID, text):
        raise NotFound("There is nothing of that id")
    return int(text)


def existing(model: type[Entry], text: str) -> int:
    """The id in a path, of something that is there. Raises `NotFound`."""
    id_ = path_id(text)
    if not model._default_manager.filter(pk=id_).exists():
        raise NotFound(f"There is no {model._meta.verbose_name} of that id")
    return id_


# --- What can be asked -----------------------------------------------------------------------

Prefix = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00]*$",
        description="Each of its words starts a word of the name, whatever the case and accents",
    ),
]
GenreName = Annotated[
    str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$", description="The whole name")
]
Changes = TypeVar("Changes", ArtistChanges, AlbumChanges, TrackChanges)
Year = Annotated[int, Meta(ge=0, le=9999)]
Cascade = Annotated[bool, Meta(description="Remove what it still has, too")]


class ArtistQuery(PageQuery):
    name: Prefix | None = None
    genre: GenreName | None = None
    mbid: Mbid | None = None
    sort: Literal[
        "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
    ] | None = None  # fmt: skip


class AlbumQuery(PageQuery):
    title: Prefix | None = None
    artist: Prefix | None = None
    artist_id: Id | None = None
    genre: GenreName | None = None
    mbid: Mbid | None = None
    release_year: Year | None = None
    release_year_from: Year | None = None
    release_year_to: Year | None = None
    sort: Literal[
        "title", "-title", "artist", "-artist", "release_year", "-release_year",
        "created_at", "-created_at", "updated_at", "-updated_at",
    ] | None = None  # fmt: skip


class TrackQuery(PageQuery):
    title: Prefix | None = None
    artist: Prefix | None = None
    artist_id: Id | None = None
    album: Prefix | None = None
    album_id: Id | None = None
    genre: GenreName | None = None
    mbid: Mbid | None = None
    isrc: Isrc | None = None
    release_year_from: Year | None = None
    release_year_to: Year | None = None
    duration_ms_from: Milliseconds | None = None
    duration_ms_to: Milliseconds | None = None
    sort: Literal[
        "title", "-title", "album", "-album", "artist", "-artist",
        "duration_ms", "-duration_ms", "release_year", "-release_year",
        "created_at", "-created_at", "updated_at", "-updated_at",
    ] | None = None  # fmt: skip


class GenreQuery(PageQuery):
    sort: Literal[
        "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
    ] | None = None  # fmt: skip


ManyArtists = Annotated[list[NewArtist], Meta(min_length=1, max_length=BULK_MAX)]
ManyAlbums = Annotated[list[NewAlbum], Meta(min_length=1, max_length=BULK_MAX)]
ManyTracks = Annotated[list[NewTrack], Meta(min_length=1, max_length=BULK_MAX)]


class Removal(msgspec.Struct):
    cascade: Cascade = False


class ById(msgspec.Struct):
    id: str


def filter_value(name: str, asked: Any) -> Any:
    """A filter from the wire as the parameter of its statement."""
    match name:
        case "name" | "title" | "artist" | "album":
            return prefix_query(asked)
        case "genre":
            return fold(asked)
        case "artist_id" | "album_id":
            return number(name, asked)
        case "mbid":
            return asked.lower()
        case "isrc":
            return additions.bare_isrc(asked)
    return asked


class Collection(Api):
    """A list that comes by the page as JSON, or whole as JSON Lines."""

    renderers = (JSON, LINES)
    is_abstract = True

    def listed(
        self,
        listing: Listing,
        query: PageQuery,
        shape: Callable[[lists.Row], Any],
        **fixed: Any,
    ) -> HttpResponseBase:
        values = values_of(query, filter_value, **fixed)
        return collection(self.request, listing, query, values, shape)


def whole(entry: msgspec.Struct, changes_model: type[Changes]) -> Changes:
    """A whole thing as the changes that make another into it."""
    return changes_model(**{name: getattr(entry, name) for name in entry.__struct_fields__})


def made(
    request: Any, listing: Listing, shape: Callable[[lists.Row], Any], id_: int
) -> HttpResponse:
    """201 with what was made and where it is."""
    kind = f"{listing.model._meta.model_name}s"
    content = shown(listing, shape, id_)
    return answer(request, content, status=201, location=f"{ROUTE}/{kind}/{id_}")


def ids(request: Any, made_ids: Any) -> HttpResponse:
    return answer(request, schemas.Ids([str(id_) for id_ in made_ids]), status=201)


# --- Artists ---------------------------------------------------------------------------------


class Artists(Collection):
    tags = ("artists",)

    @answers(Page[schemas.Artist], etag=True, auth=[reader])
    def get(self, parsed_query: Query[ArtistQuery]) -> HttpResponseBase:
        """List artists."""
        return self.listed(ARTISTS, parsed_query, artist)

    @answers(schemas.Artist, 409, status=201, etag=True, auth=[editor])
    @idempotent
    def post(self, parsed_query: Query[NoParameters], parsed_body: Json[NewArtist]) -> HttpResponse:
        """Add an artist."""
        with changes.at_item():
            (id_,) = additions.add_artists([parsed_body])
        return made(self.request, ARTISTS, artist, id_)


class ArtistsBulk(Api):
    tags = ("artists",)

    @answers(schemas.Ids, 409, status=201, location=False, auth=[editor])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[ManyArtists]
    ) -> HttpResponse:
        """Add up to 10,000 artists, all or none."""
        return ids(self.request, additions.add_artists(parsed_body))


class OneArtist(Api):
    tags = ("artists",)

    @answers(schemas.Artist, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show an artist."""
        return answer(self.request, shown(ARTISTS, artist, path_id(parsed_path.id)))

    @answers(schemas.Artist, 404, 409, 412, etag=True, auth=[editor])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[ArtistChanges],
    ) -> HttpResponse:
        """Change some fields of an artist."""
        return self.changed(path_id(parsed_path.id), parsed_body)

    @answers(schemas.Artist, 404, 409, 412, etag=True, auth=[editor])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewArtist],
    ) -> HttpResponse:
        """Replace an artist: fields that are absent are emptied."""
        return self.changed(path_id(parsed_path.id), whole(parsed_body, ArtistChanges))

    def changed(self, id_: int, asked: ArtistChanges) -> HttpResponse:
        with changing():
            found = changes.locked(Artist, id_)
            guard(self.request, shown(ARTISTS, artist, id_))
            changes.change_artist(found, asked)
            return answer(self.request, shown(ARTISTS, artist, id_))

    @answers(None, 404, 409, 412, status=204, auth=[editor])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[Removal]) -> HttpResponse:
        """Remove an artist."""
        with changing():
            found = changes.locked(Artist, path_id(parsed_path.id))
            guard(self.request, shown(ARTISTS, artist, found.pk))
            changes.remove_artist(found, cascade=parsed_query.cascade)
        return no_content()


class AlbumsOfArtist(Collection):
    tags = ("artists", "albums")

    @answers(Page[schemas.Album], 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[AlbumQuery]) -> HttpResponseBase:
        """List an artist's albums."""
        id_ = existing(Artist, parsed_path.id)
        return self.listed(ALBUMS, parsed_query, album, artist_id=id_)


class TracksOfArtist(Collection):
    tags = ("artists", "tracks")

    @answers(Page[schemas.Track], 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[TrackQuery]) -> HttpResponseBase:
        """List an artist's tracks."""
        id_ = existing(Artist, parsed_path.id)
        return self.listed(TRACKS, parsed_query, track, artist_id=id_)


# --- Albums ---------------------------------------------------------------------------------


class Albums(Collection):
    tags = ("albums",)

    @answers(Page[schemas.Album], etag=True, auth=[reader])
    def get(self, parsed_query: Query[AlbumQuery]) -> HttpResponseBase:
        """List albums."""
        return self.listed(ALBUMS, parsed_query, album)

    @answers(schemas.Album, 409, status=201, etag=True, auth=[editor])
    @idempotent
    def post(self, parsed_query: Query[NoParameters], parsed_body: Json[NewAlbum]) -> HttpResponse:
        """Add an album."""
        with changes.at_item():
            (id_,) = additions.add_albums([parsed_body])
        return made(self.request, ALBUMS, album, id_)


class AlbumsBulk(Api):
    tags = ("albums",)

    @answers(schemas.Ids, 409, status=201, location=False, auth=[editor])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[ManyAlbums]
    ) -> HttpResponse:
        """Add up to 10,000 albums, all or none."""
        return ids(self.request, additions.add_albums(parsed_body))


class OneAlbum(Api):
    tags = ("albums",)

    @answers(schemas.Album, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show an album."""
        return answer(self.request, shown(ALBUMS, album, path_id(parsed_path.id)))

    @answers(schemas.Album, 404, 409, 412, etag=True, auth=[editor])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[AlbumChanges],
    ) -> HttpResponse:
        """Change some fields of an album."""
        return self.changed(path_id(parsed_path.id), parsed_body)

    @answers(schemas.Album, 404, 409, 412, etag=True, auth=[editor])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewAlbum],
    ) -> HttpResponse:
        """Replace an album: fields that are absent are emptied."""
        return self.changed(path_id(parsed_path.id), whole(parsed_body, AlbumChanges))

    def changed(self, id_: int, asked: AlbumChanges) -> HttpResponse:
        with changing():
            found = changes.locked(Album, id_)
            guard(self.request, shown(ALBUMS, album, id_))
            changes.change_album(found, asked)
            return answer(self.request, shown(ALBUMS, album, id_))

    @answers(None, 404, 409, 412, status=204, auth=[editor])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[Removal]) -> HttpResponse:
        """Remove an album."""
        with changing():
            found = changes.locked(Album, path_id(parsed_path.id))
            guard(self.request, shown(ALBUMS, album, found.pk))
            changes.remove_album(found, cascade=parsed_query.cascade)
        return no_content()


class TracksOfAlbum(Collection):
    tags = ("albums", "tracks")

    @answers(Page[schemas.Track], 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[TrackQuery]) -> HttpResponseBase:
        """List an album's tracks, without `sort` by disc and track number."""
        id_ = existing(Album, parsed_path.id)
        return self.listed(ALBUM_TRACKS, parsed_query, track, album_id=id_)


# --- Tracks ---------------------------------------------------------------------------------


class Tracks(Collection):
    tags = ("tracks",)

    @answers(Page[schemas.Track], etag=True, auth=[reader])
    def get(self, parsed_query: Query[TrackQuery]) -> HttpResponseBase:
        """List tracks."""
        return self.listed(TRACKS, parsed_query, track)

    @answers(schemas.TrackDetail, 409, status=201, etag=True, auth=[editor])
    @idempotent
    def post(self, parsed_query: Query[NoParameters], parsed_body: Json[NewTrack]) -> HttpResponse:
        """Add a track."""
        with changes.at_item():
            (id_,) = additions.add_tracks([parsed_body])
        return made(self.request, TRACK, track_detail, id_)


class TracksBulk(Api):
    tags = ("tracks",)

    @answers(schemas.Ids, 409, status=201, location=False, auth=[editor])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[ManyTracks]
    ) -> HttpResponse:
        """Add up to 10,000 tracks, all or none."""
        return ids(self.request, additions.add_tracks(parsed_body))


class OneTrack(Api):
    tags = ("tracks",)

    @answers(schemas.TrackDetail, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show a track."""
        return answer(self.request, shown(TRACK, track_detail, path_id(parsed_path.id)))

    @answers(schemas.TrackDetail, 404, 409, 412, etag=True, auth=[editor])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[TrackChanges],
    ) -> HttpResponse:
        """Change some fields of a track."""
        return self.changed(path_id(parsed_path.id), parsed_body)

    @answers(schemas.TrackDetail, 404, 409, 412, etag=True, auth=[editor])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewTrack],
    ) -> HttpResponse:
        """Replace a track: fields that are absent are emptied."""
        return self.changed(path_id(parsed_path.id), whole(parsed_body, TrackChanges))

    def changed(self, id_: int, asked: TrackChanges) -> HttpResponse:
        with changing():
            found = changes.locked(Track, id_)
            guard(self.request, shown(TRACK, track_detail, id_))
            changes.change_track(found, asked)
            return answer(self.request, shown(TRACK, track_detail, id_))

    @answers(None, 404, 412, status=204, auth=[editor])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Remove a track."""
        with changing():
            found = changes.locked(Track, path_id(parsed_path.id))
            guard(self.request, shown(TRACK, track_detail, found.pk))
            found.delete()
        return no_content()


# --- Genres ----------------------------------------------------------------------------------


class Genres(Collection):
    tags = ("genres",)

    @answers(Page[schemas.Genre], etag=True, auth=[reader])
    def get(self, parsed_query: Query[GenreQuery]) -> HttpResponseBase:
        """List genres, without `sort` by name."""
        return self.listed(GENRES, parsed_query, genre)
