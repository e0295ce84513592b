"""What an import knows of a library, as its rows are compared with it."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

from msgspec import Struct

Credits = tuple[tuple[int, str, str], ...]
"""(artist's id, credited as, role), in order."""
Pair = tuple[str, str]
"""A source and an id in it."""


class Artist(Struct):
    id: int
    name: str
    name_key: str
    sort_name: str | None = None
    disambiguation: str = ""
    mbid: str | None = None
    source: str | None = None
    source_id: str | None = None


class Album(Struct):
    id: int
    title: str
    title_key: str
    artist_id: int
    release_date: str | None = None
    type: str | None = None
    mbid: str | None = None
    source: str | None = None
    source_id: str | None = None


class Track(NamedTuple):
    id: int
    title: str
    artist_id: int
    album_id: int
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    composer: str | None
    isrc: str | None
    mbid: str | None
    source: str | None
    source_id: str | None
    title_key: str
    album_key: str
    genres: str
    """The ids of its genres in order, as a JSON list."""


class StagedTrack(NamedTuple):
    track: Track
    fresh: bool
    credits: Credits | None
    """None where they stay as they are."""


class Library(Protocol):
    """What is known before the import. Those found come in the order in which copies count."""

    has_tracks: bool

    def new_id(self, kind: str) -> int: ...
    def genres(self, keys: Collection[str]) -> Iterable[tuple[str, int]]: ...
    def artists_named(self, keys: Collection[str]) -> Iterable[Artist]: ...
    def artists_with_mbid(self, mbids: Collection[str]) -> Iterable[Artist]: ...
    def artists_from(self, pairs: Collection[Pair]) -> Iterable[Artist]: ...
    def albums_named(self, pairs: Collection[tuple[int, str]]) -> Iterable[Album]: ...
    def albums_with_id(self, ids: Collection[int]) -> Iterable[Album]: ...
    def albums_with_mbid(self, mbids: Collection[str]) -> Iterable[Album]: ...
    def albums_from(self, pairs: Collection[Pair]) -> Iterable[Album]: ...
    def album_genres(self, ids: Collection[int]) -> Iterable[tuple[int, int]]: ...
    def album_credits(self, ids: Collection[int]) -> Iterable[tuple[int, int, str, str]]: ...
    def tracks_named(self, pairs: Collection[tuple[int, str]]) -> Iterable[Track]: ...
    def tracks_with_mbid(self, mbids: Collection[str]) -> Iterable[Track]: ...
    def tracks_from(self, pairs: Collection[Pair]) -> Iterable[Track]: ...
    def track_credits(self, ids: Collection[int]) -> Iterable[tuple[int, int, str, str]]: ...
    def staged(self, ids: Collection[int]) -> Iterable[StagedTrack]: ...
