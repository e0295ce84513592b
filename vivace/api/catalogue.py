"""Artists, albums, tracks and genres over HTTP."""

from dataclasses import replace
from typing import Annotated, TypeVar

import msgspec
from django.http import HttpResponse, HttpResponseBase
from dmr import Path
from msgspec import Meta

from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import editor, reader
from vivace.api.bodies import Json
from vivace.api.controller import Api
from vivace.api.filters import AlbumQuery, ArtistQuery, GenreQuery, TrackQuery
from vivace.api.idempotency import idempotent
from vivace.api.pages import Page
from vivace.api.parameters import NoParameters, Query
from vivace.api.resources import (
    ById,
    Collection,
    Kind,
    Removal,
    change,
    existing,
    ids,
    made,
    remove,
    show,
)
from vivace.api.shapes import TRACK, album, artist, genre, track, track_detail
from vivace.catalogue import additions, changes
from vivace.catalogue.entries import (
    BULK_MAX,
    AlbumChanges,
    ArtistChanges,
    NewAlbum,
    NewArtist,
    NewTrack,
    TrackChanges,
)
from vivace.catalogue.listings import ALBUMS, ARTISTS, GENRES, TRACKS
from vivace.catalogue.models import Album, Artist, Track

ARTIST = Kind(Artist, ARTISTS, artist, changes.change_artist, changes.remove_artist)
ALBUM = Kind(Album, ALBUMS, album, changes.change_album, changes.remove_album)
A_TRACK = Kind(Track, TRACK, track_detail, changes.change_track, Track.delete)

ALBUM_TRACKS = replace(TRACKS, default="position")
"""An album's tracks come as they stand on it."""

ManyArtists = Annotated[list[NewArtist], Meta(min_length=1, max_length=BULK_MAX)]
ManyAlbums = Annotated[list[NewAlbum], Meta(min_length=1, max_length=BULK_MAX)]
ManyTracks = Annotated[list[NewTrack], Meta(min_length=1, max_length=BULK_MAX)]

Changes = TypeVar("Changes", ArtistChanges, AlbumChanges, TrackChanges)


def whole(entry: msgspec.Struct, model: type[Changes]) -> Changes:
    """A whole thing as the changes that make another into it."""
    return model(**{name: getattr(entry, name) for name in entry.__struct_fields__})


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
        return made(self.request, ARTIST, id_)


class ArtistsBulk(Api):
    tags = ("artists",)

    @answers(schemas.Ids, 409, status=201, location=False, auth=[editor])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[ManyArtists]
    ) -> HttpResponse:
        """Add up to 10,000 artists, all or none."""
        return ids(additions.add_artists(parsed_body), status=201)


class OneArtist(Api):
    tags = ("artists",)

    @answers(schemas.Artist, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show an artist."""
        return show(self.request, ARTIST, parsed_path.id)

    @answers(schemas.Artist, 404, 409, 412, etag=True, auth=[editor])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[ArtistChanges],
    ) -> HttpResponse:
        """Change some fields of an artist."""
        return change(self.request, ARTIST, parsed_path.id, parsed_body)

    @answers(schemas.Artist, 404, 409, 412, etag=True, auth=[editor])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewArtist],
    ) -> HttpResponse:
        """Replace an artist: fields that are absent are emptied."""
        return change(self.request, ARTIST, parsed_path.id, whole(parsed_body, ArtistChanges))

    @answers(None, 404, 409, 412, status=204, auth=[editor])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[Removal]) -> HttpResponse:
        """Remove an artist."""
        return remove(self.request, ARTIST, parsed_path.id, cascade=parsed_query.cascade)


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
        return made(self.request, ALBUM, id_)


class AlbumsBulk(Api):
    tags = ("albums",)

    @answers(schemas.Ids, 409, status=201, location=False, auth=[editor])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[ManyAlbums]
    ) -> HttpResponse:
        """Add up to 10,000 albums, all or none."""
        return ids(additions.add_albums(parsed_body), status=201)


class OneAlbum(Api):
    tags = ("albums",)

    @answers(schemas.Album, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show an album."""
        return show(self.request, ALBUM, parsed_path.id)

    @answers(schemas.Album, 404, 409, 412, etag=True, auth=[editor])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[AlbumChanges],
    ) -> HttpResponse:
        """Change some fields of an album."""
        return change(self.request, ALBUM, parsed_path.id, parsed_body)

    @answers(schemas.Album, 404, 409, 412, etag=True, auth=[editor])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewAlbum],
    ) -> HttpResponse:
        """Replace an album: fields that are absent are emptied."""
        return change(self.request, ALBUM, parsed_path.id, whole(parsed_body, AlbumChanges))

    @answers(None, 404, 409, 412, status=204, auth=[editor])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[Removal]) -> HttpResponse:
        """Remove an album."""
        return remove(self.request, ALBUM, parsed_path.id, cascade=parsed_query.cascade)


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
        return made(self.request, A_TRACK, id_)


class TracksBulk(Api):
    tags = ("tracks",)

    @answers(schemas.Ids, 409, status=201, location=False, auth=[editor])
    @idempotent
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[ManyTracks]
    ) -> HttpResponse:
        """Add up to 10,000 tracks, all or none."""
        return ids(additions.add_tracks(parsed_body), status=201)


class OneTrack(Api):
    tags = ("tracks",)

    @answers(schemas.TrackDetail, 404, etag=True, auth=[reader])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show a track."""
        return show(self.request, A_TRACK, parsed_path.id)

    @answers(schemas.TrackDetail, 404, 409, 412, etag=True, auth=[editor])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[TrackChanges],
    ) -> HttpResponse:
        """Change some fields of a track."""
        return change(self.request, A_TRACK, parsed_path.id, parsed_body)

    @answers(schemas.TrackDetail, 404, 409, 412, etag=True, auth=[editor])
    def put(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[NewTrack],
    ) -> HttpResponse:
        """Replace a track: fields that are absent are emptied."""
        return change(self.request, A_TRACK, parsed_path.id, whole(parsed_body, TrackChanges))

    @answers(None, 404, 412, status=204, auth=[editor])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Remove a track."""
        return remove(self.request, A_TRACK, parsed_path.id)


# --- Genres ----------------------------------------------------------------------------------


class Genres(Collection):
    tags = ("genres",)

    @answers(Page[schemas.Genre], etag=True, auth=[reader])
    def get(self, parsed_query: Query[GenreQuery]) -> HttpResponseBase:
        """List genres, without `sort` by name."""
        return self.listed(GENRES, parsed_query, genre)
