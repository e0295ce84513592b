"""Ways in which a library changes that are not the API's: models saved, rows moved."""

from collections.abc import Callable
from typing import Any

from tests.searching import Shelf
from vivace.catalogue.models import Album, Artist, Genre, Track


def rename(model: type[Any], name: str, column: str = "name", **which: Any) -> None:
    first = model.objects.filter(**which).order_by("pk").first()
    setattr(first, column, name)
    first.save()


def other_genre(track: str) -> None:
    """As the admin's pages do it."""
    row = Track.objects.get(pk=track).genre_rows.get()
    row.genre = Genre.objects.get(name="Electronic")
    row.save()


def hand_over(track: str, other: str) -> None:
    Track.objects.get(pk=track).genre_rows.update(track_id=other)


CHANGES: dict[str, Callable[[Shelf], Any]] = {
    "an artist's name": lambda _: rename(Artist, "Ferrum Virgo"),
    "an album's title": lambda _: rename(Album, "Peace of Mind", "title"),
    "a track's title": lambda _: rename(Track, "The Soldier", "title"),
    "a composer": lambda _: rename(Track, "Bruce Dickinson", "composer"),
    "a genre's name": lambda _: rename(Genre, "NWOBHM"),
    "a credited artist's name": lambda shelf: rename(Artist, "H", pk=shelf.adrian),
    "a credited artist": lambda shelf: Artist.objects.get(pk=shelf.adrian).delete(),
    "one track gone": lambda shelf: Track.objects.get(pk=shelf.army).delete(),
    "a genre in its place": lambda shelf: other_genre(shelf.trooper),
    "whose genre it is": lambda shelf: hand_over(shelf.trooper, shelf.army),
    "a track's artist": lambda shelf: move(shelf.army, artist_id=shelf.maiden),
    "where a track is": lambda shelf: move(shelf.army, album_id=shelf.piece),
    "no genres": lambda shelf: Track.objects.get(pk=shelf.trooper).genre_rows.all().delete(),
    "no credits": lambda shelf: Track.objects.get(pk=shelf.trooper).credits.all().delete(),
    "all tracks gone": lambda _: Track.objects.all().delete(),
}


def move(track: str, **to: str) -> None:
    entry = Track.objects.get(pk=track)
    for name, value in to.items():
        setattr(entry, name, value)
    entry.save()
