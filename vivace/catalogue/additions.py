"""New artists, albums and tracks, by the thousand, all or nothing.

Each function answers with the new ids in the order of what was given, or raises `Conflict` with
a pointer (`/index/field`) to each thing that contradicts what is there or the rest of the list.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import Model

from vivace.catalogue import bulk, documents
from vivace.catalogue.caching import changing
from vivace.catalogue.carried import list_of_credits, list_of_genres, seen_to
from vivace.catalogue.entries import NewAlbum, NewArtist, NewCredit, NewTrack
from vivace.catalogue.fields import timestamp
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.models import (
    Album,
    AlbumCredit,
    AlbumGenre,
    Artist,
    Genre,
    Track,
    TrackCredit,
    TrackGenre,
    artist_words,
)
from vivace.catalogue.search import index_words, worded
from vivace.catalogue.statements import Statement, among, many
from vivace.catalogue.vocabulary import learn
from vivace.problems import MAX_FAULTS, Conflict, Fault

# What is looked up of an artist or album that others refer to.
ArtistFacts = tuple[str, str]
"""Its name and sort key."""
AlbumFacts = tuple[str, int | None]
"""Its title key and release year."""
GenreFacts = tuple[int, str]
"""Its id and its name."""


def looked_up(
    model: type[Model], by: str, keys: Iterable[Any], *columns: str, held: bool = False
) -> list[Any]:
    """Rows of these columns whose column `by` is one of the keys, in one query.

    With `held` nobody changes them until the transaction ends. On SQLite nobody could.
    """
    locks = held and connection.vendor == "postgresql"
    rows = model._default_manager.filter(among(by, "keys")).values_list(*columns)
    found = Statement.of(rows.order_by("id")).held() if locks else Statement.of(rows.order_by())
    return found.run({"keys": many(sorted(set(keys)))})


def artist_facts(ids: Iterable[str]) -> dict[str, ArtistFacts]:
    """Held, as what is added carries their names, and a change does not see it yet."""
    found = looked_up(Artist, "id", map(int, ids), "id", "name", "sort_key", held=True)
    return {str(id_): (name, key) for id_, name, key in found}


def album_facts(ids: Iterable[str]) -> dict[str, AlbumFacts]:
    """Held for the same reason."""
    found = looked_up(Album, "id", map(int, ids), "id", "title_key", "release_year", held=True)
    return {str(id_): (key, year) for id_, key, year in found}


def genres_named(named: Iterable[Sequence[str]]) -> list[list[GenreFacts]]:
    """The genres of each list of names, in order, one that comes twice once.

    They are made, as first written, where there are none yet.
    """
    lists = list(named)
    found = genres_by_key(name for names in lists for name in names)
    return [list(dict.fromkeys(found[fold(name)] for name in names)) for names in lists]


def genres_by_key(names: Iterable[str]) -> dict[str, GenreFacts]:
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(fold(name), name)
    if not wanted:
        return {}
    found = look_genres_up(wanted)
    # Sorted for the reason of `insert_in_order`.
    missing = [
        Genre(name=wanted[key], name_key=key, name_words=spellings(key))
        for key in sorted(wanted)
        if key not in found
    ]
    if missing:
        # Another writer may make the same genre at the same moment; either's will do.
        Genre.objects.bulk_create(missing, ignore_conflicts=True)
        found = look_genres_up(wanted)
        learn(genre.name_words for genre in missing)
    return found


def look_genres_up(keys: Iterable[str]) -> dict[str, GenreFacts]:
    # Their names go into lists, as those of credited artists do.
    found = looked_up(Genre, "name_key", keys, "name_key", "id", "name", held=True)
    return {key: (id_, name) for key, id_, name in found}


def lower(text: str | None) -> str | None:
    return text.lower() if text else None


def bare_isrc(text: str | None) -> str | None:
    return text.replace("-", "").upper() if text else None


def insert_findable(
    model: type[Model],
    ids: Sequence[int],
    columns: Sequence[str],
    rows: Iterable[bulk.Row],
    *unique: str,
) -> None:
    """Write rows with these ids, all of them new now, and have them found by their words."""
    table, written = model._meta.db_table, list(rows)
    insert_in_order(model, columns, written, *unique)
    places = [columns.index(column) for column in worded(table)]
    index_words(table, ids, (str(row[place]) for row in written for place in places))


def insert_in_order(
    model: type[Model], columns: Sequence[str], rows: Iterable[bulk.Row], *unique: str
) -> None:
    """Write rows, all of them new now, on PostgreSQL in the order of a unique key.

    Two who write the same ones at once then meet at the first, where one waits; in orders of
    their own each could wait for what the other has, a deadlock. On SQLite nobody can, and rows
    in the order of their ids extend the table and the indexes of moments at the end.
    """
    if connection.vendor == "postgresql":
        key = itemgetter(*map(columns.index, unique))
        rows = sorted(rows, key=lambda row: key(row) or "")
    bulk.insert(model, columns, rows, same=new())


def new() -> dict[str, bulk.Value]:
    """The columns of what is made at this moment."""
    return dict.fromkeys(("created_at", "updated_at"), timestamp())


# --- Artists ---------------------------------------------------------------------------------


def add_artists(artists: Sequence[NewArtist]) -> Sequence[int]:
    try:
        with changing():
            ids = bulk.reserve_ids(Artist, len(artists))
            insert_findable(
                Artist,
                ids,
                (
                    "id", "name", "sort_name", "disambiguation", "mbid", "name_key", "name_words",
                    "sort_key",
                ),
                artist_rows(ids, artists),
                "name_key",
                "disambiguation",
            )  # fmt: skip
    except IntegrityError as error:
        raise conflict(artist_faults(artists)) from error
    return ids


def artist_rows(ids: Iterable[int], artists: Iterable[NewArtist]) -> Iterator[bulk.Row]:
    for id_, artist in zip(ids, artists, strict=True):
        key = fold(artist.name)
        sort_key = fold(artist.sort_name) if artist.sort_name else key
        yield (
            id_, artist.name, artist.sort_name, artist.disambiguation, lower(artist.mbid),
            key, artist_words(key, sort_key), sort_key,
        )  # fmt: skip


def artist_faults(artists: Sequence[NewArtist]) -> Iterator[Fault]:
    names = [(fold(artist.name), artist.disambiguation) for artist in artists]
    keys = [key for key, _ in names]
    taken = set(looked_up(Artist, "name_key", keys, "name_key", "disambiguation"))
    yield from repeated(names, taken, "name", "An artist of that name and disambiguation")
    yield from taken_mbids(Artist, artists)


def repeated(values: Sequence[Any], taken: set[Any], field: str, what: str) -> Iterator[Fault]:
    """A fault for each value that is taken, or stands earlier in the list."""
    seen: dict[Any, int] = {}
    for index, value in enumerate(values):
        if value is None:
            continue
        if value in taken:
            yield Fault(f"{what} is there already", pointer=f"/{index}/{field}")
        elif value in seen:
            yield Fault(f"{what} is also item {seen[value]}", pointer=f"/{index}/{field}")
        else:
            seen[value] = index


def taken_mbids(
    model: type[Model], entries: Sequence[NewArtist | NewAlbum | NewTrack]
) -> Iterator[Fault]:
    mbids = [lower(entry.mbid) for entry in entries]
    found = looked_up(model, "mbid", filter(None, mbids), "mbid")
    name = model._meta.verbose_name
    yield from repeated(
        mbids, {row[0] for row in found}, "mbid", f"The MusicBrainz id of an {name}"
    )


def conflict(faults: Iterable[Fault]) -> Conflict:
    listed = [fault for fault, _ in zip(faults, range(MAX_FAULTS), strict=False)]
    return Conflict(
        listed[0].detail if listed else "Something it refers to has just been removed",
        errors=listed,
    )


# --- Albums ----------------------------------------------------------------------------------


def add_albums(albums: Sequence[NewAlbum]) -> Sequence[int]:
    try:
        with changing():
            artists = referred_artists(albums)
            refuse_any(unknown_to_albums(albums, artists))
            genres = genres_named(album.genres for album in albums)
            ids = bulk.reserve_ids(Album, len(albums))
            insert_findable(
                Album,
                ids,
                (
                    "id", "title", "artist_id", "type", "release_date", "mbid",
                    "title_key", "title_words", "artist_key", "genre_list", "credit_list",
                ),
                album_rows(ids, albums, artists, genres),
                "mbid",
            )  # fmt: skip
            with seen_to():
                add_genres(AlbumGenre, ids, genres)
                add_credits(AlbumCredit, ids, albums, artists)
            documents.index_new("album", ids)
    except IntegrityError as error:
        raise conflict(taken_mbids(Album, albums)) from error
    return ids


def album_rows(
    ids: Iterable[int],
    albums: Iterable[NewAlbum],
    artists: Mapping[str, ArtistFacts],
    genres: Iterable[Sequence[GenreFacts]],
) -> Iterator[bulk.Row]:
    for id_, album, held in zip(ids, albums, genres, strict=True):
        key = fold(album.title)
        artist_id, (_, artist_key) = int(album.artist_id), artists[album.artist_id]
        mbid = lower(album.mbid)
        yield (
            id_, album.title, artist_id, album.type, album.release_date, mbid,
            key, spellings(key), artist_key, genre_list(held), credit_list(album.credits, artists),
        )  # fmt: skip


# --- Tracks ----------------------------------------------------------------------------------


def add_tracks(tracks: Sequence[NewTrack]) -> Sequence[int]:
    try:
        with changing():
            artists = referred_artists(tracks)
            albums = album_facts({track.album_id for track in tracks})
            refuse_any(unknown_to_tracks(tracks, artists, albums))
            genres = genres_named(track.genres for track in tracks)
            ids = bulk.reserve_ids(Track, len(tracks))
            insert_findable(
                Track,
                ids,
                (
                    "id", "title", "artist_id", "album_id", "disc_number", "track_number",
                    "duration_ms", "composer", "mbid", "isrc", "title_key", "title_words",
                    "composer_words", "artist_key", "album_key", "release_year", "genre_list",
                    "credit_list",
                ),
                track_rows(ids, tracks, artists, albums, genres),
                "mbid",
            )  # fmt: skip
            with seen_to():
                add_genres(TrackGenre, ids, genres)
                add_credits(TrackCredit, ids, tracks, artists)
            documents.index_new("track", ids)
    except IntegrityError as error:
        raise conflict(taken_mbids(Track, tracks)) from error
    return ids


def track_rows(
    ids: Iterable[int],
    tracks: Iterable[NewTrack],
    artists: Mapping[str, ArtistFacts],
    albums: Mapping[str, AlbumFacts],
    genres: Iterable[Sequence[GenreFacts]],
) -> Iterator[bulk.Row]:
    for id_, track, held in zip(ids, tracks, genres, strict=True):
        key = fold(track.title)
        _, artist_key = artists[track.artist_id]
        album_key, year = albums[track.album_id]
        yield (
            id_, track.title, int(track.artist_id), int(track.album_id), track.disc_number,
            track.track_number, track.duration_ms, track.composer, lower(track.mbid),
            bare_isrc(track.isrc), key, spellings(key),
            spellings(fold(track.composer or "")), artist_key, album_key, year, genre_list(held),
            credit_list(track.credits, artists),
        )  # fmt: skip


# --- What albums and tracks have in common -----------------------------------------------------


def referred_artists(entries: Sequence[NewAlbum | NewTrack]) -> dict[str, ArtistFacts]:
    """The artists that entries and their credits name, as far as there are such."""
    credited = {credit.artist_id for entry in entries for credit in entry.credits}
    return artist_facts({entry.artist_id for entry in entries} | credited)


def unknown_artists(
    index: int, entry: NewAlbum | NewTrack, artists: Container[str]
) -> Iterator[Fault]:
    """Of the artists that an entry names."""
    if entry.artist_id not in artists:
        yield Fault("There is no such artist", pointer=f"/{index}/artist_id")
    for place, credit in enumerate(entry.credits):
        pointer = f"/{index}/credits/{place}/artist_id"
        if credit.artist_id not in artists:
            yield Fault("There is no such artist", pointer=pointer)
        elif not place and credit.artist_id != entry.artist_id:
            yield Fault("The first credit is not the artist", pointer=pointer)


def unknown_to_albums(albums: Sequence[NewAlbum], artists: Container[str]) -> Iterator[Fault]:
    for index, album in enumerate(albums):
        yield from unknown_artists(index, album, artists)


def unknown_to_tracks(
    tracks: Sequence[NewTrack], artists: Container[str], albums: Container[str]
) -> Iterator[Fault]:
    for index, track in enumerate(tracks):
        yield from unknown_artists(index, track, artists)
        if track.album_id not in albums:
            yield Fault("There is no such album", pointer=f"/{index}/album_id")


def refuse_any(faults: Iterator[Fault]) -> None:
    first = next(faults, None)
    if first:
        raise conflict([first, *faults])


# The keys that a genre's row carries, from the row it is on.
CARRIED: Mapping[type[Model], tuple[type[Model], str, tuple[str, ...]]] = {
    AlbumGenre: (
        Album,
        "album_id",
        ("artist_id", "title_key", "artist_key", "release_year", "created_at", "updated_at"),
    ),
    TrackGenre: (
        Track,
        "track_id",
        (
            "artist_id", "title_key", "artist_key", "release_year", "created_at", "updated_at",
            "album_key", "duration_ms",
        ),
    ),
}  # fmt: skip


def genre_list(genres: Iterable[GenreFacts]) -> str:
    return list_of_genres(name for _, name in genres)


def credit_list(credited: Sequence[NewCredit], artists: Mapping[str, ArtistFacts]) -> str:
    if plain(credited, artists):
        return "[]"
    return list_of_credits(
        (credit.artist_id, artists[credit.artist_id][0], as_credited(credit, artists), credit.role)
        for credit in credited
    )


def add_genres(
    model: type[AlbumGenre | TrackGenre],
    owners: Sequence[int],
    genres: Iterable[Sequence[GenreFacts]],
) -> None:
    """Give each owner its genres, in order."""
    rows = [
        (owner, genre, position)
        for owner, held in zip(owners, genres, strict=True)
        for position, (genre, _) in enumerate(held)
    ]
    if not rows:
        return
    owner_model, owner_column, columns = CARRIED[model]
    carried = owner_model._default_manager.filter(among("id", "owners")).order_by()
    found = Statement.of(carried.values_list("id", *columns)).run(
        {"owners": many(sorted({owner for owner, _, _ in rows}))}
    )
    keys = {row[0]: row[1:] for row in found}
    bulk.insert(
        model,
        (owner_column, "genre_id", "position", *columns),
        ((*row, *keys[row[0]]) for row in rows),
    )


def add_credits(
    model: type[AlbumCredit | TrackCredit],
    owners: Iterable[int],
    entries: Iterable[NewAlbum | NewTrack],
    artists: Mapping[str, ArtistFacts],
) -> None:
    """Store credits in order, of entries where they say more than the artist does."""
    owner_column = "album_id" if model is AlbumCredit else "track_id"
    bulk.insert(
        model,
        (owner_column, "position", "artist_id", "credited_as", "role"),
        (
            (owner, position, int(credit.artist_id), as_credited(credit, artists), credit.role)
            for owner, entry in zip(owners, entries, strict=True)
            if not plain(entry.credits, artists)
            for position, credit in enumerate(entry.credits)
        ),
    )


def as_credited(credit: NewCredit, artists: Mapping[str, ArtistFacts]) -> str:
    return credit.credited_as or artists[credit.artist_id][0]


def plain(credited: Sequence[NewCredit], artists: Mapping[str, ArtistFacts]) -> bool:
    """Whether credits say no more than who the artist is."""
    if len(credited) != 1:
        return not credited
    (only,) = credited
    return only.role == "main" and as_credited(only, artists) == artists[only.artist_id][0]
