"""One artist, album or track changed or removed.

The caller holds the transaction and the row's lock (`locked`). A name or MusicBrainz id that is
taken raises `Conflict` with a pointer to the field, and the whole transaction is undone.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils import timezone

from vivace.catalogue import additions
from vivace.catalogue.carried import seen_to
from vivace.catalogue.entries import (
    AlbumChanges,
    ArtistChanges,
    NewCredit,
    TrackChanges,
)
from vivace.catalogue.models import (
    Album,
    AlbumCredit,
    AlbumGenre,
    Artist,
    Entry,
    Track,
    TrackCredit,
    TrackGenre,
)
from vivace.problems import Conflict, Fault, NotFound

AT_ONCE = 10_000
"""SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535."""

REFERRED: tuple[tuple[str, type[Artist | Album]], ...] = (
    ("artist_id", Artist),
    ("album_id", Album),
)

Some = TypeVar("Some", bound=Entry)


def locked(model: type[Some], id_: int, asked: msgspec.Struct | None = None) -> Some:
    """The row, locked until the transaction ends. Raises `NotFound`.

    What is `asked` for may refer to another artist or album. That is held, too, as the row is to
    carry its names; and first, as whoever renames it goes on to what is of it. With nothing asked
    for, the row may be removed, and nobody lets another refer to it.
    """
    for field, referred in REFERRED:
        another = getattr(asked, field, msgspec.UNSET)
        if another is not msgspec.UNSET:
            hold(referred, int(another))
    rows = model._default_manager.select_for_update(no_key=asked is not None)
    found = rows.filter(pk=id_).first()
    if found is None:
        raise NotFound(f"There is no {model._meta.verbose_name} of that id")
    return found


def hold(model: type[Artist | Album], id_: int) -> None:
    """Nobody changes an artist or album until the transaction ends, if there is one."""
    additions.looked_up(model, "id", [id_], "id", held=True)


def change_artist(artist: Artist, changes: ArtistChanges) -> None:
    given = given_fields(changes)
    with saving(artist):
        store(artist, given)


def change_album(album: Album, changes: AlbumChanges) -> None:
    given = given_fields(changes)
    genres, credited = given.pop("genres", None), given.pop("credits", None)
    refer(given)
    # First, as where albums are added: of two who write the same, one waits for the other.
    named = None if genres is None else additions.genres_named([genres])
    with saving(album):
        store(album, given)
    if named is not None:
        AlbumGenre.objects.filter(album=album).delete()
        additions.add_genres(AlbumGenre, [album.pk], named)
    replace_credits(album, credited, moved="artist_id" in given)


def change_track(track: Track, changes: TrackChanges) -> None:
    given = given_fields(changes)
    genres, credited = given.pop("genres", None), given.pop("credits", None)
    if "isrc" in given:
        given["isrc"] = additions.bare_isrc(given["isrc"])
    refer(given)
    # First, as where tracks are added.
    named = None if genres is None else additions.genres_named([genres])
    with saving(track):
        store(track, given)
    if named is not None:
        TrackGenre.objects.filter(track=track).delete()
        additions.add_genres(TrackGenre, [track.pk], named)
    replace_credits(track, credited, moved="artist_id" in given)


def given_fields(changes: msgspec.Struct) -> dict[str, Any]:
    """The fields that are there, null or not."""
    asked = {name: getattr(changes, name) for name in changes.__struct_fields__}
    given = {name: value for name, value in asked.items() if value is not msgspec.UNSET}
    if given.get("mbid"):
        given["mbid"] = given["mbid"].lower()
    return given


def store(entry: Entry, given: dict[str, Any]) -> None:
    for name, value in given.items():
        setattr(entry, name, value)
    entry.updated_at = timezone.now()
    entry.save()


def refer(given: dict[str, Any]) -> None:
    """Resolve the ids of another artist or album. Raises `Conflict` where there is none."""
    for field, model in REFERRED:
        if field in given:
            found = model._default_manager.filter(pk=int(given[field])).first()
            if found is None:
                name = model._meta.verbose_name
                fault = Fault(f"There is no such {name}", pointer=f"/{field}")
                raise Conflict(fault.detail, errors=[fault])
            given[field] = found.pk


@contextmanager
def saving(entry: Entry) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Conflict("It is taken", errors=list(taken(entry))) from error


def taken(entry: Entry) -> Iterator[Fault]:
    others = type(entry)._default_manager.exclude(pk=entry.pk)
    if entry.mbid and others.filter(mbid=entry.mbid).exists():
        yield Fault("Another has this MusicBrainz id", pointer="/mbid")
    if isinstance(entry, Artist):
        same = Artist.objects.exclude(pk=entry.pk).filter(name_key=entry.name_key)
        if same.filter(disambiguation=entry.disambiguation).exists():
            yield Fault("Another artist has this name and disambiguation", pointer="/name")


def replace_credits(
    entry: Album | Track, credited: Sequence[NewCredit] | None, *, moved: bool
) -> None:
    """Store new credits; where only the artist changed, it takes the place of the first."""
    model = AlbumCredit if isinstance(entry, Album) else TrackCredit
    if credited is None:
        if moved:
            entry.credits.filter(position=0).update(
                artist=entry.artist, credited_as=entry.artist.name
            )
        return
    entry.credits.all().delete()
    stand_in = Credited(str(entry.artist_id), credited)
    with at_item():
        artists = additions.referred_artists([stand_in])  # type: ignore[list-item]
        additions.refuse_any(additions.unknown_artists(0, stand_in, artists))  # type: ignore[arg-type]
    additions.add_credits(model, [entry.pk], [stand_in], artists)  # type: ignore[list-item]


class Credited(msgspec.Struct):
    """Of an album or track, what its credits are checked with."""

    artist_id: str
    credits: Sequence[NewCredit]


@contextmanager
def at_item() -> Iterator[None]:
    """Faults of a list of one thing, pointed at the thing itself: `/0/name` is `/name`."""
    try:
        yield
    except Conflict as error:
        error.errors = [
            Fault(fault.detail, pointer=(fault.pointer or "").removeprefix("/0"))
            for fault in error.errors
        ]
        raise


def remove_artist(artist: Artist, *, cascade: bool) -> None:
    """Remove an artist, and with `cascade` its albums and tracks. Credits elsewhere go too."""
    # Held, as whoever removes an album holds it and goes on to its tracks.
    albums = list(artist.albums.order_by("pk").select_for_update().values_list("pk", flat=True))
    tracks = Track.objects.filter(artist=artist)
    credited = artist.album_credits.exists() or artist.track_credits.exists()
    if not cascade and (albums or tracks.exists() or credited):
        raise Conflict("The artist still has albums, tracks or credits; ?cascade=true removes them")
    with seen_to():
        doomed = {*tracks.values_list("pk", flat=True)}
        # By their ids: a condition on either of two joined tables has every track read.
        for some in parts(albums):
            on_them = Track.objects.filter(album__in=some)
            doomed.update(on_them.values_list("pk", flat=True))
        remove_tracks(doomed)
        for some in parts(albums):
            Album.objects.filter(pk__in=some).delete()
    withdraw_credits(AlbumCredit, "album_id", artist)
    withdraw_credits(TrackCredit, "track_id", artist)
    artist.delete()


def withdraw_credits(model: type[AlbumCredit | TrackCredit], owner: str, artist: Artist) -> None:
    """Remove an artist's credits, and those that then say no more than who the artist is."""
    credits_of_artist = model._default_manager.filter(artist=artist)
    owners = list(credits_of_artist.values_list(owner, flat=True))
    credits_of_artist.delete()
    plain = {"role": "main", "credited_as": F("artist__name")}
    for some in parts(owners):
        left = model._default_manager.filter(**{f"{owner}__in": some})
        alone = left.values(owner).annotate(count=Count("id")).filter(count=1).values(owner)
        doomed = left.filter(**{f"{owner}__in": alone}, **plain).values_list("id", flat=True)
        model._default_manager.filter(pk__in=list(doomed)).delete()


def parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """As many at once as a statement may have parameters, twice."""
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


def remove_album(album: Album, *, cascade: bool) -> None:
    """Remove an album, and with `cascade` its tracks."""
    if not cascade and album.tracks.exists():
        raise Conflict("The album still has tracks; ?cascade=true removes them")
    with seen_to():
        remove_tracks(album.tracks.values_list("pk", flat=True))
        album.delete()


def remove_tracks(ids: Iterable[int]) -> None:
    """Some at a time: their rows elsewhere are looked for by their ids, each a parameter.

    All are held first, in their order, as who puts them on a playlist holds them and goes on to
    its items.
    """
    in_order = sorted(ids)
    for some in parts(in_order):
        held = Track.objects.filter(pk__in=some).order_by("pk").select_for_update()
        list(held.values_list("pk", flat=True))
    for some in parts(in_order):
        Track.objects.filter(pk__in=some).delete()
