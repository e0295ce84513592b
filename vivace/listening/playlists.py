"""What one does with a playlist.

Every change to its items is one transaction that holds the playlist's row, so two at once follow
one another; `check` is called when it is held, and what it raises undoes the change. Each raises
`NotFound` for what its account may not read, and `Forbidden` for what it may not change. Indexes
count from 0 without gaps; see `PlaylistItem` for what is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, When
from django.db.models.expressions import Combinable

from vivace.accounts import people
from vivace.catalogue.fields import timestamp
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.models import Track
from vivace.catalogue.statements import fetched, many, run
from vivace.catalogue.vocabulary import learn
from vivace.listening.models import Playlist, PlaylistItem
from vivace.problems import MAX_FAULTS, Conflict, Fault, Forbidden, NotFound

MAX_ITEMS = 10_000
"""Of one playlist: its items can then always be listed, replaced and renumbered at once."""

TABLE, ITEMS = Playlist._meta.db_table, PlaylistItem._meta.db_table
TRACKS = Track._meta.db_table

Check = Callable[[], None]


class Own(NamedTuple):
    """A playlist that an account means to change as its own."""

    account_id: int
    id: int

    @property
    def items(self) -> QuerySet[PlaylistItem]:
        return PlaylistItem.objects.filter(playlist_id=self.id)


# What is asked with each request to a playlist is written out: the ORM would take as long to write
# it as the database to answer it.

READABLE = f"SELECT id FROM {TABLE} WHERE id = %s AND (owner_id = %s OR public)"
"""An account's own playlists and everyone's public ones."""

OWNED = f"SELECT id FROM {TABLE} WHERE id = %s AND owner_id = %s"

HELD = f"SELECT id FROM {TRACKS} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"
"""Tracks that do not leave the library before their items are there to leave with them; in one
order, so that who adds and who removes them do not wait for each other. Others may add them, too,
or change them."""

ADDED = {
    "sqlite": f"""
        INSERT INTO {ITEMS} (playlist_id, track_id, position, added_at)
        SELECT %s, known.id, %s + given.key, %s
        FROM json_each(%s) AS given JOIN {TRACKS} known ON known.id = given.value
        RETURNING position, id
    """,
    "postgresql": f"""
        INSERT INTO {ITEMS} (playlist_id, track_id, position, added_at)
        WITH known AS MATERIALIZED ({HELD})
        SELECT %s, known.id, %s + given.number - 1, %s::timestamptz
        FROM unnest(%s::bigint[]) WITH ORDINALITY AS given(id, number) JOIN known USING (id)
        RETURNING position, id
    """,
}
"""Items of those tracks that there are, each at its place."""


def check_readable(account_id: int | None, playlist_id: int) -> None:
    """Someone else's private one is `NotFound`, as if there were none."""
    if not fetched(READABLE, [playlist_id, account_id]):
        raise NotFound("There is no such playlist")


@transaction.atomic
def create(owner_id: int, **fields: Any) -> Playlist:
    """Raises `Unauthenticated` where the account has gone."""
    return Playlist.objects.create(owner=people.active(owner_id, for_more=True), **fields)


def change(playlist: Own, *, check: Check = lambda: None, **fields: Any) -> None:
    if "name" in fields:
        fields["name_key"] = fold(fields["name"])
        fields["name_words"] = spellings(fields["name_key"])
    with changing(playlist, check):
        Playlist.objects.filter(pk=playlist.id).update(**fields)
        if "name_words" in fields:
            learn([fields["name_words"]])


def delete(playlist: Own, *, check: Check = lambda: None) -> None:
    with changing(playlist, check):
        Playlist.objects.filter(pk=playlist.id).delete()


def add(
    playlist: Own,
    track_ids: Sequence[int],
    index: int | None = None,
    *,
    check: Check = lambda: None,
) -> Sequence[int]:
    """The ids of the new items, which stand together from `index` on, or at the end."""
    with changing(playlist, check):
        count, free = extent(playlist)
        check_size(count + len(track_ids))
        index = checked_index(index, count)
        if index < count:
            hold(track_ids)
            free = make_room(playlist, index, len(track_ids))
        return insert(playlist, track_ids, free)


def move(playlist: Own, item_id: int, index: int, *, check: Check = lambda: None) -> None:
    """Let the item stand at `index`, and the others close up around it."""
    with changing(playlist, check):
        start = item_of(playlist, item_id).position
        end = position_at(playlist, checked_index(index, playlist.items.count() - 1))
        step = -1 if end > start else 1
        moved = playlist.items.filter(position__range=sorted((start, end)))
        others = F("position") + step
        renumber(playlist, moved, Case(When(pk=item_id, then=end), default=others))


def remove(playlist: Own, item_id: int, *, check: Check = lambda: None) -> None:
    with changing(playlist, check):
        item_of(playlist, item_id).delete()


def replace(
    playlist: Own, track_ids: Sequence[int], *, check: Check = lambda: None
) -> Sequence[int]:
    """The ids of the new items, which take the place of all there were."""
    with changing(playlist, check):
        check_size(len(track_ids))
        hold(track_ids)
        playlist.items.delete()
        return insert(playlist, track_ids, 0)


def positions(playlist_id: int) -> Sequence[int]:
    """The stored positions, ascending: an item's index is where its own stands among them."""
    found = fetched(
        f"SELECT position FROM {ITEMS} WHERE playlist_id = %s ORDER BY position", [playlist_id]
    )
    return [position for (position,) in found]


# --- Within a change -------------------------------------------------------------------------


@contextmanager
def changing(playlist: Own, check: Check) -> Iterator[None]:
    """A transaction in which nobody else changes the playlist; its time moves at the end."""
    # SQLite has taken its write lock by then and knows no locks of rows.
    how = " FOR UPDATE" if connection.vendor == "postgresql" else ""
    with transaction.atomic():
        if not fetched(OWNED + how, [playlist.id, playlist.account_id]):
            check_readable(playlist.account_id, playlist.id)
            raise Forbidden("Only its owner may change a playlist")
        check()
        yield
        run(f"UPDATE {TABLE} SET updated_at = %s WHERE id = %s", [timestamp(), playlist.id])


def item_of(playlist: Own, item_id: int) -> PlaylistItem:
    item = playlist.items.filter(pk=item_id).first()
    if item is None:
        raise NotFound("There is no such item")
    return item


def check_size(size: int) -> None:
    if size > MAX_ITEMS:
        detail = f"A playlist holds up to {MAX_ITEMS:,} items; there would be {size:,}"
        raise Conflict(detail, errors=[Fault(detail, pointer="/track_ids")])


def hold(track_ids: Sequence[int]) -> None:
    """Before items give way: who removes a track holds it, and goes on to its items."""
    if connection.vendor == "postgresql":
        fetched(f"SELECT count(*) FROM ({HELD}) AS held", [many(track_ids)])


def checked_index(index: int | None, last: int) -> int:
    """The index, `last` where none is asked for."""
    if index is None:
        return last
    if not 0 <= index <= last:
        detail = f"It is between 0 and {last}"
        raise Conflict(f"There is no position {index}", errors=[Fault(detail, pointer="/position")])
    return index


def extent(playlist: Own) -> tuple[int, int]:
    """How many items there are, and the first free position behind them."""
    [(count, free)] = fetched(
        f"SELECT count(*), coalesce(max(position) + 1, 0) FROM {ITEMS} WHERE playlist_id = %s",
        [playlist.id],
    )
    return count, free


def position_at(playlist: Own, index: int) -> int:
    """What is stored as the position of the item at `index`.

    A free one beyond the last: tracks leave the library at any time, and take their items along.
    """
    positions = playlist.items.order_by("position").values_list("position", flat=True)
    found: int | None = positions[index : index + 1].first()
    return extent(playlist)[1] if found is None else found


def make_room(playlist: Own, index: int, size: int) -> int:
    """The first of `size` free positions before the item at `index`."""
    position = position_at(playlist, index)
    following = playlist.items.filter(position__gte=position)
    renumber(playlist, following, F("position") + size)
    return position


def renumber(playlist: Own, items: QuerySet[PlaylistItem], position: Combinable) -> None:
    # By way of negative ones: that no two are the same is checked row by row.
    items.update(position=-1 - position)
    playlist.items.filter(position__lt=0).update(position=-1 - F("position"))


def insert(playlist: Own, track_ids: Sequence[int], first: int) -> Sequence[int]:
    """The ids of new items, one for each track, which stand at `first` and behind it."""
    tracks = many(track_ids)
    values = [playlist.id, first, timestamp(), tracks]
    if connection.vendor == "postgresql":
        values.insert(0, tracks)
    made = {position - first: id_ for position, id_ in fetched(ADDED[connection.vendor], values)}
    if unknown := [number for number in range(len(track_ids)) if number not in made]:
        faults = [Fault("There is no such track", f"/track_ids/{n}") for n in unknown[:MAX_FAULTS]]
        raise Conflict(f"{len(unknown):,} of the tracks are not in the library", errors=faults)
    return [made[number] for number in range(len(track_ids))]
