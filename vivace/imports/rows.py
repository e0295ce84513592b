"""The rows of a file: their columns, and what each must be. `docs/import.md` describes them.

Nothing is looked up here: a row that passes is right in itself.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from vivace.catalogue import entries
from vivace.catalogue.models import DISAMBIGUATION_LENGTH, NAME_LENGTH, TITLE_LENGTH

# Together they fit an index entry of PostgreSQL, whatever the script.
SOURCE_LENGTH = 100
SOURCE_ID_LENGTH = 500
SourceName = Annotated[str, Meta(max_length=SOURCE_LENGTH, pattern=entries.SHOWN)]
"""As it is given for all rows of a file."""
T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType | None
"""A column that may be absent (`UNSET`), and null."""

Title = Annotated[str, Meta(max_length=TITLE_LENGTH)]
Name = Annotated[str, Meta(max_length=NAME_LENGTH)]
Disambiguation = Annotated[str, Meta(max_length=DISAMBIGUATION_LENGTH)]
Copy = Annotated[int, Meta(ge=1, le=entries.MAX_INTEGER)]
Genres = Annotated[list[Name], Meta(max_length=entries.GENRES_MAX)]


class RowError(Struct, frozen=True):
    """A row that stays out, by its line (the first is 1), and why."""

    line: int
    reason: str


class RefusedError(Exception):
    """The row at hand cannot go in; the message is for whoever made the file."""


class CreditRow(Struct, kw_only=True, forbid_unknown_fields=True):
    name: Name
    disambiguation: Disambiguation | None = None
    credited_as: Name | None = None
    role: Name = "main"


Credits = Annotated[list[CreditRow], Meta(max_length=entries.CREDITS_MAX)]


class EntryRow(Struct, kw_only=True):
    kind: str | UnsetType = UNSET
    mbid: Maybe[str] = UNSET
    source: Maybe[Annotated[str, Meta(max_length=SOURCE_LENGTH)]] = UNSET
    source_id: Maybe[Annotated[str, Meta(max_length=SOURCE_ID_LENGTH)] | int] = UNSET


class ArtistRow(EntryRow, kw_only=True):
    name: Name
    sort_name: Maybe[Name] = UNSET
    disambiguation: Maybe[Disambiguation] = UNSET


class AlbumRow(EntryRow, kw_only=True):
    title: Title
    artist: Name
    artist_disambiguation: Disambiguation | None = None
    copy: Copy | None = None
    release_date: Maybe[str] = UNSET
    type: Maybe[entries.AlbumType] = UNSET
    genre: Maybe[Name] = UNSET
    genres: Maybe[Genres] = UNSET
    credits: Maybe[Credits] = UNSET


class TrackRow(EntryRow, kw_only=True):
    title: Title
    artist: Name
    album: Title
    artist_disambiguation: Disambiguation | None = None
    album_artist: Name | None = None
    album_artist_disambiguation: Disambiguation | None = None
    album_copy: Copy | None = None
    copy: Copy | None = None
    disc_number: Maybe[entries.DiscNumber] = UNSET
    track_number: Maybe[entries.TrackNumber] = UNSET
    duration_ms: Maybe[entries.Milliseconds] = UNSET
    composer: Maybe[Title] = UNSET
    release_date: Maybe[str] = UNSET
    isrc: Maybe[str] = UNSET
    genre: Maybe[Name] = UNSET
    genres: Maybe[Genres] = UNSET
    credits: Maybe[Credits] = UNSET


class GenreRow(EntryRow, kw_only=True):
    name: Name


class PlaylistRow(EntryRow, kw_only=True):
    name: Name
    public: Maybe[bool] = UNSET
    tracks: list[Annotated[str, Meta(max_length=SOURCE_ID_LENGTH)] | int] | UnsetType = UNSET
    """Source ids, of the source that the row is from."""


Row = ArtistRow | AlbumRow | TrackRow | GenreRow | PlaylistRow

KINDS: dict[str, type[Row]] = {
    "track": TrackRow,
    "artist": ArtistRow,
    "album": AlbumRow,
    "genre": GenreRow,
    "playlist": PlaylistRow,
}
COLUMNS = {kind: frozenset(row.__struct_fields__) for kind, row in KINDS.items()}
DECODE: dict[str, Callable[[bytes], Row]] = {
    kind: msgspec.json.Decoder(row).decode for kind, row in KINDS.items()
}
DECODE_COLUMNS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

# Of these a text cell of a CSV file is made into what they hold.
NUMBERS = {"disc_number", "track_number", "duration_ms", "copy", "album_copy"}
LISTS = {"genres", "tracks"}
SWITCHES = {"true": True, "false": False}
REQUIRED = {"title", "artist", "album"}

MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
DATE = re.compile(entries.DATE)
INTEGER = re.compile(r"-?[0-9]{1,18}")


def mbid(text: str) -> str:
    if not MBID.fullmatch(found := text.lower()):
        raise RefusedError(f"mbid: {text[:50]!r} is not a MusicBrainz id (a UUID)")
    return found


def isrc(text: str) -> str:
    if not ISRC.fullmatch(found := text.replace("-", "").upper()):
        raise RefusedError(f"isrc: {text[:50]!r} is not an ISRC such as GBAYE7300010")
    return found


@lru_cache(maxsize=4096)
def release_date(text: str) -> str:
    if not DATE.match(text):
        raise RefusedError(
            f"release_date: {text[:50]!r} is not a date such as 1973, 1973-03 or 1973-03-01"
        )
    return text


def check_texts(row: EntryRow, *columns: str) -> None:
    for column in columns:
        text = getattr(row, column)
        if text is not UNSET and text is not None and (not text or text.isspace()):
            raise RefusedError(f"{column}: it is blank")


def check_entry(row: EntryRow) -> None:
    if row.mbid is not UNSET and row.mbid is not None:
        row.mbid = mbid(row.mbid)
    if row.source_id is not UNSET and row.source_id is not None:
        row.source_id = source_id(row.source_id)
    if row.source is not UNSET:
        check_texts(row, "source")


def source_id(value: str | int) -> str:
    """The id as it is stored. A number past 64 bits is refused."""
    if isinstance(value, str):
        if not value or value.isspace():
            raise RefusedError("source_id: it is blank")
        return value
    if not -(2**63) <= value < 2**64:
        raise RefusedError("source_id: the number is past 64 bits")
    return str(value)


def check_genres(row: AlbumRow | TrackRow) -> None:
    """Make `genres` of `genre` where that was given."""
    if row.genre is not UNSET:
        if row.genres is not UNSET:
            raise RefusedError("genre: genres is given too; one of them is enough")
        row.genres = [] if row.genre is None else [row.genre]
    if row.genres:
        for name in row.genres:
            if not name or name.isspace():
                raise RefusedError("genres: one of them is blank")


def check_credits(row: AlbumRow | TrackRow) -> None:
    for credit in row.credits or ():
        for column in ("name", "credited_as", "role"):
            text = getattr(credit, column)
            if text is not None and (not text or text.isspace()):
                raise RefusedError(f"credits: a {column} is blank")


def check_track(row: TrackRow) -> None:
    if not row.title or row.title.isspace() or row.artist.isspace() or row.album.isspace():
        check_texts(row, "title", "artist", "album")
    if not row.artist or not row.album:
        check_texts(row, "artist", "album")
    if row.album_artist is not None:
        check_texts(row, "album_artist")
    if row.composer is not UNSET:
        check_texts(row, "composer")
    if row.isrc is not UNSET and row.isrc is not None:
        row.isrc = isrc(row.isrc)
    if row.release_date is not UNSET and row.release_date is not None:
        row.release_date = release_date(row.release_date)
    if row.genre is not UNSET or row.genres is not UNSET:
        check_genres(row)
    if row.credits:
        check_credits(row)


def check_album(row: AlbumRow) -> None:
    check_texts(row, "title", "artist")
    if row.release_date is not UNSET and row.release_date is not None:
        row.release_date = release_date(row.release_date)
    check_genres(row)
    check_credits(row)


def check_artist(row: ArtistRow) -> None:
    check_texts(row, "name", "sort_name")


def check_playlist(row: PlaylistRow) -> None:
    check_texts(row, "name")
    if row.tracks is not UNSET:
        row.tracks = [source_id(track) for track in row.tracks]


def check_genre(row: GenreRow) -> None:
    check_texts(row, "name")


CHECKS: dict[type[Row], Callable[[Any], None]] = {
    TrackRow: check_track,
    ArtistRow: check_artist,
    AlbumRow: check_album,
    GenreRow: check_genre,
    PlaylistRow: check_playlist,
}


def checked(row: Row) -> Row:
    check_entry(row)
    CHECKS[type(row)](row)
    return row


def refuse_nul(row: Row) -> None:
    """Neither database keeps U+0000 in a text."""
    for column, value in msgspec.to_builtins(row).items():
        if "\0" in (value if isinstance(value, str) else repr(value).replace("\\x00", "\0")):
            raise RefusedError(f"{column}: it holds a NUL character")


WORDS = {
    "`str`": "text",
    "`int`": "a whole number",
    "`float`": "a fraction",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "an object",
    "`null`": "null",
}


def wording(error: Exception) -> str:
    """msgspec's message in words of the file: `duration_ms: expected a whole number, got text`."""
    message, _, path = str(error).partition(" - at `$")
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", message):
        return f"{missing[1]}: it is missing"
    # The alternatives of a column that may be null are given in one pair of back quotes.
    message = re.sub(
        r"`([^`]+)`", lambda found: " or ".join(map(word, found[1].split(" | "))), message
    )
    column = path.rstrip("`").removeprefix(".")
    message = message[:1].lower() + message[1:]
    return f"{column}: {message}" if column else message


def word(name: str) -> str:
    return WORDS.get(f"`{name}`", name)


def kind_of(columns: dict[str, Any]) -> str:
    """What a row is. Without `kind` it is a track, or a playlist where it can be nothing else."""
    if "kind" not in columns:
        return "playlist" if "tracks" in columns and "title" not in columns else "track"
    kind = columns["kind"]
    if isinstance(kind, msgspec.Raw):
        kind = msgspec.json.decode(kind)
    if not isinstance(kind, str) or kind not in KINDS:
        raise RefusedError(f"kind: it is one of {', '.join(KINDS)}")
    return kind
