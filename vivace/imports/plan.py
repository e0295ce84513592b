"""Rows and what is known → what to write. Nothing is written here; `Library` is all that is read.

A `Planner` takes the rows of one file in chunks. What a chunk needs to know is asked for in a
few look-ups, whatever the number of its rows. Artists, albums and genres of the file stay in
memory until they are stored; its tracks, of which there may be millions, leave with their chunk.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

from msgspec import UNSET

from vivace.imports.albums import Albums, Genres
from vivace.imports.artists import Artists, credits_of, names_of
from vivace.imports.entries import Folded, place
from vivace.imports.known import Library
from vivace.imports.report import ImportReport
from vivace.imports.rows import (
    AlbumRow,
    ArtistRow,
    GenreRow,
    PlaylistRow,
    RefusedError,
    Row,
    RowError,
    TrackRow,
)
from vivace.imports.tracks import Tracks


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
            run: list[tuple[int, Any]] = list(rows)
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
            except RefusedError as error:
                self.report.refuse(RowError(item[0], str(error)))
            else:
                yield item

    def each(self, rows: Sequence[tuple[int, Any]], decide: Callable[[Any], object]) -> None:
        for line, row in rows:
            try:
                decide(row)
            except RefusedError as error:
                self.report.refuse(RowError(line, str(error)))

    def meet_albums(self, rows: Sequence[AlbumRow]) -> None:
        self.artists.meet(names_of(rows))
        self.genres.meet(name for row in rows if row.genres for name in row.genres)
        names: set[tuple[int, str]] = set()
        for row in rows:
            try:
                artist_id = self.artists.find(row.artist, row.artist_disambiguation)
            except RefusedError:
                continue
            names.add((artist_id, self.albums.keys[row.title]))
        self.albums.meet_rows(rows, names, self.artists.is_made)

    def decide_album(self, row: AlbumRow) -> None:
        artist_id = self.artists.find(row.artist, row.artist_disambiguation)
        credited = None if row.credits is UNSET else credits_of(row, artist_id, self.artists)
        genres = None
        if row.genres is not UNSET:
            genres = self.genres.find(row.genres or ())[0]
        self.albums.decide(row, artist_id, credited, genres)
        self.artists.accept(artist_id)
        for credit in credited or ():
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
