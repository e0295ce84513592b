"""The albums and genres of a file: which one a title means, and what album rows do."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import UNSET

from vivace.imports.entries import FOLDED_NAMES, Entries, Folded, may_be
from vivace.imports.known import Album, Credits, Library
from vivace.imports.rows import AlbumRow, EntryRow, RefusedError


class Albums(Entries[Album]):
    def __init__(self, library: Library, keys: Folded) -> None:
        super().__init__(library)
        self.keys = keys
        self.by_name: dict[tuple[int, str], list[Album]] = {}
        self.copies: dict[tuple[int, str, int], Album] = {}
        self.claimed: set[int] = set()
        self.genres: dict[int, tuple[int, ...]] = {}
        self.credits: dict[int, Credits] = {}
        self.unread: set[int] = set()
        """Stored ones whose genres and credits are not known yet."""
        self.gathering: set[int] = set()
        """New ones that have no row of their own: their genres are those of their tracks."""
        self.regenred: set[int] = set()
        self.recredited: set[int] = set()
        self.dated: set[int] = set()
        self.undated: dict[int, bool] = {}
        """Those whose date some track row cleared; whether that row changed nothing else."""

    def forget(self) -> None:
        super().forget()
        self.by_name.clear()
        self.copies.clear()
        self.genres.clear()
        self.credits.clear()
        # An id left behind here would keep the memory around it from being given back.
        ids = (self.claimed, self.unread, self.gathering, self.regenred, self.recredited)
        for held in (*ids, self.dated):
            held.clear()
        self.keys.clear()

    def adopt(self, entry: Album) -> Album:
        if entry.id not in self.by_id:
            self.unread.add(entry.id)
        return super().adopt(entry)

    def meet(self, names: Iterable[tuple[int, str]], is_new_artist: Callable[[int], bool]) -> None:
        """Look up all that have these names, (artist's id, folded title), and are not known."""
        unknown = {name for name in names if name not in self.by_name}
        self.by_name.update((name, []) for name in unknown)
        asked = {name for name in unknown if not is_new_artist(name[0])}
        for stored in self.library.albums_named(asked) if asked else ():
            self.list(self.adopt(stored))

    def list(self, album: Album) -> None:
        named = self.by_name.get((album.artist_id, album.title_key))
        if named is not None and album not in named:
            named.append(album)

    def meet_ids(self, ids: Iterable[int]) -> None:
        if unknown := {id_ for id_ in ids if id_ not in self.by_id}:
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
            raise RefusedError(
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
        for id_, alone in self.undated.items():
            album = self.by_id[id_]
            if id_ not in self.dated and album.release_date is not None:
                album.release_date = None
                self.touch(album)
                changed += alone
        self.undated.clear()
        return changed

    def gather(self, id_: int, genres: tuple[int, ...]) -> None:
        known = self.genres.get(id_, ())
        if known != genres:
            self.genres[id_] = (*known, *(genre for genre in genres if genre not in known))

    def meet_rows(
        self,
        rows: Sequence[AlbumRow],
        names: Iterable[tuple[int, str]],
        is_new_artist: Callable[[int], bool],
    ) -> None:
        self.meet(names, is_new_artist)
        self.meet_identified(rows, self.library.albums_with_mbid, self.library.albums_from)
        if not self.unread:
            return
        for id_ in self.unread:
            self.genres[id_], self.credits[id_] = (), ()
        for id_, genre_id in self.library.album_genres(self.unread):
            self.genres[id_] += (genre_id,)
        for id_, artist_id, credited_as, role in self.library.album_credits(self.unread):
            self.credits[id_] += ((artist_id, credited_as, role),)
        self.unread.clear()

    def decide(
        self,
        row: AlbumRow,
        artist_id: int,
        credited: Credits | None,
        genres: tuple[int, ...] | None,
    ) -> None:
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
        if credited is not None and self.credits.get(album.id, ()) != credited:
            self.credits[album.id] = credited
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
        keys = {key for name in names if (key := self.keys[name]) not in self.asked}
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
            self.by_key[key] = id_ = self.library.new_id("genre")
            self.new[id_] = name
        return self.by_key[key]


def encode_genres(ids: Iterable[int]) -> str:
    return f"[{','.join(map(str, ids))}]"
