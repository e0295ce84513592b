"""The wire shapes of answers, one for each thing. They are built from rows and never checked.

What may be sent to make or change a thing is in `catalogue/entries.py`.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vivace.catalogue.entries import AlbumType
from vivace.problems import Fault

Moment = Annotated[datetime, Meta(tz=True)]


class Answer(msgspec.Struct, gc=False):
    """A shape of an answer. Its rows hold no cycles, so the collector need not look at them."""


class ArtistRef(Answer):
    id: str
    name: str


class AlbumRef(Answer):
    id: str
    title: str
    release_year: int | None


class Credit(Answer):
    id: str
    name: str
    credited_as: str
    role: str


class Artist(Answer):
    id: str
    name: str
    sort_name: str | None
    disambiguation: str
    mbid: str | None
    created_at: Moment
    updated_at: Moment


class Album(Answer):
    id: str
    title: str
    type: AlbumType | None
    release_date: str | None
    release_year: int | None
    mbid: str | None
    artist: ArtistRef
    genres: list[str]
    credits: list[Credit]
    created_at: Moment
    updated_at: Moment


class Track(Answer):
    id: str
    title: str
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    composer: str | None
    artist: ArtistRef
    album: AlbumRef
    genres: list[str]
    credits: list[Credit]
    created_at: Moment
    updated_at: Moment


class TrackDetail(Track):
    """A track by itself, with the identifiers that lists leave out."""

    mbid: str | None
    isrc: str | None


class Genre(Answer):
    id: str
    name: str
    created_at: Moment
    updated_at: Moment


class Ids(Answer):
    """The ids of what a bulk write made, in the order it was sent."""

    ids: list[str]


class User(Answer):
    id: str
    username: str
    email: str
    role: Literal["listener", "editor", "admin"]
    is_active: bool
    created_at: Moment
    updated_at: Moment


class Tokens(Answer):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    """Seconds for which the access token counts."""


class ApiKey(Answer):
    id: str
    name: str
    created_at: Moment
    updated_at: Moment


class NewApiKey(ApiKey):
    """A key as it is made, the only time it is shown."""

    key: str


class Owner(Answer):
    id: str
    username: str


class Playlist(Answer):
    id: str
    name: str
    description: str | None
    public: bool
    """Whether others may read it."""
    owner: Owner
    track_count: int
    created_at: Moment
    updated_at: Moment


class PlaylistItem(Answer):
    id: str
    position: int
    """The first is 0."""
    track: Track
    created_at: Moment
    updated_at: Moment


class Favourite(Answer, omit_defaults=True):
    """An artist, an album or a track, under the name of its kind."""

    id: str
    kind: Literal["artist", "album", "track"]
    created_at: Moment
    updated_at: Moment
    artist: Artist | msgspec.UnsetType = msgspec.UNSET
    album: Album | msgspec.UnsetType = msgspec.UNSET
    track: Track | msgspec.UnsetType = msgspec.UNSET


Field = Literal["name", "sort_name", "title", "artist", "album", "composer", "genre", "credit"]


class Matched(Answer):
    """A piece of a found thing that the question asked for, as it is written there."""

    field: Field
    text: str


class Hit(Answer):
    score: Annotated[float, Meta(ge=0, le=1)]
    """1 for the very name that was asked for."""
    matched: list[Matched]


class ArtistHit(Hit):
    artist: Artist


class AlbumHit(Hit):
    album: Album


class TrackHit(Hit):
    track: Track


class PlaylistHit(Hit):
    playlist: Playlist


class Found(Answer, omit_defaults=True):
    """The best answers of each kind that was asked for, the best first."""

    artists: list[ArtistHit] | msgspec.UnsetType = msgspec.UNSET
    albums: list[AlbumHit] | msgspec.UnsetType = msgspec.UNSET
    tracks: list[TrackHit] | msgspec.UnsetType = msgspec.UNSET
    playlists: list[PlaylistHit] | msgspec.UnsetType = msgspec.UNSET


class RefusedRow(Answer):
    line: int
    reason: str


class ImportReport(Answer):
    """What came of a file; its rows that are tracks or playlists are counted."""

    added: int
    changed: int
    unchanged: int
    refused: int
    errors: list[RefusedRow]
    """The first thousand that were refused."""
    notes: list[str]
    write_lock_ms: float
    """The longest that another writer may have waited."""


class ProblemDetails(Answer, omit_defaults=True):
    """An error, as RFC 9457 has it."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
