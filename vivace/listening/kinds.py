"""What can be found, what makes one of it more popular than another, and what a hit is."""

from collections.abc import Mapping
from typing import NamedTuple

from vivace.catalogue.listings import ALBUMS, ARTISTS, TRACKS
from vivace.catalogue.lists import Listing, Row
from vivace.listening.lists import PLAYLISTS

COUNTED = 20
"""More than these are as many: so much is counted of each thing."""


class Kind(NamedTuple):
    listing: Listing
    key: str
    favourites: str
    size: str
    """SQL for how many favour a row, `named`, and for how much there is of it."""
    reader: str = ""
    """The condition that an account, `%s`, may see it."""

    @property
    def table(self) -> str:
        return self.listing.model._meta.db_table


def favourites(kind: str) -> str:
    return counted("listening_favourite", f"{kind}_id")


def counted(table: str, column: str) -> str:
    rows = f"SELECT 1 FROM {table} WHERE {column} = named.id LIMIT {COUNTED}"
    return f"(SELECT count(*) FROM ({rows}) AS counted)"


def tracks(column: str) -> str:
    return counted("catalogue_track", column)


ITEMS = counted("listening_playlistitem", "playlist_id")

KINDS: Mapping[str, Kind] = {
    "artist": Kind(ARTISTS, "name_key", favourites("artist"), tracks("artist_id")),
    "album": Kind(ALBUMS, "title_key", favourites("album"), tracks("album_id")),
    "track": Kind(TRACKS, "title_key", favourites("track"), "0"),
    "playlist": Kind(PLAYLISTS, "name_key", "0", ITEMS, "(owner_id = %s OR public)"),
}


class Hit(NamedTuple):
    row: Row
    """The columns of the kind's listing."""
    score: float
    words: frozenset[str]
    """The words that were found."""
