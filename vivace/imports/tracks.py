"""The tracks of a file: which one a row means, and what it does to it.

Of millions of tracks only hashes of what they are found by stay in memory (`Tracks.seen`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import UNSET, Struct

from vivace.catalogue.folding import fold
from vivace.imports.albums import Albums, Genres
from vivace.imports.artists import Artists, credits_of, names_of
from vivace.imports.entries import may_be, pair_of
from vivace.imports.known import Credits, Library, Pair, StagedTrack, Track
from vivace.imports.report import ImportReport
from vivace.imports.rows import RefusedError, RowError, TrackRow
from vivace.imports.seen import Seen

SAME_NAMES_MAX = 2_000
"""Tracks of one title, artist and album that are told apart by their places. Beyond it an id says
which one a row means: going through all of them for each row would take the square of them."""


class Draft(Struct):
    """A track row on its way, with what its names stand for."""

    line: int
    row: TrackRow
    artist_id: int
    owner_id: int
    album_key: str
    title_key: str
    pair: Pair | None
    credited: Credits | None


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
        self.seen = Seen()
        """What the tracks of earlier runs, new or changed, are found by."""
        self.changed: set[int] = set()
        self.new = 0
        self.copies: dict[tuple[int, int, str, int], int] = {}
        self.claimed: set[int] = set()
        # Of the run at hand:
        self.states: dict[int, Track] = {}
        self.credits: dict[int, Credits] = {}
        self.stored: dict[object, dict[int, None]] = {}
        self.met: dict[int, dict[int, None]] = {}
        """Hash of a key → the tracks of the file, new or changed, that it may stand for."""
        self.remembered: list[tuple[int, int]] = []
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
            except RefusedError as error:
                self.report.refuse(RowError(draft.line, str(error)))

    def start_run(self) -> None:
        for key, track_id in self.remembered:
            self.seen.add(key, track_id)
        self.states, self.credits, self.stored, self.staged = {}, {}, {}, {}
        self.met, self.remembered = {}, []
        self.fresh, self.staged_before = set(), set()

    def forget(self) -> None:
        """Free what only further rows would need. It is most of the memory of an import."""
        self.start_run()
        self.seen.clear()
        self.copies.clear()
        self.claimed.clear()

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
                credited = (
                    None if row.credits is UNSET else credits_of(row, artist_id, self.artists)
                )
            except RefusedError as error:
                self.report.refuse(RowError(line, str(error)))
                continue
            album_key, title_key = keys[row.album], fold(row.title)
            yield Draft(
                line, row, artist_id, owner_id, album_key, title_key, pair_of(row), credited
            )

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
        is_new_artist = self.artists.is_made
        self.albums.meet({(draft.owner_id, draft.album_key) for draft in drafts}, is_new_artist)
        rest = [draft for draft in drafts if not self.is_identified(draft)]
        self.meet_seen(
            (draft.artist_id, album.id, draft.title_key)
            for draft in rest
            for album in self.albums.by_name[draft.owner_id, draft.album_key]
        )
        self.meet_copies(rest)
        if self.library.has_tracks:
            names = {
                (draft.artist_id, draft.title_key)
                for draft in rest
                if not is_new_artist(draft.artist_id)
            }
            for track in self.current(self.library.tracks_named(names) if names else ()):
                self.known((track.artist_id, track.album_id, track.title_key), track.id)
            self.meet_albums(drafts)
        self.meet_credits(drafts)

    def meet_copies(self, drafts: Sequence[Draft]) -> None:
        """Fetch the copies of this file that are meant again. Their names may be too many's."""
        if not self.copies:
            return
        found = {
            self.copies.get((draft.artist_id, album.id, draft.title_key, draft.row.copy))
            for draft in drafts
            if draft.row.copy is not None
            for album in self.albums.by_name[draft.owner_id, draft.album_key]
        }
        if missing := {id_ for id_ in found if id_ is not None and id_ not in self.states}:
            self.meet_staged(missing)

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
        if not self.seen:
            return
        found: set[int] = set()
        for key in set(map(hash, keys)):
            if ids := self.seen.ids(key):
                self.met.setdefault(key, dict.fromkeys(ids))
                found.update(ids)
        if found := {track_id for track_id in found if track_id not in self.states}:
            self.meet_staged(found)

    def meet_staged(self, ids: Collection[int]) -> None:
        for staged in self.library.staged(ids):
            id_ = staged.track.id
            self.states[id_] = staged.track
            self.staged_before.add(id_)
            if staged.fresh:
                self.fresh.add(id_)
            if staged.credits is not None:
                self.credits[id_] = staged.credits

    def current(self, found: Iterable[Track]) -> Iterator[Track]:
        """Tracks as stored, their states kept; those that the file has changed as they are now."""
        found = list(found)
        if stale := {track.id for track in found if track.id in self.changed} - self.states.keys():
            self.meet_staged(stale)
        for track in found:
            yield self.states.setdefault(track.id, track)

    def known(self, key: object, id_: int) -> None:
        self.stored.setdefault(key, {})[id_] = None

    def meet_credits(self, drafts: Iterable[Draft]) -> None:
        if all(draft.credited is None for draft in drafts):
            return
        ids = {id_ for id_ in self.states if id_ not in self.fresh and id_ not in self.credits}
        for id_ in self.states:
            self.credits.setdefault(id_, ())
        for id_, artist_id, credited_as, role in self.library.track_credits(ids) if ids else ():
            self.credits[id_] += ((artist_id, credited_as, role),)

    def behind(self, key: object) -> Collection[int]:
        """The tracks that a key may stand for: those stored first, then those of the file."""
        stored, met = self.stored.get(key, NO_TRACKS), self.met.get(hash(key))
        if met is None:
            return stored
        return (*stored, *(track_id for track_id in met if track_id not in stored))

    def are_too_many(self, names: tuple[int, int, str]) -> bool:
        most = max(len(self.stored.get(names, ())), len(self.met.get(hash(names), ())))
        return most >= SAME_NAMES_MAX

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

    def is_identified(self, draft: Draft) -> bool:
        row, pair = draft.row, draft.pair
        return bool((pair and self.from_source(pair)) or (row.mbid and self.with_mbid(row.mbid)))

    def identified(self, draft: Draft) -> Track | None:
        """The track that the MBID of a row, or else its source id, says it is."""
        by_mbid = self.with_mbid(draft.row.mbid) if draft.row.mbid else None
        by_source = self.from_source(draft.pair) if draft.pair else None
        if by_mbid and by_source and by_mbid.id != by_source.id:
            raise RefusedError("mbid: it belongs to another track than the source_id does")
        return by_mbid or by_source

    def named(self, draft: Draft, album_id: int) -> Track | None:
        """The track that the names of a row mean."""
        row, names = draft.row, (draft.artist_id, album_id, draft.title_key)
        if row.copy is None and self.are_too_many(names):
            if draft.pair or row.mbid:
                return None
            raise RefusedError(
                f"title: {SAME_NAMES_MAX:,} tracks of this album and artist or more are called "
                f"{row.title[:50]!r}; mbid, source_id or copy say which"
            )
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
            raise RefusedError(
                f"title: {len(found)} tracks of this album and artist are called "
                f"{row.title[:50]!r}; disc_number and track_number, mbid, source_id or copy "
                "say which"
            )
        return found[0] if found else None

    def copy(
        self, names: tuple[int, int, str], number: int, found: Sequence[Track]
    ) -> Track | None:
        id_ = self.copies.get((*names, number))
        if id_ is not None:
            track = self.states.get(id_)
            return track if track and keys_of(track)[0] == names else None
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
            for credit in draft.credited or ():
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
        listed = draft.credited
        if listed is not None:
            listed = None if listed == self.credits.get(track.id, ()) else listed
            differs |= listed is not None
        changed = differs
        if row.release_date is not UNSET:
            self.albums.meet_ids({album_id})
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
            # It is staged anew, so what an earlier row said of its credits is said again, but for
            # whose it is.
            listed = self.credits.get(track_id)
            if listed and listed[0][0] != track.artist_id:
                (_, _, role), *others = listed
                listed = (
                    (track.artist_id, self.artists.by_id[track.artist_id].name, role),
                    *others,
                )
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
        """Let later rows find a track, those of this run and those of the next."""
        known = self.met.setdefault(key, {})
        if track_id not in known and len(known) < SAME_NAMES_MAX:
            known[track_id] = None
            self.remembered.append((key, track_id))


NO_TRACKS: dict[int, None] = {}
NO_GENRES: tuple[tuple[int, ...], str] = ((), "[]")


def keys_of(track: Track) -> list[object]:
    """All that a track is found by."""
    keys: list[object] = [(track.artist_id, track.album_id, track.title_key)]
    if track.source_id:
        keys.append((track.source, track.source_id))
    if track.mbid:
        keys.append(track.mbid)
    return keys


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


def made(id_: int, draft: Draft, album_id: int, genres: str) -> Track:
    row = draft.row
    return Track(
        id_,
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
