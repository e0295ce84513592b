"""The artists of a file: who a name means, and what artist rows do."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET

from vivace.imports.entries import Entries, Folded
from vivace.imports.known import Artist, Credits, Library
from vivace.imports.rows import AlbumRow, ArtistRow, RefusedError, TrackRow


class Artists(Entries[Artist]):
    def __init__(self, library: Library, keys: Folded) -> None:
        super().__init__(library)
        self.keys = keys
        self.by_key: dict[str, list[Artist]] = {}
        self.ids: dict[str, int] = {}
        """By name as the rows spell it, where nothing but the name was given."""

    def forget(self) -> None:
        super().forget()
        self.by_key.clear()
        self.ids.clear()

    def meet(self, names: Iterable[str]) -> None:
        """Look up all that have these names and are not known yet."""
        keys = {key for name in names if (key := self.keys[name]) not in self.by_key}
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
            raise RefusedError(
                f"artist: {len(known)} are called {name[:50]!r}; a disambiguation says which"
            )
        return known[0]

    def find(self, name: str, disambiguation: str | None = None) -> int:
        """The id of the artist that a row names, who is made where there is none."""
        if disambiguation is None:
            id_ = self.ids.get(name)
            if id_ is not None:
                return id_
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
        self.meet_identified(rows, self.library.artists_with_mbid, self.library.artists_from)

    def decide(self, row: ArtistRow) -> None:
        self.ids.clear()
        given = None if row.disambiguation is UNSET else row.disambiguation or ""
        artist = self.identified(row)
        if (
            artist is None
            and (artist := self.named(row.name, given))
            and not may_be_artist(artist, row)
        ):
            raise RefusedError(
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
                raise RefusedError(f"name: another artist is already called {name[:50]!r}")
            if artist in self.by_key.get(artist.name_key, ()):
                self.by_key[artist.name_key].remove(artist)
            self.by_key[key].append(artist)
        artist.name, artist.name_key, artist.disambiguation = name, key, disambiguation


def may_be_artist(artist: Artist, row: ArtistRow) -> bool:
    # Names are unique, so another id of the same source cannot stand for another artist.
    return not (row.mbid and artist.mbid and artist.mbid != row.mbid)


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
    given = row.credits or []
    if not given:
        return ()
    keys = artists.keys
    if keys[given[0].name] != keys[row.artist]:
        raise RefusedError("credits: the first of them is not the artist")
    ids = [artist_id, *(artists.find(credit.name, credit.disambiguation) for credit in given[1:])]
    found = tuple(
        (id_, credit.credited_as or credit.name, credit.role)
        for id_, credit in zip(ids, given, strict=True)
    )
    plain = (artist_id, artists.by_id[artist_id].name, "main")
    return () if found == (plain,) else found
