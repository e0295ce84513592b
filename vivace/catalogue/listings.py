"""What each list of the catalogue shows, and what can be asked of it."""

from typing import Any

from django.db.models import F, Q, TextField
from django.db.models.functions import Cast

from vivace.catalogue.filters import Asked, Bound, Filter, Words, having
from vivace.catalogue.lists import Listing, genre_named
from vivace.catalogue.models import Album, Artist, Genre, Track
from vivace.catalogue.statements import among


def text_id(path: str) -> Cast:
    return Cast(path, TextField())


MOMENTS = {"created_at": "created_at", "updated_at": "updated_at"}
SINCE: dict[str, Filter] = {
    "updated_since": Bound("updated_at", ">=", "updated_since"),
    "ids": lambda: Q(among("id", "ids")),
}
OF_GENRE: dict[str, Filter] = {"genre": lambda: Q(genre_rows__genre_id=genre_named())}


def times(at: str) -> dict[str, Any]:
    """As they are stored: the shapes put them into words."""
    return {name: F(at + name) for name in MOMENTS}


TIMES = times("")

# The columns of each kind's shape: of its own rows, or of others that lead to it by a relation,
# where `at` is `track__` or the like.


def artist_columns(at: str = "") -> dict[str, Any]:
    names = ("name", "sort_name", "disambiguation", "mbid")
    return {"id": text_id(at + "id"), **{name: F(at + name) for name in names}, **times(at)}


def album_columns(at: str = "") -> dict[str, Any]:
    names = ("title", "type", "release_date", "release_year", "mbid")
    return {
        "id": text_id(at + "id"),
        **{name: F(at + name) for name in names},
        "artist_id": text_id(at + "artist_id"),
        "artist_name": F(at + "artist__name"),
        "genres": F(at + "genre_list"),
        "credits": F(at + "credit_list"),
        **times(at),
    }


def track_columns(at: str = "") -> dict[str, Any]:
    names = ("title", "disc_number", "track_number", "duration_ms", "composer")
    return {
        "id": text_id(at + "id"),
        **{name: F(at + name) for name in names},
        "artist_id": text_id(at + "artist_id"),
        "artist_name": F(at + "artist__name"),
        "album_id": text_id(at + "album_id"),
        "album_title": F(at + "album__title"),
        "album_year": F(at + "album__release_year"),
        "genres": F(at + "genre_list"),
        "credits": F(at + "credit_list"),
        **times(at),
    }


ARTISTS = Listing(
    model=Artist,
    columns=artist_columns(),
    sorts={"name": "sort_key", **MOMENTS},
    filters={
        "q": Asked(Artist, "q"),
        "name": Words(Artist, "name"),
        "mbid": having(mbid="mbid"),
        **OF_GENRE,
        **SINCE,
    },
    scopes={"genre": "genre_rows"},
)

ALBUMS = Listing(
    model=Album,
    columns=album_columns(),
    sorts={
        "title": "title_key",
        "release_year": "release_year",
        "artist": "artist_key",
        **MOMENTS,
    },
    filters={
        "q": Asked(Album, "q"),
        "title": Words(Album, "title"),
        "artist": Words(Artist, "artist", "artist"),
        "artist_id": having(artist_id="artist_id"),
        "mbid": having(mbid="mbid"),
        "release_year": Bound("release_year", "=", "release_year"),
        "release_year_from": Bound("release_year", ">=", "release_year_from"),
        "release_year_to": Bound("release_year", "<=", "release_year_to"),
        **OF_GENRE,
        **SINCE,
    },
    nullable=frozenset({"release_year"}),
    scopes={"genre": "genre_rows"},
    constant={"artist": "artist_id", "release_year": "release_year"},
    covers={"artist_id": frozenset({"title", "release_year", "artist", *MOMENTS})},
)

TRACKS = Listing(
    model=Track,
    columns=track_columns(),
    sorts={
        "title": "title_key",
        "album": "album_key",
        "artist": "artist_key",
        "duration_ms": "duration_ms",
        "release_year": "release_year",
        "position": "position",
        **MOMENTS,
    },
    filters={
        "q": Asked(Track, "q"),
        "title": Words(Track, "title"),
        "artist": Words(Artist, "artist", "artist"),
        "artist_id": having(artist_id="artist_id"),
        "album": Words(Album, "album", "album"),
        "album_id": having(album_id="album_id"),
        "mbid": having(mbid="mbid"),
        "isrc": having(isrc="isrc"),
        "release_year_from": Bound("release_year", ">=", "release_year_from"),
        "release_year_to": Bound("release_year", "<=", "release_year_to"),
        "duration_ms_from": Bound("duration_ms", ">=", "duration_ms_from"),
        "duration_ms_to": Bound("duration_ms", "<=", "duration_ms_to"),
        **OF_GENRE,
        **SINCE,
    },
    nullable=frozenset({"release_year", "duration_ms"}),
    scopes={"genre": "genre_rows"},
    constant={"artist": "artist_id"},
    covers={
        "artist_id": frozenset(
            {"title", "album", "artist", "duration_ms", "release_year", *MOMENTS}
        ),
        "album_id": frozenset({"position"}),
    },
)

GENRES = Listing(
    model=Genre,
    columns={"id": text_id("id"), "name": F("name"), **TIMES},
    sorts={"name": "name_key", **MOMENTS},
    filters={"q": Asked(Genre, "q"), **SINCE},
    default="name",
)
