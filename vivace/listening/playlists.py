"""What one does with a playlist.

Every change to its items is one transaction that holds the playlist's row, so two at once follow
one another; `check` is called when it is held, and what it raises undoes the change. Indexes count
from 0 without gaps; see `PlaylistItem` for what is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, When
from django.db.models.expressions import Combinable

from vivace.accounts import people
from vivace.catalogue import bulk
from vivace.catalogue.fields import timestamp
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.models import Track
from vivace.catalogue.statements import any_of, columns, fetched
from vivace.catalogue.vocabulary import learn
from vivace.listening.models import Playlist, PlaylistItem
from vivace.problems import Conflict, Fault, Forbidden, NotFound

MAX_ITEMS = 10_000
"""Of one playlist: its items can then always be listed, replaced and renumbered at once."""

MAX_FAULTS = 100

TABLE, ITEMS = Playlist._meta.db_table, PlaylistItem._meta.db_table

Check = Callable[[], None]


# What is asked with each request to a playlist is written out: the ORM would take as long to write
# it as the database to answer it.

READABLE = f"SELECT {columns(Playlist)} FROM {TABLE} WHERE id = %s AND (owner_id = %s OR public)"
"""An account's own playlists and everyone's public ones."""


def to_read(account_id: int | None, playlist_id: int) -> Playlist:
    """The playlist. Someone else's private one is `NotFound`, as if there were none."""
    for playlist in Playlist.objects.raw(READABLE, [playlist_id, account_id]):
        return playlist
    raise NotFound("There is no such playlist")


def to_change(account_id: int, playlist_id: int) -> Playlist:
    """The playlist. Someone else's public one is `Forbidden`."""
    playlist = to_read(account_id, playlist_id)
    if playlist.owner_id != account_id:
        raise Forbidden("Only its owner may change a playlist")
    return playlist


@transaction.atomic
def create(owner_id: int, **fields: Any) -> Playlist:
    """Raises `Unauthenticated` where the account has gone."""
    return Playlist.objects.create(owner=people.active(owner_id, for_more=True), **fields)


def change(playlist: Playlist, *, check: Check = lambda: None, **fields: Any) -> None:
    if "name" in fields:
        fields["name_key"] = fold(fields["name"])
        fields["name_words"] = spellings(fields["name_key"])
    with changing(playlist, check):
        Playlist.objects.filter(pk=playlist.pk).update(**fields)
        if "name_words" in fields:
            learn([fields["name_words"]])


def delete(playlist: Playlist, *, check: Check = lambda: None) -> None:
    with changing(playlist, check):
        Playlist.objects.filter(pk=playlist.pk).delete()


def add(
    playlist: Playlist,
    track_ids: Sequence[int],
    index: int | None = None,
    *,
    check: Check = lambda: None,
) -> Sequence[int]:
    """The ids of the new items, which stand together from `index` on, or at the end."""
    with changing(playlist, check):
        count, free = extent(playlist)
        check_size(count + len(track_ids))
        check_known(track_ids)
        index = checked_index(index, count)
        if index < count:
            free = make_room(playlist, index, len(track_ids))
        return insert(playlist, track_ids, free)


def move(playlist: Playlist, item_id: int, index: int, *, check: Check = lambda: None) -> None:
    """Let the item stand at `index`, and the others close up around it."""
    with changing(playlist, check):
        start = item_of(playlist, item_id).position
        end = position_at(playlist, checked_index(index, playlist.items.count() - 1))
        step = -1 if end > start else 1
        moved = playlist.items.filter(position__range=sorted((start, end)))
        others = F("position") + step
        renumber(playlist, moved, Case(When(pk=item_id, then=end), default=others))


def remove(playlist: Playlist, item_id: int, *, check: Check = lambda: None) -> None:
    with changing(playlist, check):
        item_of(playlist, item_id).delete()


def replace(
    playlist: Playlist, track_ids: Sequence[int], *, check: Check = lambda: None
) -> Sequence[int]:
    """The ids of the new items, which take the place of all there were."""
    with changing(playlist, check):
        check_size(len(track_ids))
        check_known(track_ids)
        playlist.items.all().delete()
        return insert(playlist, track_ids, 0)


def positions(playlist: Playlist) -> Sequence[int]:
    """The stored positions, ascending: an item's index is where its own stands among them."""
    found = fetched(
        f"SELECT position FROM {ITEMS} WHERE playlist_id = %s ORDER BY position", [playlist.pk]
    )
    return [position for (position,) in found]


# --- Within a change -------------------------------------------------------------------------


@contextmanager
def changing(playlist: Playlist, check: Check) -> Iterator[None]:
    """A transaction in which nobody else changes the playlist; its time moves at the end."""
    with transaction.atomic():
        if not held(f"SELECT id FROM {TABLE} WHERE id = %s", [playlist.pk], "FOR UPDATE"):
            raise NotFound("There is no such playlist")
        check()
        yield
        with connection.cursor() as cursor:
            moved = f"UPDATE {TABLE} SET updated_at = %s WHERE id = %s"
            cursor.execute(moved, [timestamp(), playlist.pk])


def held(sql: str, values: Sequence[Any], how: str) -> list[Any]:
    """The rows, that nobody else changes until the transaction ends.

    SQLite has taken its write lock by now and knows no locks of rows.
    """
    return fetched(f"{sql} {how}" if connection.vendor == "postgresql" else sql, values)


def item_of(playlist: Playlist, item_id: int) -> PlaylistItem:
    item = playlist.items.filter(pk=item_id).first()
    if item is None:
        raise NotFound("There is no such item")
    return item


def check_size(size: int) -> None:
    if size > MAX_ITEMS:
        detail = f"A playlist holds up to {MAX_ITEMS:,} items; there would be {size:,}"
        raise Conflict(detail, errors=[Fault(detail, pointer="/track_ids")])


def check_known(track_ids: Sequence[int]) -> None:
    these, values = any_of({*track_ids})
    # Held, so that none leaves the library before its item is there to leave with it; in one
    # order, so that no two wait for each other.
    tracks = f"SELECT id FROM {Track._meta.db_table} WHERE id {these} ORDER BY id"
    known = {id_ for (id_,) in held(tracks, values, "FOR NO KEY UPDATE")}
    unknown = [number for number, track_id in enumerate(track_ids) if track_id not in known]
    if unknown:
        faults = [Fault("There is no such track", f"/track_ids/{n}") for n in unknown[:MAX_FAULTS]]
        raise Conflict(f"{len(unknown):,} of the tracks are not in the library", errors=faults)


def checked_index(index: int | None, last: int) -> int:
    """The index, `last` where none is asked for."""
    if index is None:
        return last
    if not 0 <= index <= last:
        detail = f"It is between 0 and {last}"
        raise Conflict(f"There is no position {index}", errors=[Fault(detail, pointer="/position")])
    return index


def extent(playlist: Playlist) -> tuple[int, int]:
    """How many items there are, and the first free position behind them."""
    [(count, free)] = fetched(
        f"SELECT count(*), coalesce(max(position) + 1, 0) FROM {ITEMS} WHERE playlist_id = %s",
        [playlist.pk],
    )
    return count, free


def position_at(playlist: Playlist, index: int) -> int:
    """What is stored as the position of the item at `index`.

    A free one beyond the last: tracks leave the library at any time, and take their items along.
    """
    positions = playlist.items.order_by("position").values_list("position", flat=True)
    found: int | None = positions[index : index + 1].first()
    return extent(playlist)[1] if found is None else found


def make_room(playlist: Playlist, index: int, size: int) -> int:
    """The first of `size` free positions before the item at `index`."""
    position = position_at(playlist, index)
    following = playlist.items.filter(position__gte=position)
    renumber(playlist, following, F("position") + size)
    return position


def renumber(playlist: Playlist, items: QuerySet[PlaylistItem], position: Combinable) -> None:
    # By way of negative ones: that no two are the same is checked row by row.
    items.update(position=-1 - position)
    playlist.items.filter(position__lt=0).update(position=-1 - F("position"))


def insert(playlist: Playlist, track_ids: Sequence[int], position: int) -> Sequence[int]:
    ids = bulk.reserve_ids(PlaylistItem, len(track_ids))
    added_at = timestamp()
    rows = (
        (item_id, playlist.pk, track_id, position + number, added_at)
        for number, (item_id, track_id) in enumerate(zip(ids, track_ids, strict=True))
    )
    bulk.insert(PlaylistItem, ["id", "playlist_id", "track_id", "position", "added_at"], rows)
    return ids
