"""Artists and albums of a file, as they will be: what the two have in common."""

from collections.abc import Callable, Collection, Iterable
from typing import Generic, TypeVar

from msgspec import UNSET

from vivace.catalogue.folding import fold
from vivace.imports.known import Album, Artist, Library, Pair, Track
from vivace.imports.rows import EntryRow, PlaylistRow, RefusedError

FOLDED_NAMES = 100_000


class Folded(dict[str, str]):
    """Folded names, each folded once; forgotten when they become many."""

    def __missing__(self, name: str) -> str:
        if len(self) >= FOLDED_NAMES:
            self.clear()
        key = self[name] = fold(name)
        return key


def place(row: EntryRow, source: str | None) -> None:
    """Say where a row is from, or that it does not tell: both columns are given, or neither.

    A playlist's tracks have a source though it may have no id itself.
    """
    row.source = row.source or source
    if not row.source_id:
        row.source_id = None
        if not isinstance(row, PlaylistRow):
            row.source = None
    elif not row.source:
        raise RefusedError("source_id: of which source? Give --source NAME or a source column")


def pair_of(row: EntryRow) -> Pair | None:
    """Where a placed row is from."""
    return (row.source, row.source_id) if row.source_id else None  # type: ignore[return-value]


def may_be(entry: Artist | Album | Track, row: EntryRow) -> bool:
    """Whether an entry of the row's names can be meant: it has no other id of the same kind."""
    if row.mbid and entry.mbid and entry.mbid != row.mbid:
        return False
    return not (row.source_id and entry.source == row.source and entry.source_id != row.source_id)


E = TypeVar("E", Artist, Album)


class Entries(Generic[E]):
    """Those that the file has named so far, as they will be."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.by_id: dict[int, E] = {}
        self.by_mbid: dict[str, E] = {}
        self.by_source: dict[Pair, E] = {}
        self.unborn: dict[int, E] = {}
        """Made for a row that may yet be refused."""
        self.new: dict[int, E] = {}
        self.changed: dict[int, E] = {}

    def is_made(self, id_: int) -> bool:
        """Whether the library does not know it: the file made it."""
        return id_ in self.new or id_ in self.unborn

    def adopt(self, entry: E) -> E:
        """The entry as it is now: the file may have changed what the library holds."""
        if entry.id in self.by_id:
            return self.by_id[entry.id]
        self.by_id[entry.id] = entry
        self.index(entry)
        return entry

    def index(self, entry: E) -> None:
        if entry.mbid:
            self.by_mbid[entry.mbid] = entry
        if entry.source and entry.source_id:
            self.by_source[entry.source, entry.source_id] = entry

    def identified(self, row: EntryRow) -> E | None:
        """The one that the MBID of a row, or else its source id, says it is."""
        by_mbid = self.by_mbid.get(row.mbid) if row.mbid else None
        if by_mbid and by_mbid.mbid != row.mbid:
            by_mbid = None
        pair = pair_of(row)
        by_source = self.by_source.get(pair) if pair else None
        if by_mbid and by_source and by_mbid is not by_source:
            raise RefusedError("mbid: it belongs to another one than the source_id does")
        return by_mbid or by_source

    def identify(self, entry: E, row: EntryRow) -> None:
        """Give an entry the ids of a row. It keeps the source it has."""
        if row.mbid is not UNSET:
            entry.mbid = row.mbid
        if row.source_id and not entry.source_id:
            entry.source, entry.source_id = pair_of(row) or (None, None)
        self.index(entry)

    def accept(self, id_: int) -> None:
        if id_ in self.unborn:
            self.new[id_] = self.unborn.pop(id_)

    def touch(self, entry: E) -> None:
        """Remember to write one that a row changed."""
        if entry.id not in self.new and entry.id not in self.unborn:
            self.changed[entry.id] = entry

    def forget(self) -> None:
        """Free the memory: all that was planned is written."""
        for held in (self.by_id, self.by_mbid, self.by_source, self.new, self.changed):
            held.clear()

    def meet_identified(
        self,
        rows: Iterable[EntryRow],
        with_mbid: Callable[[Collection[str]], Iterable[E]],
        from_source: Callable[[Collection[Pair]], Iterable[E]],
    ) -> None:
        """Look up those that the MBIDs and source ids of rows may stand for."""
        rows = list(rows)
        mbids: set[str] = {row.mbid for row in rows if row.mbid}
        pairs: set[Pair] = {pair for row in rows if (pair := pair_of(row))}
        for found in with_mbid(mbids) if mbids else ():
            self.adopt(found)
        for found in from_source(pairs) if pairs else ():
            self.adopt(found)
