"""One question to all of the library, over HTTP."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple

import msgspec
from django.http import HttpResponse
from msgspec import Meta

from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import reader, reader_id
from vivace.api.conditional import answer
from vivace.api.controller import Api
from vivace.api.filters import Text
from vivace.api.parameters import Query
from vivace.api.shapes import album, artist, playlist, track
from vivace.catalogue.entries import END
from vivace.catalogue.folding import fold, ways_of
from vivace.catalogue.lists import Row
from vivace.listening import kept
from vivace.listening.kinds import KINDS, Hit
from vivace.listening.search import search

LIMIT_MAX = 100
NO_HITS = b"[]"
ANY_KIND = "|".join(KINDS)

Types = Annotated[
    str,
    Meta(
        pattern=f"^({ANY_KIND})(,({ANY_KIND})){{0,{len(KINDS) - 1}}}{END}",
        description="What to look for, of " + ", ".join(KINDS),
        examples=["artist,album"],
    ),
]
Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Answers of each type")]


class SearchQuery(msgspec.Struct):
    q: Text
    type: Types = ",".join(KINDS)
    limit: Limit = 10


class Search(Api):
    tags = ("search",)

    @answers(schemas.Found, etag=True, auth=[reader])
    def get(self, parsed_query: Query[SearchQuery]) -> HttpResponse:
        """Find artists, albums, tracks and playlists."""
        asked, kinds = parsed_query, dict.fromkeys(parsed_query.type.split(","))
        keys = kept.keys_of(fold(asked.q), kinds, asked.limit)
        told = kept.holding(keys)
        new = [kind for kind in kinds if kind not in told]
        anything = any(hits != NO_HITS for hits in told.values())
        found = search(asked.q, new, asked.limit, reader_id(self.request), is_answered=anything)
        for kind, result in found.items():
            told[kind] = msgspec.json.encode([shown(kind, hit) for hit in result.hits])
            if kind in keys:
                kept.keep(keys[kind], told[kind], result.favourites)
        shaped: dict[str, Any] = {f"{kind}s": msgspec.Raw(hits) for kind, hits in told.items()}
        return answer(self.request, schemas.Found(**shaped))


# --- From hits to shapes ---------------------------------------------------------------------


Texts = Iterator[tuple[schemas.Field, str | None]]


class Look(NamedTuple):
    """How a kind is shown: itself, as a hit, and which texts of it may have been asked for."""

    shape: Callable[[Row], Any]
    hit: Callable[..., schemas.Hit]
    texts: Callable[[Any], Texts]


def artist_texts(found: schemas.Artist) -> Texts:
    yield "name", found.name
    yield "sort_name", found.sort_name


def album_texts(found: schemas.Album) -> Texts:
    yield "title", found.title
    yield from shared_texts(found)


def track_texts(found: schemas.Track) -> Texts:
    yield "title", found.title
    yield "album", found.album.title
    yield "composer", found.composer
    yield from shared_texts(found)


def shared_texts(found: schemas.Album | schemas.Track) -> Texts:
    yield "artist", found.artist.name
    # Both are JSON as the database made it.
    for genre in msgspec.json.decode(found.genres):  # type: ignore[call-overload]
        yield "genre", genre
    for credit in msgspec.json.decode(found.credits):  # type: ignore[call-overload]
        yield "credit", credit["name"]


def playlist_texts(found: schemas.Playlist) -> Texts:
    yield "name", found.name


LOOKS = {
    "artist": Look(artist, schemas.ArtistHit, artist_texts),
    "album": Look(album, schemas.AlbumHit, album_texts),
    "track": Look(track, schemas.TrackHit, track_texts),
    "playlist": Look(playlist, schemas.PlaylistHit, playlist_texts),
}


def shown(kind: str, hit: Hit) -> schemas.Hit:
    look = LOOKS[kind]
    item = look.shape(hit.row)
    matched = [
        schemas.Matched(field, piece)
        for field, text in look.texts(item)
        if text
        for piece in text.split()
        if not ways_of(fold(piece)).isdisjoint(hit.words)
    ]
    return look.hit(hit.score, matched, item)
