"""How playlists, their items and favourites are listed."""

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from vivace.catalogue.filters import Asked, AskedOfAny, having
from vivace.catalogue.listings import (
    MOMENTS,
    SINCE,
    TIMES,
    album_columns,
    artist_columns,
    text_id,
    track_columns,
)
from vivace.catalogue.lists import Listing
from vivace.catalogue.models import Album, Artist, Track
from vivace.catalogue.statements import Param
from vivace.listening.models import Favourite, Playlist, PlaylistItem

ITEMS_OF = PlaylistItem.objects.filter(playlist=OuterRef("pk")).order_by().values("playlist")

READABLE = (
    " JOIN listening_playlist playlist ON playlist.id = found.rowid"
    " WHERE playlist.owner_id = %s OR playlist.public"
)

PLAYLISTS = Listing(
    model=Playlist,
    columns={
        "id": text_id("id"),
        "name": F("name"),
        "description": F("description"),
        "public": F("public"),
        "owner_id": text_id("owner_id"),
        "owner_name": F("owner__username"),
        "track_count": Coalesce(Subquery(ITEMS_OF.values(number=Count("id"))), 0),
        **TIMES,
    },
    sorts={"name": "name_key", **MOMENTS},
    filters={
        "reader_id": lambda: Q(owner_id=Param("reader_id")) | Q(public=True),
        "owner_id": having(owner_id="owner_id"),
        "public": having(public="public"),
        "q": Asked(Playlist, "q", seen=READABLE),
        **SINCE,
    },
)

# Neither an item nor a favourite ever changes: an item's place is its playlist's affair.
ITEMS = Listing(
    model=PlaylistItem,
    columns={
        "id": text_id("id"),
        "position": F("position"),
        "added_at": F("added_at"),
        **{f"track_{name}": column for name, column in track_columns("track__").items()},
    },
    sorts={"position": "position"},
    filters={
        "playlist_id": having(playlist_id="playlist_id"),
        "q": Asked(Track, "q", "track"),
        "updated_since": having(added_at__gte="updated_since"),
        "ids": SINCE["ids"],
    },
    default="position",
)

FAVOURITES = Listing(
    model=Favourite,
    columns={
        "id": text_id("id"),
        "created_at": F("created_at"),
        **{f"artist_{name}": column for name, column in artist_columns("artist__").items()},
        **{f"album_{name}": column for name, column in album_columns("album__").items()},
        **{f"track_{name}": column for name, column in track_columns("track__").items()},
    },
    sorts={"created_at": "created_at"},
    filters={
        "account_id": having(account_id="account_id"),
        "q": AskedOfAny(
            (
                Asked(Artist, "artist", "artist"),
                Asked(Album, "album", "album"),
                Asked(Track, "track", "track"),
            )
        ),
        "artist": lambda: Q(artist__isnull=False),
        "album": lambda: Q(album__isnull=False),
        "track": lambda: Q(track__isnull=False),
        "updated_since": having(created_at__gte="updated_since"),
        "ids": SINCE["ids"],
    },
)
