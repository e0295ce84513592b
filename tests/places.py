"""Something of everything, and where it is found."""

from itertools import count
from typing import Any

from django.apps import apps
from django.db import connection

from tests import builders
from tests.client import Person
from vivace.accounts.models import ApiKey, User
from vivace.listening.models import Favourite, Playlist, PlaylistItem


class Everything:
    """A library in which every collection has `size` things that `owner` may see.

    They differ in name only. Each album and track has genres and a second artist.
    """

    def __init__(self, owner: Person, size: int = 1) -> None:
        self.owner = owner
        artists = builders.artists([{"name": f"Artist {n}"} for n in range(max(size, 2))])
        first, second = artists[:2]
        told: dict[str, Any] = {
            "artist_id": first,
            "credits": [{"artist_id": first}, {"artist_id": second, "role": "guest"}],
        }
        genres = [f"Genre {n}" for n in range(size)]
        albums = builders.albums(
            [{"title": f"Album {n}", "genres": genres[:2], **told} for n in range(size)]
        )
        tracks = builders.tracks(
            [
                {"title": f"Track {n}", "album_id": albums[0], "genres": [genre, "Other"], **told}
                for n, genre in enumerate(genres)
            ]
        )
        playlists = Playlist.objects.bulk_create(
            Playlist(owner_id=owner.account_id, name=f"List {n}", name_key=f"list {n}")
            for n in range(size)
        )
        items = PlaylistItem.objects.bulk_create(
            PlaylistItem(playlist=playlists[0], track_id=int(track), position=n)
            for n, track in enumerate(tracks)
        )
        Favourite.objects.bulk_create(
            Favourite(account_id=owner.account_id, track_id=int(track)) for track in tracks
        )
        keys = ApiKey.objects.bulk_create(
            ApiKey(user_id=owner.account_id, name=f"Key {n}", digest=f"{n:064}")
            for n in range(size)
        )
        users = User.objects.bulk_create(
            User(
                username=f"user{n}",
                username_key=f"user{n}",
                email=f"user{n}@example.org",
                email_key=f"user{n}@example.org",
            )
            for n in range(size)
        )
        self.ids = {
            "artists": first,
            "albums": albums[0],
            "tracks": tracks[0],
            "playlists": str(playlists[0].pk),
            "items": str(items[0].pk),
            "api-keys": str(keys[0].pk),
            "users": str(users[0].pk),
        }

    def path(self, template: str) -> str:
        """A path as the router has it, with the ids of what is there."""
        parts = template.replace("<kind>", "tracks").split("/")
        filled = [
            self.ids[before] if part in {"<id>", "<item_id>"} else part
            for before, part in zip(["", *parts], parts, strict=False)
        ]
        return "/".join(filled)

    def query(self, template: str) -> dict[str, str]:
        """What has to be asked there."""
        return {"q": "track"} if template == "search" else {}


def stored() -> dict[str, list[Any]]:
    """Every row there is."""
    tables = [
        model._meta.db_table
        for model in apps.get_models()
        if model.__module__.startswith("vivace.")
    ]
    rows = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
            rows[table] = cursor.fetchall()
    return rows


names = count()


def bodies(there: Everything) -> dict[str, Any]:
    """A body that each operation takes, of a thing that is not there yet."""
    artist, album, track = (there.ids[kind] for kind in ("artists", "albums", "tracks"))
    name = f"New {next(names)}"
    new_album = {"title": name, "artist_id": artist}
    new_track = {**new_album, "album_id": album}
    return {
        "POST artists": {"name": name},
        "POST artists/bulk": [{"name": name}],
        "PATCH artists/<id>": {"name": name},
        "PUT artists/<id>": {"name": name},
        "POST albums": new_album,
        "POST albums/bulk": [new_album],
        "PATCH albums/<id>": {"title": name},
        "PUT albums/<id>": new_album,
        "POST tracks": new_track,
        "POST tracks/bulk": [new_track],
        "PATCH tracks/<id>": {"title": name},
        "PUT tracks/<id>": new_track,
        "POST playlists": {"name": name},
        "PATCH playlists/<id>": {"name": name},
        "POST playlists/<id>/items": {"track_ids": [track]},
        "PUT playlists/<id>/items": {"track_ids": [track]},
        "PATCH playlists/<id>/items/<item_id>": {"position": 0},
        "POST me/api-keys": {"name": name},
        "PATCH users/<id>": {"is_active": True},
    }
