"""Playlist rows: whose they are, what they hold, and what is to be written of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection
from msgspec import UNSET, Struct

from vivace.accounts.models import User
from vivace.catalogue import bulk
from vivace.catalogue.fields import timestamp
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.statements import fetched
from vivace.catalogue.vocabulary import learn
from vivace.imports.entries import pair_of
from vivace.imports.known import Pair
from vivace.imports.library import asked
from vivace.imports.report import ImportReport
from vivace.imports.rows import PlaylistRow, RefusedError, RowError
from vivace.imports.tracks import Tracks
from vivace.listening.models import Playlist, PlaylistItem
from vivace.listening.playlists import MAX_ITEMS


class KnownPlaylist(Struct, eq=False):
    id: int
    name: str
    public: bool
    source: str | None
    source_id: str | None
    tracks: list[int]


class Known:
    """The playlists of the owner, and those that rows have added."""

    def __init__(self, playlists: Iterable[KnownPlaylist]) -> None:
        self.by_pair: dict[Pair, KnownPlaylist] = {}
        self.named: defaultdict[str, list[KnownPlaylist]] = defaultdict(list)
        for each in playlists:
            self.add(each)

    def add(self, playlist: KnownPlaylist) -> None:
        if playlist.source is not None and playlist.source_id is not None:
            self.by_pair.setdefault((playlist.source, playlist.source_id), playlist)
        self.named[fold(playlist.name)].append(playlist)

    def rename(self, playlist: KnownPlaylist, name: str) -> None:
        before, after = fold(playlist.name), fold(name)
        playlist.name = name
        if before != after:
            self.named[before].remove(playlist)
            self.named[after].append(playlist)

    def match(self, row: PlaylistRow) -> KnownPlaylist | None:
        """The playlist that a row means, by its source id or else by its name."""
        if pair := pair_of(row):
            return self.by_pair.get(pair)
        named = self.named[fold(row.name)]
        if len(named) > 1:
            raise RefusedError(f"name: {len(named)} playlists have it; a source_id says which")
        return named[0] if named else None


class Playlists:
    """Decides about playlist rows and holds what came of them."""

    def __init__(self, owner: User | None, report: ImportReport) -> None:
        self.owner = owner
        self.report = report
        self.known: Known | None = None
        self.new: list[KnownPlaylist] = []
        self.changed: dict[int, KnownPlaylist] = {}
        self.refilled: set[int] = set()
        self.stated: set[int] = set()
        """Those of which a row says whether they are public."""
        self.new_ids = iter(range(-1, -(2**62), -1))

    def plan(self, rows: Sequence[tuple[int, PlaylistRow]], tracks: Tracks) -> None:
        if self.known is None:
            self.known = Known(stored(self.owner) if self.owner else [])
        pairs = {pair for _, row in rows for pair in pairs_of(row)}
        ids = tracks.ids_from(pairs)
        for line, row in rows:
            try:
                self.decide(row, self.found(row, ids), self.known)
            except RefusedError as error:
                self.report.refuse(RowError(line, str(error)))

    def found(self, row: PlaylistRow, ids: dict[Pair, int]) -> list[int] | None:
        """The ids of a row's tracks; None where it names none, not even an empty list."""
        if self.owner is None:
            raise RefusedError("a playlist belongs to someone: give --owner USER")
        if row.tracks is UNSET:
            return None
        if row.tracks and not row.source:
            raise RefusedError("tracks: of which source? Give --source NAME or a source column")
        pairs = list(pairs_of(row))
        if len(pairs) > MAX_ITEMS:
            raise RefusedError(
                f"tracks: a playlist holds up to {MAX_ITEMS:,}, this has {len(pairs):,}"
            )
        if missing := [pair for pair in pairs if pair not in ids]:
            source, source_id = missing[0]
            raise RefusedError(
                f"tracks: {len(missing):,} of them are not in the library, "
                f"the first is {source_id!r} of {source!r}"
            )
        return [ids[pair] for pair in pairs]

    def decide(self, row: PlaylistRow, tracks: list[int] | None, known: Known) -> None:
        playlist = known.match(row)
        if playlist is None:
            source, source_id = pair_of(row) or (None, None)
            public = row.public is True
            playlist = KnownPlaylist(
                next(self.new_ids), row.name, public, source, source_id, tracks or []
            )
            self.new.append(playlist)
            known.add(playlist)
            self.report.added += 1
            return
        wanted = (row.name, playlist.public if row.public is UNSET else bool(row.public))
        if tracks is not None and tracks != playlist.tracks:
            playlist.tracks = tracks
            self.refilled.add(playlist.id)
        elif wanted == (playlist.name, playlist.public):
            self.report.unchanged += 1
            return
        known.rename(playlist, row.name)
        playlist.public = wanted[1]
        if row.public is not UNSET:
            self.stated.add(playlist.id)
        self.report.changed += 1
        if playlist.id > 0:
            self.changed[playlist.id] = playlist

    def has_writes(self) -> bool:
        return bool(self.new or self.changed)

    def store(self) -> None:
        if not (self.new or self.changed) or self.owner is None:
            return
        now = timestamp()
        for number, playlist in zip(
            bulk.reserve_ids(Playlist, len(self.new)), self.new, strict=True
        ):
            playlist.id = number
        add(self.owner, self.new, now)
        change(self.changed.values(), self.stated, now)
        refilled = [each for each in self.changed.values() if each.id in self.refilled]
        if refilled:
            ids = [each.id for each in refilled]
            PlaylistItem.objects.filter(playlist__in=ids).delete()
        fill([*self.new, *refilled], now)


def pairs_of(row: PlaylistRow) -> Iterable[Pair]:
    """Where the tracks of a placed row are from."""
    if row.tracks is not UNSET and row.source:
        for source_id in row.tracks:
            yield row.source, str(source_id)


def stored(owner: User) -> list[KnownPlaylist]:
    found = {
        id_: KnownPlaylist(id_, name, bool(public), source, source_id, [])
        for id_, name, public, source, source_id in fetched(
            "SELECT id, name, public, source, source_id FROM listening_playlist"
            " WHERE owner_id = %s ORDER BY id",
            [owner.pk],
        )
    }
    source, values = asked("listening_playlistitem", (("playlist_id", "bigint"),), found)
    items = f"SELECT playlist_id, track_id {source} ORDER BY playlist_id, position"
    for playlist_id, track_id in fetched(items, values) if found else ():
        found[playlist_id].tracks.append(track_id)
    return list(found.values())


def add(owner: User, playlists: Sequence[KnownPlaylist], now: str) -> None:
    rows: Iterable[tuple[Any, ...]] = (
        (
            each.id,
            owner.pk,
            each.name,
            fold(each.name),
            spellings(fold(each.name)),
            each.public,
            each.source,
            each.source_id,
            now,
            now,
        )
        for each in playlists
    )
    columns = "id owner_id name name_key name_words public source source_id created_at updated_at"
    bulk.insert(Playlist, columns.split(), rows)
    learn_named(playlists)


def change(playlists: Collection[KnownPlaylist], stated: set[int], now: str) -> None:
    rows = [
        (
            each.name,
            fold(each.name),
            spellings(fold(each.name)),
            # Its owner may have changed that since it was read, which moves no generation.
            each.public if each.id in stated else None,
            now,
            each.id,
        )
        for each in playlists
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE listening_playlist SET name = %s, name_key = %s, name_words = %s,"
                " public = coalesce(%s, public), updated_at = %s WHERE id = %s",
                rows,
            )
        learn_named(playlists)


def learn_named(playlists: Iterable[KnownPlaylist]) -> None:
    """Take the words of their names into the vocabulary."""
    learn(spellings(fold(each.name)) for each in playlists)


def fill(playlists: Sequence[KnownPlaylist], now: str) -> None:
    items = [
        (each.id, track_id, position, now)
        for each in playlists
        for position, track_id in enumerate(each.tracks)
    ]
    ids = bulk.reserve_ids(PlaylistItem, len(items))
    bulk.insert(
        PlaylistItem,
        ("id", "playlist_id", "track_id", "position", "added_at"),
        ((id_, *item) for id_, item in zip(ids, items, strict=True)),
    )
