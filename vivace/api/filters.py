"""What can be asked of the lists of the catalogue."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from vivace.api.pages import PageQuery, number
from vivace.catalogue.additions import bare_isrc
from vivace.catalogue.entries import Id, Isrc, Mbid, Milliseconds
from vivace.catalogue.folding import fold, words

Prefix = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00]*$",
        description="Each of its words starts a word of the name, whatever the case and accents",
    ),
]
Text = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1_000,
        pattern=r"^[^\x00]*$",
        description=(
            "Words of it, of its artist, album or genre, in any order; the last may be only begun,"
            " and typos are forgiven where nothing is written so"
        ),
        examples=["maiden trooper"],
    ),
]
"""What is typed into a search field."""
GenreName = Annotated[
    str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$", description="The whole name")
]
Year = Annotated[int, Meta(ge=0, le=9999)]


class Searched(PageQuery):
    """A list that can be asked the question of a search."""

    q: Text | None = None


class ArtistQuery(Searched):
    name: Prefix | None = None
    genre: GenreName | None = None
    mbid: Mbid | None = None
    sort: Literal[
        "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
    ] | None = None  # fmt: skip


class AlbumQuery(Searched):
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


class TrackQuery(Searched):
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


class GenreQuery(Searched):
    sort: Literal[
        "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
    ] | None = None  # fmt: skip


def filter_value(name: str, asked: Any) -> Any:
    """A filter from the wire as the parameter of its statement."""
    match name:
        case "name" | "title" | "artist" | "album":
            return words(fold(asked))
        case "genre":
            return fold(asked)
        case "artist_id" | "album_id":
            return number(name, asked)
        case "mbid":
            return asked.lower()
        case "isrc":
            return bare_isrc(asked)
    return asked
