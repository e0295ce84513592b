"""What the library knows, asked for a chunk at a time."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
from django.db import connection

from vivace.catalogue import bulk
from vivace.catalogue.models import Album as AlbumModel
from vivace.catalogue.models import Artist as ArtistModel
from vivace.catalogue.models import Genre as GenreModel
from vivace.catalogue.models import Track as TrackModel
from vivace.catalogue.statements import fetched
from vivace.imports import staging
from vivace.imports.known import Album, Artist, Pair, StagedTrack, Track

ARTIST = ", ".join(f"found.{column}" for column in Artist.__struct_fields__)
ALBUM = ", ".join(f"found.{column}" for column in Album.__struct_fields__)
TRACK = ", ".join(f"found.{column}" for column in Track._fields if column != "genres")
GENRES = {
    "sqlite": "(SELECT json_group_array(genre_id) FROM (SELECT genre_id FROM catalogue_trackgenre"
    " WHERE track_id = {id} ORDER BY position))",
    "postgresql": "coalesce((SELECT array_to_json(array_agg(genre_id ORDER BY position))::text"
    " FROM catalogue_trackgenre WHERE track_id = {id}), '[]')",
}
MODELS = {"artist": ArtistModel, "album": AlbumModel, "track": TrackModel, "genre": GenreModel}
RESERVED_IDS = 1_000


def genres_of(id_: str) -> str:
    """The genres of the track whose id the expression gives, as `Track.genres` has them."""
    return GENRES[connection.vendor].format(id=id_)


def in_order(columns: Iterable[str]) -> str:
    """ORDER BY terms of the same meaning everywhere: by code point, nulls last."""
    text = ' COLLATE "C"' if connection.vendor == "postgresql" else ""
    return ", ".join(
        f"{column.removesuffix('!')}{text if column.endswith('!') else ''} NULLS LAST"
        for column in columns
    )


# What tells apart those of one name decides which of them is the first copy. Columns marked
# with `!` are text of the database's own collation.
ALBUM_COPIES = ("release_date", "title!", "type!", "mbid", "source", "source_id", "id")
TRACK_COPIES = (
    "position", "disc_number", "track_number", "title!", "duration_ms", "composer!", "isrc",
    "mbid", "source", "source_id", "id",
)  # fmt: skip


def asked(
    table: str, columns: tuple[tuple[str, str], ...], keys: Collection[Any]
) -> tuple[str, list[Any]]:
    """A FROM clause that finds the rows of a table by many keys, and its parameters.

    `columns` are those that a key is compared with, each with its type.
    """
    rows = list(keys)
    if connection.vendor == "postgresql":
        names = [f"key{number}" for number in range(len(columns))]
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        values = [list(part) for part in zip(*rows, strict=True)] if len(columns) > 1 else [rows]
        on = " AND ".join(
            f"found.{column} = asked.{name}"
            for (column, _), name in zip(columns, names, strict=True)
        )
        return (
            f"FROM unnest({arrays}) asked({', '.join(names)}) JOIN {table} found ON {on}",
            values,
        )
    # The keys are few beside the table, which SQLite cannot know: CROSS JOIN keeps the order.
    if len(columns) > 1:
        on = " AND ".join(
            f"found.{column} = asked.value ->> {number}"
            for number, (column, _) in enumerate(columns)
        )
    else:
        on = f"found.{columns[0][0]} = asked.value"
    return (
        f"FROM json_each(%s) asked CROSS JOIN {table} found ON {on}",
        [msgspec.json.encode(rows).decode()],
    )


BY_ID = (("id", "bigint"),)
BY_MBID = (("mbid", "text"),)
BY_SOURCE = (("source", "text"), ("source_id", "text"))


class StoredLibrary:
    """`known.Library`, from the database."""

    def __init__(self) -> None:
        self.has_tracks = bool(fetched("SELECT 1 FROM catalogue_track LIMIT 1"))
        self.ids: dict[str, Iterator[int]] = {}

    def new_id(self, kind: str) -> int:
        """An id that no other row will have.

        On SQLite only if nobody else writes before this import does, which it makes sure of.
        """
        try:
            return next(self.ids[kind])
        except (KeyError, StopIteration):
            self.ids[kind] = self.more_ids(kind)
            return next(self.ids[kind])

    def more_ids(self, kind: str) -> Iterator[int]:
        if connection.vendor == "sqlite":
            return iter(bulk.reserve_ids(MODELS[kind], 2**62))
        return iter(bulk.reserve_ids(MODELS[kind], RESERVED_IDS))

    def genres(self, keys: Collection[str]) -> Iterable[tuple[str, int]]:
        source, values = asked("catalogue_genre", (("name_key", "text"),), keys)
        return fetched(f"SELECT found.name_key, found.id {source}", values)

    def artists(
        self, columns: tuple[tuple[str, str], ...], keys: Collection[Any]
    ) -> Iterable[Artist]:
        source, values = asked("catalogue_artist", columns, keys)
        return (
            Artist(*row) for row in fetched(f"SELECT {ARTIST} {source} ORDER BY found.id", values)
        )

    def artists_named(self, keys: Collection[str]) -> Iterable[Artist]:
        return self.artists((("name_key", "text"),), keys)

    def artists_with_mbid(self, mbids: Collection[str]) -> Iterable[Artist]:
        return self.artists(BY_MBID, mbids)

    def artists_from(self, pairs: Collection[Pair]) -> Iterable[Artist]:
        return self.artists(BY_SOURCE, pairs)

    def albums(
        self, columns: tuple[tuple[str, str], ...], keys: Collection[Any]
    ) -> Iterable[Album]:
        source, values = asked("catalogue_album", columns, keys)
        order = in_order(f"found.{column}" for column in ALBUM_COPIES)
        return (Album(*row) for row in fetched(f"SELECT {ALBUM} {source} ORDER BY {order}", values))

    def albums_named(self, pairs: Collection[tuple[int, str]]) -> Iterable[Album]:
        return self.albums((("artist_id", "bigint"), ("title_key", "text")), pairs)

    def albums_with_id(self, ids: Collection[int]) -> Iterable[Album]:
        return self.albums(BY_ID, ids)

    def albums_with_mbid(self, mbids: Collection[str]) -> Iterable[Album]:
        return self.albums(BY_MBID, mbids)

    def albums_from(self, pairs: Collection[Pair]) -> Iterable[Album]:
        return self.albums(BY_SOURCE, pairs)

    def album_genres(self, ids: Collection[int]) -> Iterable[tuple[int, int]]:
        source, values = asked("catalogue_albumgenre", (("album_id", "bigint"),), ids)
        return fetched(f"SELECT album_id, genre_id {source} ORDER BY album_id, position", values)

    def album_credits(self, ids: Collection[int]) -> Iterable[tuple[int, int, str, str]]:
        return credit_rows("album", ids)

    def tracks(
        self, columns: tuple[tuple[str, str], ...], keys: Collection[Any], order: str = ""
    ) -> Iterable[Track]:
        source, values = asked("catalogue_track", columns, keys)
        rows = fetched(f"SELECT {TRACK} {source} {order}", values)
        genres = self.track_genres([row[0] for row in rows])
        return [Track._make((*row, genres.get(row[0], "[]"))) for row in rows]

    def track_genres(self, ids: Collection[int]) -> dict[int, str]:
        """As `Track.genres` has them, of those tracks that have any."""
        if not ids:
            return {}
        source, values = asked("catalogue_trackgenre", (("track_id", "bigint"),), ids)
        found: dict[int, str] = {}
        for track_id, genre_id in fetched(
            f"SELECT found.track_id, found.genre_id {source} ORDER BY found.track_id, position",
            values,
        ):
            before = found.get(track_id)
            found[track_id] = f"{before[:-1]},{genre_id}]" if before else f"[{genre_id}]"
        return found

    def tracks_named(self, pairs: Collection[tuple[int, str]]) -> Iterable[Track]:
        order = in_order(f"found.{column}" for column in TRACK_COPIES)
        return self.tracks(
            (("artist_id", "bigint"), ("title_key", "text")), pairs, f"ORDER BY {order}"
        )

    def tracks_with_mbid(self, mbids: Collection[str]) -> Iterable[Track]:
        return self.tracks(BY_MBID, mbids)

    def tracks_from(self, pairs: Collection[Pair]) -> Iterable[Track]:
        return self.tracks(BY_SOURCE, pairs)

    def track_credits(self, ids: Collection[int]) -> Iterable[tuple[int, int, str, str]]:
        return credit_rows("track", ids)

    def staged(self, ids: Collection[int]) -> Iterable[StagedTrack]:
        source, values = asked("staged_track", BY_ID, ids)
        return map(staging.staged_track, fetched(f"SELECT {staging.NAMES} {source}", values))


def credit_rows(kind: str, ids: Collection[int]) -> list[tuple[int, int, str, str]]:
    source, values = asked(f"catalogue_{kind}credit", ((f"{kind}_id", "bigint"),), ids)
    return fetched(
        f"SELECT {kind}_id, artist_id, credited_as, role {source} ORDER BY {kind}_id, position",
        values,
    )
