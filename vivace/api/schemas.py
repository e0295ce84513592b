"""The wire shapes of answers, one for each thing. They are built from rows and never checked.

What may be sent to make or change a thing is in `catalogue/entries.py`.
"""

from datetime import datetime

import msgspec

from vivace.catalogue.entries import AlbumType
from vivace.problems import Fault


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
    created_at: datetime
    updated_at: datetime


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
    created_at: datetime
    updated_at: datetime


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
    created_at: datetime
    updated_at: datetime


class TrackDetail(Track):
    """A track by itself, with the identifiers that lists leave out."""

    mbid: str | None
    isrc: str | None


class Genre(Answer):
    id: str
    name: str
    created_at: datetime
    updated_at: datetime


class Ids(Answer):
    """The ids of what a bulk write made, in the order it was sent."""

    ids: list[str]


class ProblemDetails(Answer, omit_defaults=True):
    """An error, as RFC 9457 has it."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
