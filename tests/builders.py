"""Small things to fill a library with. Ids are as on the wire; what is not given is unknown."""

from collections.abc import Sequence
from typing import Any

from vivace.catalogue import additions
from vivace.catalogue.entries import NewAlbum, NewArtist, NewCredit, NewTrack


def artist(name: str = "Nina Simone", **fields: Any) -> str:
    return artists([{"name": name, **fields}])[0]


def artists(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Artists of one moment: they have the same `created_at`."""
    return wired(additions.add_artists([NewArtist(**entry) for entry in entries]))


def album(title: str = "Pastel Blues", *, by: str, **fields: Any) -> str:
    return albums([{"title": title, "artist_id": by, **fields}])[0]


def albums(entries: Sequence[dict[str, Any]]) -> list[str]:
    made = [NewAlbum(**{**entry, "credits": credited(entry)}) for entry in entries]
    return wired(additions.add_albums(made))


def track(title: str = "Sinnerman", *, by: str, on: str, **fields: Any) -> str:
    return tracks([{"title": title, "artist_id": by, "album_id": on, **fields}])[0]


def tracks(entries: Sequence[dict[str, Any]]) -> list[str]:
    made = [NewTrack(**{**entry, "credits": credited(entry)}) for entry in entries]
    return wired(additions.add_tracks(made))


def credited(entry: dict[str, Any]) -> list[NewCredit]:
    return [NewCredit(**credit) for credit in entry.get("credits", [])]


def wired(ids: Sequence[int]) -> list[str]:
    return [str(id_) for id_ in ids]


def plain_tracks(count: int, *, by: str, on: str) -> list[str]:
    """Many tracks that differ in nothing but their title."""
    return tracks([{"title": f"{n:05}", "artist_id": by, "album_id": on} for n in range(count)])
