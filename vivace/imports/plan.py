"""Rows and what is known → what to write. Nothing is written here; `Library` is all that is read.

A `Planner` takes the rows of one file in chunks. What a chunk needs to know is asked for in a
few look-ups, whatever the number of its rows. Artists, albums and genres of the file stay in
memory until they are stored; its tracks, of which there may be millions, leave with their chunk,
and only hashes of what they can be found by stay (`Tracks.seen`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Struct

from vivace.catalogue.folding import fold
from vivace.imports.formats import (
    AlbumRow,
    ArtistRow,
    CreditRow,
    EntryRow,
    GenreRow,
    PlaylistRow,
    Refused,
    Row,
    RowError,
    TrackRow,
)

FOLDED_NAMES = 100_000
ERRORS_KEPT = 1_000

Credits = tuple[tuple[int, str, str], ...]
"""(artist's id, credited as, role), in order."""
Pair = tuple[str, str]
"""A source and an id in it."""


class Artist(Struct):
    id: int
    name: str
    name_key: str
    sort_name: str | None = None
    disambiguation: str = ""
    mbid: str | None = None
    source: str | None = None
    source_id: str | None = None


class Album(Struct):
    id: int
    title: str
    title_key: str
    artist_id: int
    release_date: str | None = None
    type: str | None = None
    mbid: str | None = None
    source: str | None = None
    source_id: str | None = None


class Track(NamedTuple):
    id: int
    title: str
    artist_id: int
    album_id: int
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    composer: str | None
    isrc: str | None
    mbid: str | None
    source: str | None
    source_id: str | None
    title_key: str
    album_key: str
    genres: str
    """The ids of its genres in order, as a JSON list."""


class StagedTrack(NamedTuple):
    track: Track
    fresh: bool
    credits: Credits | None
    """None where they stay as they are."""


class Library(Protocol):
    """What is known before the import. Those found come in the order in which copies count."""

    has_tracks: bool

    def new_id(self, kind: str) -> int: ...
    def genres(self, keys: Collection[str]) -> Iterable[tuple[str, int]]: ...
    def artists_named(self, keys: Collection[str]) -> Iterable[Artist]: ...
    def artists_with_mbid(self, mbids: Collection[str]) -> Iterable[Artist]: ...
    def artists_from(self, pairs: Collection[Pair]) -> Iterable[Artist]: ...
    def albums_named(self, pairs: Collection[tuple[int, str]]) -> Iterable[Album]: ...
    def albums_with_id(self, ids: Collection[int]) -> Iterable[Album]: ...
    def albums_with_mbid(self, mbids: Collection[str]) -> Iterable[Album]: ...
    def albums_from(self, pairs: Collection[Pair]) -> Iterable[Album]: ...
    def album_genres(self, ids: Collection[int]) -> Iterable[tuple[int, int]]: ...
    def album_credits(self, ids: Collection[int]) -> Iterable[tuple[int, int, str, str]]: ...
    def tracks_named(self, pairs: Collection[tuple[int, str]]) -> Iterable[Track]: ...
    def tracks_with_mbid(self, mbids: Collection[str]) -> Iterable[Track]: ...
    def tracks_from(self, pairs: Collection[Pair]) -> Iterable[Track]: ...
    def track_credits(self, ids: Collection[int]) -> Iterable[tuple[int, int, str, str]]: ...
    def staged(self, ids: Collection[int]) -> Iterable[StagedTrack]: ...


class ImportReport(Struct):
    """What came of a file. Rows that are tracks or playlists are counted."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[RowError] = msgspec.field(default_factory=list)
    """The first of those refused, up to `ERRORS_KEPT`."""
    notes: list[str] = msgspec.field(default_factory=list)
    created: dict[str, int] = msgspec.field(default_factory=dict)
    """How many artists, albums and genres are new."""
    stored: bool = False
    write_lock_ms: float = 0.0
    """How long another writer may have had to wait."""

    def refuse(self, error: RowError) -> None:
        self.refused += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(error)


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
        raise Refused("source_id: of which source? Give --source NAME or a source column")


def pair_of(row: EntryRow) -> Pair | None:
    """Where a placed row is from."""
    return (row.source, row.source_id) if row.source_id else None  # type: ignore[return-value]


class Identified(Protocol):
    id: int
    mbid: str | None
    source: str | None
    source_id: str | None


def may_be(entry: Artist | Album | Track, row: EntryRow) -> bool:
    """Whether an entry of the row's names can be meant: it has no other id of the same kind."""
    if row.mbid and entry.mbid and entry.mbid != row.mbid:
        return False
    return not (row.source_id and entry.source == row.source and entry.source_id != row.source_id)


# --- Artists and albums ----------------------------------------------------------------------

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
            raise Refused("mbid: it belongs to another one than the source_id does")
        return by_mbid or by_source

    def identify(self, entry: E, row: EntryRow) -> None:
        """Give an entry the ids of a row. It keeps the source it has."""
        if row.mbid is not UNSET:
            entry.mbid = row.mbid
        if row.source_id and not entry.source_id:
            entry.source, entry.source_id = pair_of(row) or (None, None)
        self.index(entry)

    def accept(self, id: int) -> None:  # noqa: A002 - the field's name
        if id in self.unborn:
            self.new[id] = self.unborn.pop(id)

    def touch(self, entry: E) -> None:
        """Remember to write one that a row changed."""
        if entry.id not in self.new and entry.id not in self.unborn:
            self.changed[entry.id] = entry


class Artists(Entries[Artist]):
    def __init__(self, library: Library, keys: Folded) -> None:
        super().__init__(library)
        self.keys = keys
        self.by_key: dict[str, list[Artist]] = {}
        self.ids: dict[str, int] = {}
        """By name as the rows spell it, where nothing but the name was given."""

    def meet(self, names: Iterable[str]) -> None:
        """Look up all that have these names and are not known yet."""
        keys = {self.keys[name] for name in names} - self.by_key.keys()
        if not keys:
            return
        self.by_key.update((key, []) for key in keys)
        for stored in self.library.artists_named(keys):
            key = stored.name_key
            artist = self.adopt(stored)
            if artist.name_key == key and artist not in self.by_key[key]:
                self.by_key[key].append(artist)

    def named(self, name: str, disambiguation: str | None) -> Artist | None:
        """The one of a name that was met. Without a disambiguation: the one without, or the only
        one; several are refused."""
        known = self.by_key[self.keys[name]]
        for artist in known:
            if artist.disambiguation == (disambiguation or ""):
                return artist
        if disambiguation is not None or not known:
            return None
        if len(known) > 1:
            raise Refused(
                f"artist: {len(known)} are called {name[:50]!r}; a disambiguation says which"
            )
        return known[0]

    def find(self, name: str, disambiguation: str | None = None) -> int:
        """The id of the artist that a row names, who is made where there is none."""
        if disambiguation is None:
            id = self.ids.get(name)  # noqa: A001 - the field's name
            if id is not None:
                return id
        artist = self.named(name, disambiguation) or self.make(name, disambiguation or "")
        if disambiguation is None:
            self.ids[name] = artist.id
        return artist.id

    def make(self, name: str, disambiguation: str) -> Artist:
        key = self.keys[name]
        artist = Artist(self.library.new_id("artist"), name, key, disambiguation=disambiguation)
        self.by_key[key].append(artist)
        self.unborn[artist.id] = self.by_id[artist.id] = artist
        return artist

    def meet_rows(self, rows: Iterable[ArtistRow]) -> None:
        rows = list(rows)
        self.meet(row.name for row in rows)
        meet_identified(self, rows, self.library.artists_with_mbid, self.library.artists_from)

    def decide(self, row: ArtistRow) -> None:
        self.ids.clear()
        given = None if row.disambiguation is UNSET else row.disambiguation or ""
        artist = self.identified(row)
        if (
            artist is None
            and (artist := self.named(row.name, given))
            and not may_be_artist(artist, row)
        ):
            raise Refused(
                "mbid: the artist of this name has another one; a disambiguation tells them apart"
            )
        if artist is None:
            artist = self.make(row.name, given or "")
        before = msgspec.structs.astuple(artist)
        self.rename(artist, row.name, artist.disambiguation if given is None else given)
        if row.sort_name is not UNSET:
            artist.sort_name = row.sort_name
        self.identify(artist, row)
        self.accept(artist.id)
        if msgspec.structs.astuple(artist) != before:
            self.touch(artist)

    def rename(self, artist: Artist, name: str, disambiguation: str) -> None:
        key = self.keys[name]
        if (key, disambiguation) != (artist.name_key, artist.disambiguation):
            if any(other.disambiguation == disambiguation for other in self.by_key[key]):
                raise Refused(f"name: another artist is already called {name[:50]!r}")
            if artist in self.by_key.get(artist.name_key, ()):
                self.by_key[artist.name_key].remove(artist)
            self.by_key[key].append(artist)
        artist.name, artist.name_key, artist.disambiguation = name, key, disambiguation


def may_be_artist(artist: Artist, row: ArtistRow) -> bool:
    # Names are unique, so another id of the same source cannot stand for another artist.
    return not (row.mbid and artist.mbid and artist.mbid != row.mbid)


def meet_identified(entries: Entries[E], rows: Iterable[EntryRow], with_mbid, from_source) -> None:  # type: ignore[no-untyped-def]
    mbids = {row.mbid for row in rows if row.mbid} - entries.by_mbid.keys()
    pairs = {pair for row in rows if (pair := pair_of(row))} - entries.by_source.keys()
    for found in (*(with_mbid(mbids) if mbids else ()), *(from_source(pairs) if pairs else ())):
        entries.adopt(found)


class Albums(Entries[Album]):
    def __init__(self, library: Library, keys: Folded) -> None:
        super().__init__(library)
        self.keys = keys
        self.by_name: dict[tuple[int, str], list[Album]] = {}
        self.copies: dict[tuple[int, str, int], Album] = {}
        self.claimed: set[int] = set()
        self.genres: dict[int, tuple[int, ...]] = {}
        self.credits: dict[int, Credits] = {}
        self.gathering: set[int] = set()
        """New ones that have no row of their own: their genres are those of their tracks."""
        self.regenred: set[int] = set()
        self.recredited: set[int] = set()
        self.dated: set[int] = set()
        self.undated: dict[int, bool] = {}
        """Those whose date some track row cleared; whether that row changed nothing else."""

    def meet(self, names: set[tuple[int, str]], new_artists: Collection[int]) -> None:
        """Look up all that have these names, (artist's id, folded title), and are not known."""
        unknown = names - self.by_name.keys()
        self.by_name.update((name, []) for name in unknown)
        asked = {name for name in unknown if name[0] not in new_artists}
        for stored in self.library.albums_named(asked) if asked else ():
            self.list(self.adopt(stored))

    def list(self, album: Album) -> None:
        named = self.by_name.get((album.artist_id, album.title_key))
        if named is not None and album not in named:
            named.append(album)

    def meet_ids(self, ids: set[int]) -> None:
        if unknown := ids - self.by_id.keys():
            for album in self.library.albums_with_id(unknown):
                self.adopt(album)

    def find(
        self, artist_id: int, title: str, copy: int | None, row: EntryRow | None = None
    ) -> Album:
        """The album of a name that was met; it is made where there is none."""
        key = self.keys[title]
        named = self.by_name[artist_id, key]
        if copy is not None:
            return self.copy(artist_id, title, copy)
        if row is not None:
            named = [album for album in named if may_be(album, row)]
        if len(named) > 1:
            which = "album_copy" if row is None else "copy"
            raise Refused(
                f"album: {len(named)} of this artist are called {title[:50]!r}; {which} says which"
            )
        return named[0] if named else self.make(artist_id, title)

    def copy(self, artist_id: int, title: str, number: int) -> Album:
        """The album that stands at a place (1 is the first) among those of one name."""
        key = self.keys[title]
        named = self.by_name[artist_id, key]
        album = self.copies.get((artist_id, key, number))
        if album is None:
            album = named[number - 1] if number <= len(named) else None
            if album is None or album.id in self.claimed:
                album = self.make(artist_id, title)
            self.copies[artist_id, key, number] = album
            self.claimed.add(album.id)
        return album

    def make(self, artist_id: int, title: str) -> Album:
        key = self.keys[title]
        album = Album(self.library.new_id("album"), title, key, artist_id)
        self.by_name[artist_id, key].append(album)
        self.unborn[album.id] = self.by_id[album.id] = album
        self.gathering.add(album.id)
        return album

    def date(self, album: Album, given: str | None, counted: bool) -> bool:
        """Whether what a track row says of the release date changes it.

        The first date that a file gives an album stands. Null clears it only where no row of
        the file gives one, so that is settled at the end.
        """
        if given is None:
            if album.id not in self.dated:
                self.undated.setdefault(album.id, not counted)
            return False
        if album.id in self.dated:
            return False
        self.dated.add(album.id)
        if album.release_date == given:
            return False
        album.release_date = given
        self.touch(album)
        return True

    def settle_dates(self) -> int:
        """Clear the dates that rows cleared; how many of these rows changed only that."""
        changed = 0
        for id, alone in self.undated.items():  # noqa: A001 - the field's name
            album = self.by_id[id]
            if id not in self.dated and album.release_date is not None:
                album.release_date = None
                self.touch(album)
                changed += alone
        self.undated.clear()
        return changed

    def gather(self, id: int, genres: tuple[int, ...]) -> None:  # noqa: A002 - the field's name
        known = self.genres.get(id, ())
        if known != genres:
            self.genres[id] = (*known, *(genre for genre in genres if genre not in known))

    def meet_rows(
        self, rows: Sequence[AlbumRow], names: set[tuple[int, str]], new_artists: Collection[int]
    ) -> None:
        self.meet(names, new_artists)
        meet_identified(self, rows, self.library.albums_with_mbid, self.library.albums_from)
        unknown = self.by_id.keys() - self.genres.keys() - self.new.keys() - self.unborn.keys()
        if not unknown:
            return
        for id in unknown:  # noqa: A001 - the field's name
            self.genres[id], self.credits[id] = (), ()
        for id, genre_id in self.library.album_genres(unknown):  # noqa: A001 - as above
            self.genres[id] += (genre_id,)
        for id, *credit in self.library.album_credits(unknown):  # noqa: A001 - as above
            self.credits[id] += (tuple(credit),)

    def decide(
        self, row: AlbumRow, artist_id: int, credits: Credits | None, genres: tuple[int, ...] | None
    ) -> None:  # noqa: A002 - the column's name
        album = self.identified(row) or self.find(artist_id, row.title, row.copy, row)
        before = msgspec.structs.astuple(album)
        self.rename(album, row.title, artist_id)
        if row.release_date is not UNSET:
            album.release_date = row.release_date
            self.dated.add(album.id)
        if row.type is not UNSET:
            album.type = row.type
        self.identify(album, row)
        self.accept(album.id)
        self.gathering.discard(album.id)
        if genres is not None and self.genres.get(album.id, ()) != genres:
            self.genres[album.id] = genres
            self.regenred.add(album.id)
            self.touch(album)
        if credits is not None and self.credits.get(album.id, ()) != credits:
            self.credits[album.id] = credits
            self.recredited.add(album.id)
            self.touch(album)
        if msgspec.structs.astuple(album) != before:
            self.touch(album)

    def rename(self, album: Album, title: str, artist_id: int) -> None:
        key = self.keys[title]
        if (artist_id, key) != (album.artist_id, album.title_key):
            named = self.by_name.get((album.artist_id, album.title_key), [])
            if album in named:
                named.remove(album)
            self.by_name[artist_id, key].append(album)
        album.title, album.title_key, album.artist_id = title, key, artist_id


class Genres:
    def __init__(self, library: Library, keys: Folded) -> None:
        self.library = library
        self.keys = keys
        self.by_key: dict[str, int] = {}
        self.new: dict[int, str] = {}
        self.asked: set[str] = set()
        self.cache: dict[tuple[str, ...], tuple[tuple[int, ...], str]] = {}

    def meet(self, names: Iterable[str]) -> None:
        keys = {self.keys[name] for name in names} - self.by_key.keys() - self.asked
        if keys:
            self.asked |= keys
            self.by_key.update(self.library.genres(keys))

    def find(self, names: Sequence[str]) -> tuple[tuple[int, ...], str]:
        """Their ids in order, each once, and the same as a JSON list. New ones are made."""
        asked = tuple(names)
        found = self.cache.get(asked)
        if found is None:
            ids = tuple(dict.fromkeys(self.id_of(name) for name in names))
            if len(self.cache) >= FOLDED_NAMES:
                self.cache.clear()
            found = self.cache[asked] = ids, encode_genres(ids)
        return found

    def id_of(self, name: str) -> int:
        key = self.keys[name]
        if key not in self.by_key:
            self.by_key[key] = id = self.library.new_id("genre")  # noqa: A001 - the field's name
            self.new[id] = name
        return self.by_key[key]


def encode_genres(ids: Iterable[int]) -> str:
    return f"[{','.join(map(str, ids))}]"


# --- Tracks ----------------------------------------------------------------------------------


class Draft(Struct):
    """A track row on its way, with what its names stand for."""

    line: int
    row: TrackRow
    artist_id: int
    owner_id: int
    album_key: str
    title_key: str
    pair: Pair | None
    credits: Credits | None


class Tracks:
    """Decides about track rows, a run of them at a time."""

    def __init__(
        self,
        library: Library,
        artists: Artists,
        albums: Albums,
        genres: Genres,
        report: ImportReport,
    ) -> None:
        self.library = library
        self.artists, self.albums, self.genres = artists, albums, genres
        self.report = report
        self.seen: dict[int, int | tuple[int, ...]] = {}
        """Hash of a key → the tracks of the file, new or changed, that it may stand for."""
        self.changed: set[int] = set()
        self.new = 0
        self.copies: dict[tuple[int, int, str, int], int] = {}
        self.claimed: set[int] = set()
        # Of the run at hand:
        self.states: dict[int, Track] = {}
        self.credits: dict[int, Credits] = {}
        self.stored: dict[object, list[int]] = {}
        self.fresh: set[int] = set()
        self.staged_before: set[int] = set()
        self.staged: dict[int, StagedTrack] = {}

    def plan(self, rows: Sequence[tuple[int, TrackRow]]) -> None:
        self.start_run()
        drafts = list(self.drafts(rows))
        self.meet_identified(drafts)
        self.meet_named(drafts)
        for draft in drafts:
            try:
                self.decide(draft)
            except Refused as error:
                self.report.refuse(RowError(draft.line, str(error)))

    def start_run(self) -> None:
        self.states, self.credits, self.stored, self.staged = {}, {}, {}, {}
        self.fresh, self.staged_before = set(), set()

    def forget(self) -> None:
        """Free what only further rows would need. It is most of the memory of an import."""
        self.start_run()
        self.seen = {}

    # What the rows name

    def drafts(self, rows: Sequence[tuple[int, TrackRow]]) -> Iterator[Draft]:
        self.artists.meet(names_of(row for _, row in rows))
        self.genres.meet(name for _, row in rows if row.genres for name in row.genres)
        keys = self.albums.keys
        for line, row in rows:
            try:
                artist_id = self.artists.find(row.artist, row.artist_disambiguation)
                owner_id = artist_id
                if row.album_artist is not None:
                    owner_id = self.artists.find(row.album_artist, row.album_artist_disambiguation)
                credits = None if row.credits is UNSET else credits_of(row, artist_id, self.artists)
            except Refused as error:
                self.report.refuse(RowError(line, str(error)))
                continue
            album_key, title_key = keys[row.album], fold(row.title)
            yield Draft(line, row, artist_id, owner_id, album_key, title_key, pair_of(row), credits)

    # What is known of them

    def meet_identified(self, drafts: Sequence[Draft]) -> None:
        """Fetch the tracks that the MBIDs and source ids of rows may stand for."""
        self.meet_pairs({draft.pair for draft in drafts if draft.pair})
        mbids = {draft.row.mbid for draft in drafts if draft.row.mbid}
        self.meet_seen(mbids)
        if mbids and self.library.has_tracks:
            for track in self.current(self.library.tracks_with_mbid(mbids)):
                self.known(track.mbid, track.id)

    def meet_pairs(self, pairs: Collection[Pair]) -> None:
        self.meet_seen(pairs)
        if pairs and self.library.has_tracks:
            for track in self.current(self.library.tracks_from(pairs)):
                self.known((track.source, track.source_id), track.id)

    def ids_from(self, pairs: Collection[Pair]) -> dict[Pair, int]:
        """The tracks that are from there, of those stored and those of this file."""
        self.start_run()
        self.meet_pairs(pairs)
        return {pair: track.id for pair in pairs if (track := self.from_source(pair))}

    def meet_named(self, drafts: Sequence[Draft]) -> None:
        """Fetch the tracks that the names of rows may stand for, of rows not identified."""
        new_artists = self.artists.unborn.keys() | self.artists.new.keys()
        self.albums.meet({(draft.owner_id, draft.album_key) for draft in drafts}, new_artists)
        rest = [
            draft
            for draft in drafts
            if draft.pair not in self.stored and draft.row.mbid not in self.stored
        ]
        self.meet_seen(
            (draft.artist_id, album.id, draft.title_key)
            for draft in rest
            for album in self.albums.by_name[draft.owner_id, draft.album_key]
        )
        if self.library.has_tracks:
            names = {(draft.artist_id, draft.title_key) for draft in rest}
            names = {name for name in names if name[0] not in new_artists}
            for track in self.current(self.library.tracks_named(names) if names else ()):
                self.known((track.artist_id, track.album_id, track.title_key), track.id)
            self.meet_albums(drafts)
        self.meet_credits(drafts)

    def meet_albums(self, drafts: Sequence[Draft]) -> None:
        """Fetch the albums whose dates rows speak of by an id of the track."""
        dated = [draft for draft in drafts if draft.row.release_date is not UNSET]
        self.albums.meet_ids(
            {
                self.states[track_id].album_id
                for draft in dated
                for key in (draft.pair, draft.row.mbid)
                for track_id in (self.behind(key) if key else ())
            }
        )

    def meet_seen(self, keys: Iterable[object]) -> None:
        """Fetch what earlier chunks of this file made of the tracks behind these keys."""
        if self.seen and (hits := self.seen.keys() & set(map(hash, keys))):
            ids = {track_id for hit in hits for track_id in as_tuple(self.seen[hit])}
            if ids := ids - self.states.keys():
                self.meet_staged(ids)

    def meet_staged(self, ids: Collection[int]) -> None:
        for staged in self.library.staged(ids):
            id = staged.track.id  # noqa: A001 - the field's name
            self.states[id] = staged.track
            self.staged_before.add(id)
            if staged.fresh:
                self.fresh.add(id)
            if staged.credits is not None:
                self.credits[id] = staged.credits

    def current(self, found: Iterable[Track]) -> Iterator[Track]:
        """Tracks as stored, their states kept; those that the file has changed as they are now."""
        found = list(found)
        if stale := {track.id for track in found if track.id in self.changed} - self.states.keys():
            self.meet_staged(stale)
        for track in found:
            yield self.states.setdefault(track.id, track)

    def known(self, key: object, id: int) -> None:  # noqa: A002 - the field's name
        ids = self.stored.setdefault(key, [])
        if id not in ids:
            ids.append(id)

    def meet_credits(self, drafts: Iterable[Draft]) -> None:
        if all(draft.credits is None for draft in drafts):
            return
        ids = {id for id in self.states if id not in self.fresh and id not in self.credits}
        for id in self.states:  # noqa: A001 - the field's name
            self.credits.setdefault(id, ())
        for id, *credit in self.library.track_credits(ids) if ids else ():  # noqa: A001 - as above
            self.credits[id] += (tuple(credit),)

    def behind(self, key: object) -> Sequence[int]:
        """The tracks that a key may stand for: those stored first, then those of the file."""
        stored, seen = self.stored.get(key, ()), self.seen.get(hash(key))
        if seen is None:
            return stored
        return (*stored, *(track_id for track_id in as_tuple(seen) if track_id not in stored))

    # What they mean

    def with_mbid(self, mbid: str) -> Track | None:
        for track_id in self.behind(mbid):
            if self.states[track_id].mbid == mbid:
                return self.states[track_id]
        return None

    def from_source(self, pair: Pair) -> Track | None:
        for track_id in self.behind(pair):
            track = self.states[track_id]
            if (track.source, track.source_id) == pair:
                return track
        return None

    def identified(self, draft: Draft) -> Track | None:
        """The track that the MBID of a row, or else its source id, says it is."""
        by_mbid = self.with_mbid(draft.row.mbid) if draft.row.mbid else None
        by_source = self.from_source(draft.pair) if draft.pair else None
        if by_mbid and by_source and by_mbid.id != by_source.id:
            raise Refused("mbid: it belongs to another track than the source_id does")
        return by_mbid or by_source

    def named(self, draft: Draft, album_id: int) -> Track | None:
        """The track that the names of a row mean."""
        row, names = draft.row, (draft.artist_id, album_id, draft.title_key)
        behind = self.behind(names)
        if not behind:
            return None
        found = [
            track
            for track in map(self.states.__getitem__, behind)
            if (track.artist_id, track.album_id, track.title_key) == names
        ]
        if row.copy is not None:
            return self.copy(names, row.copy, found)
        found = at_place([track for track in found if may_be(track, row)], row)
        if len(found) > 1:
            raise Refused(
                f"title: {len(found)} tracks of this album and artist are called "
                f"{row.title[:50]!r}; disc_number and track_number, mbid, source_id or copy "
                "say which"
            )
        return found[0] if found else None

    def copy(
        self, names: tuple[int, int, str], number: int, found: Sequence[Track]
    ) -> Track | None:
        id = self.copies.get((*names, number))  # noqa: A001 - the field's name
        if id is not None:
            return next((track for track in found if track.id == id), None)
        track = found[number - 1] if number <= len(found) else None
        return None if track is None or track.id in self.claimed else track

    def decide(self, draft: Draft) -> None:
        row = draft.row
        track = self.identified(draft)
        if (
            track
            and row.album_artist is None
            and row.album_copy is None
            and track.album_key == draft.album_key
        ):
            # The row does not say whose album it is, so it stays where it is.
            album_id = track.album_id
        else:
            album_id = self.albums.find(draft.owner_id, row.album, row.album_copy).id
            if track is None:
                track = self.named(draft, album_id)
        self.accept(draft, album_id)
        self.store(draft, album_id, track)

    def accept(self, draft: Draft, album_id: int) -> None:
        """Nothing can refuse the row any more: what it names comes into being with it."""
        artists, albums = self.artists, self.albums
        if artists.unborn:
            artists.accept(draft.artist_id)
            for credit in draft.credits or ():
                artists.accept(credit[0])
        if album_id in albums.unborn:
            artists.accept(albums.unborn[album_id].artist_id)
            albums.accept(album_id)

    def store(self, draft: Draft, album_id: int, before: Track | None) -> None:
        row = draft.row
        genre_ids, genres = self.genres.find(row.genres) if row.genres else NO_GENRES
        if before:
            kept = before.genres if row.genres is UNSET else genres
            track = merged(draft, album_id, before, kept)
        else:
            track = made(self.library.new_id("track"), draft, album_id, genres)
        differs = track != before
        listed = draft.credits
        if listed is not None:
            listed = None if listed == self.credits.get(track.id, ()) else listed
            differs |= listed is not None
        changed = differs
        if row.release_date is not UNSET:
            changed |= self.albums.date(self.albums.by_id[album_id], row.release_date, differs)
        if genre_ids and album_id in self.albums.gathering:
            self.albums.gather(album_id, genre_ids)
        if row.copy is not None:
            self.copies[track.artist_id, track.album_id, track.title_key, row.copy] = track.id
            self.claimed.add(track.id)
        self.count(before is None, changed)
        if differs:
            self.stage(track, before, listed)

    def count(self, added: bool, changed: bool) -> None:
        if added:
            self.new += 1
            self.report.added += 1
        elif changed:
            self.report.changed += 1
        else:
            self.report.unchanged += 1

    def stage(self, track: Track, before: Track | None, listed: Credits | None) -> None:
        """Put a track among those to be written, and let later rows find it."""
        track_id = track.id
        if before is None:
            self.fresh.add(track_id)
        elif listed is None and (track_id in self.staged or track_id in self.staged_before):
            # It is staged anew, so what an earlier row said of its credits is said again.
            listed = self.credits.get(track_id)
        if listed is not None:
            self.credits[track_id] = listed
        fresh = track_id in self.fresh
        if not fresh:
            self.changed.add(track_id)
        self.states[track_id] = track
        self.staged[track_id] = StagedTrack(track, fresh, listed)
        known = keys_of(before) if before else ()
        for key in keys_of(track):
            if key not in known:
                self.remember(hash(key), track_id)

    def remember(self, key: int, track_id: int) -> None:
        known = self.seen.setdefault(key, track_id)
        if known is not track_id:
            self.seen[key] = (*as_tuple(known), track_id)


NO_GENRES: tuple[tuple[int, ...], str] = ((), "[]")


def as_tuple(ids: int | tuple[int, ...] | None) -> tuple[int, ...]:
    if ids is None:
        return ()
    return ids if isinstance(ids, tuple) else (ids,)


def keys_of(track: Track) -> list[object]:
    """All that a track is found by."""
    keys: list[object] = [(track.artist_id, track.album_id, track.title_key)]
    if track.source_id:
        keys.append((track.source, track.source_id))
    if track.mbid:
        keys.append(track.mbid)
    return keys


def names_of(rows: Iterable[AlbumRow | TrackRow]) -> Iterator[str]:
    """The artists that rows name."""
    for row in rows:
        yield row.artist
        if isinstance(row, TrackRow) and row.album_artist is not None:
            yield row.album_artist
        if row.credits:
            for credit in row.credits:
                yield credit.name


def credits_of(row: AlbumRow | TrackRow, artist_id: int, artists: Artists) -> Credits:
    """What a row says beyond its artist. Artists that were not known are made."""
    given: list[CreditRow] = row.credits or []  # type: ignore[assignment]
    if not given:
        return ()
    keys = artists.keys
    if keys[given[0].name] != keys[row.artist]:
        raise Refused("credits: the first of them is not the artist")
    ids = [artist_id, *(artists.find(credit.name, credit.disambiguation) for credit in given[1:])]
    found = tuple(
        (id, credit.credited_as or credit.name, credit.role)
        for id, credit in zip(ids, given, strict=True)
    )
    plain = (artist_id, artists.by_id[artist_id].name, "main")
    return () if found == (plain,) else found


def at_place(tracks: list[Track], row: TrackRow) -> list[Track]:
    """Those that stand on the disc and at the number of a row, as far as it gives them.

    A track that has no number itself may be the one, where no other has just that number.
    """
    if row.disc_number:
        exact = [track for track in tracks if track.disc_number == row.disc_number]
        tracks = exact or [track for track in tracks if track.disc_number is None]
    if row.track_number is not UNSET and row.track_number is not None:
        exact = [track for track in tracks if track.track_number == row.track_number]
        tracks = exact or [track for track in tracks if track.track_number is None]
    return tracks


def made(id: int, draft: Draft, album_id: int, genres: str) -> Track:  # noqa: A002 - the field's name
    row = draft.row
    return Track(
        id,
        row.title,
        draft.artist_id,
        album_id,
        row.disc_number or None,
        None if row.track_number is UNSET else row.track_number,
        None if row.duration_ms is UNSET else row.duration_ms,
        row.composer or None,
        row.isrc or None,
        row.mbid or None,
        row.source or None,
        row.source_id or None,  # type: ignore[arg-type]
        draft.title_key,
        draft.album_key,
        genres,
    )


def merged(draft: Draft, album_id: int, before: Track, genres: str) -> Track:
    """The track as a row leaves it: absent columns as they were, null ones empty."""
    row = draft.row
    keeps_source = before.source_id is not None or not row.source_id
    return Track(
        before.id,
        row.title,
        draft.artist_id,
        album_id,
        before.disc_number if row.disc_number is UNSET else row.disc_number,
        before.track_number if row.track_number is UNSET else row.track_number,
        before.duration_ms if row.duration_ms is UNSET else row.duration_ms,
        before.composer if row.composer is UNSET else row.composer,
        before.isrc if row.isrc is UNSET else row.isrc,
        before.mbid if row.mbid is UNSET else row.mbid,
        before.source if keeps_source else row.source,  # type: ignore[arg-type]
        before.source_id if keeps_source else row.source_id,  # type: ignore[arg-type]
        draft.title_key,
        draft.album_key,
        genres,
    )


# --- The file --------------------------------------------------------------------------------


class PlaylistPlan(Protocol):
    def plan(self, rows: Sequence[tuple[int, PlaylistRow]], tracks: Tracks) -> None: ...


class Planner:
    """Takes the rows of one file, chunk after chunk, and holds what is to be written."""

    def __init__(
        self, library: Library, source: str | None, playlists: PlaylistPlan, report: ImportReport
    ) -> None:
        keys = Folded()
        self.source = source
        self.report = report
        self.artists = Artists(library, keys)
        self.albums = Albums(library, keys)
        self.genres = Genres(library, keys)
        self.tracks = Tracks(library, self.artists, self.albums, self.genres, report)
        self.playlists = playlists

    def plan(self, chunk: Iterable[tuple[int, Row] | RowError]) -> Iterator[Tracks]:
        """Decide about a chunk. After each run of track rows its tracks are to be staged."""
        for kind, rows in groupby(self.placed(chunk), key=lambda numbered: type(numbered[1])):
            run = list(rows)
            if kind is TrackRow:
                self.tracks.plan(run)
                yield self.tracks
            elif kind is PlaylistRow:
                self.playlists.plan(run, self.tracks)
            elif kind is ArtistRow:
                self.artists.meet_rows(row for _, row in run)
                self.each(run, self.artists.decide)
            elif kind is AlbumRow:
                self.meet_albums([row for _, row in run])
                self.each(run, self.decide_album)
            elif kind is GenreRow:
                self.genres.meet(row.name for _, row in run)
                self.each(run, lambda row: self.genres.id_of(row.name))

    def placed(self, chunk: Iterable[tuple[int, Row] | RowError]) -> Iterator[tuple[int, Row]]:
        for item in chunk:
            if isinstance(item, RowError):
                self.report.refuse(item)
                continue
            try:
                place(item[1], self.source)
            except Refused as error:
                self.report.refuse(RowError(item[0], str(error)))
            else:
                yield item

    def each(self, rows, decide) -> None:
        for line, row in rows:
            try:
                decide(row)
            except Refused as error:
                self.report.refuse(RowError(line, str(error)))

    def meet_albums(self, rows: Sequence[AlbumRow]) -> None:
        self.artists.meet(names_of(rows))
        self.genres.meet(name for row in rows if row.genres for name in row.genres)
        names = set()
        for row in rows:
            try:
                artist_id = self.artists.find(row.artist, row.artist_disambiguation)
            except Refused:
                continue
            names.add((artist_id, self.albums.keys[row.title]))
        new_artists = self.artists.unborn.keys() | self.artists.new.keys()
        self.albums.meet_rows(rows, names, new_artists)

    def decide_album(self, row: AlbumRow) -> None:
        artist_id = self.artists.find(row.artist, row.artist_disambiguation)
        credits = None if row.credits is UNSET else credits_of(row, artist_id, self.artists)
        genres = None
        if row.genres is not UNSET:
            genres = self.genres.find(row.genres or ())[0]
        self.albums.decide(row, artist_id, credits, genres)
        self.artists.accept(artist_id)
        for credit in credits or ():
            self.artists.accept(credit[0])

    def has_writes(self) -> bool:
        """Whether there is anything but tracks to write."""
        return bool(
            self.genres.new
            or self.artists.new
            or self.artists.changed
            or self.albums.new
            or self.albums.changed
        )

    def finish(self) -> None:
        """Settle what only the last row decides."""
        changed = self.albums.settle_dates()
        self.report.changed += changed
        self.report.unchanged -= changed
        self.report.created = {
            "artists": len(self.artists.new),
            "albums": len(self.albums.new),
            "genres": len(self.genres.new),
        }
