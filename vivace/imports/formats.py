"""JSON Lines and CSV as rows: streamed, each one checked, nothing looked up.

`docs/import.md` describes every column. A line that is wrong comes out as a `RowError` and the
reading goes on; a file that is something else altogether raises `NotThatFormat`.
"""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, BinaryIO, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from vivace.catalogue.models import DISAMBIGUATION_LENGTH, NAME_LENGTH, TITLE_LENGTH
from vivace.problems import Invalid

Format = Literal["auto", "jsonl", "csv"]

LINE_BYTES = 1 << 20
SNIFFED_LINES = 100
MAX_GENRES = 100
# Together they fit an index entry of PostgreSQL, whatever the script.
SOURCE_LENGTH = 100
SOURCE_ID_LENGTH = 500
POSITIVE_INT_MAX = 2**31 - 1
TRACK_NUMBER_MAX = 999_998
"""One less than the number that stands for "without a number" in `Track.position`."""
UNSAID_COLUMNS = 100
"""Unknown columns are collected up to here; a file may have as many as it has rows."""

T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType | None
"""A column that may be absent (`UNSET`), and null."""

Title = Annotated[str, Meta(max_length=TITLE_LENGTH)]
Name = Annotated[str, Meta(max_length=NAME_LENGTH)]
Disambiguation = Annotated[str, Meta(max_length=DISAMBIGUATION_LENGTH)]
Copy = Annotated[int, Meta(ge=1, le=POSITIVE_INT_MAX)]
Genres = Annotated[list[Name], Meta(max_length=MAX_GENRES)]
AlbumType = Literal[
    "album", "ep", "single", "compilation", "live", "soundtrack", "remix", "broadcast", "other"
]


class NotThatFormat(Invalid):
    """The file is not what it says it is, and no row of it can be trusted."""


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
    type: Maybe[AlbumType] = UNSET
    genre: Maybe[Name] = UNSET
    genres: Maybe[Genres] = UNSET
    credits: Maybe[list[CreditRow]] = UNSET


class TrackRow(EntryRow, kw_only=True):
    title: Title
    artist: Name
    album: Title
    artist_disambiguation: Disambiguation | None = None
    album_artist: Name | None = None
    album_artist_disambiguation: Disambiguation | None = None
    album_copy: Copy | None = None
    copy: Copy | None = None
    disc_number: Maybe[Annotated[int, Meta(ge=1, le=9_999)]] = UNSET
    track_number: Maybe[Annotated[int, Meta(ge=0, le=TRACK_NUMBER_MAX)]] = UNSET
    duration_ms: Maybe[Annotated[int, Meta(ge=0, le=POSITIVE_INT_MAX)]] = UNSET
    composer: Maybe[Title] = UNSET
    release_date: Maybe[str] = UNSET
    isrc: Maybe[str] = UNSET
    genre: Maybe[Name] = UNSET
    genres: Maybe[Genres] = UNSET
    credits: Maybe[list[CreditRow]] = UNSET


class GenreRow(EntryRow, kw_only=True):
    name: Name


class PlaylistRow(EntryRow, kw_only=True):
    name: Name
    public: bool | UnsetType = UNSET
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
DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
INTEGER = re.compile(r"-?[0-9]{1,18}")


# --- One row ---------------------------------------------------------------------------------


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
    try:
        if not DATE.fullmatch(text):
            raise ValueError
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        raise RefusedError(
            f"release_date: {text[:50]!r} is not a date such as 1973, 1973-03 or 1973-03-01"
        ) from None
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


# --- Lines -----------------------------------------------------------------------------------


def lines(stream: BinaryIO) -> Iterator[bytes | RefusedError]:
    """Each line with its end, in bounded memory."""
    while line := stream.readline(LINE_BYTES + 1):
        if len(line) <= LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES)
        yield RefusedError(f"the line is longer than {LINE_BYTES:,} bytes")


class JsonLines:
    """The rows of a JSON Lines file; `unknown` then holds the columns that were left out."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.unknown: set[str] = set()

    def __iter__(self) -> Iterator[tuple[int, Row] | RowError]:
        for number, line in enumerate(lines(self.stream), 1):
            try:
                if isinstance(line, RefusedError):
                    raise line
                if row := self.row(line if number > 1 else line.removeprefix(BOM)):
                    yield number, row
            except RefusedError as error:
                yield RowError(number, str(error))

    def row(self, line: bytes) -> Row | None:
        """The row of a line; None where it is blank."""
        try:
            if not line.isascii():
                line.decode()
            columns = DECODE_COLUMNS(line)
            kind = kind_of(columns)
            row = checked(DECODE[kind](line))
        except msgspec.ValidationError as error:
            raise RefusedError(wording(error)) from error
        except msgspec.DecodeError as error:
            if not line.strip():
                return None
            raise RefusedError(f"not JSON: {error}") from error
        except UnicodeDecodeError as error:
            raise RefusedError(f"not UTF-8: byte {error.start + 1} of the line") from error
        except RecursionError as error:
            raise RefusedError("nested too deeply") from error
        if b"\\u0000" in line:
            refuse_nul(row)
        if not columns.keys() <= COLUMNS[kind] and len(self.unknown) < UNSAID_COLUMNS:
            self.unknown |= columns.keys() - COLUMNS[kind]
        return row


class CsvLines(Iterator[str]):
    """Lines as text for `csv`, which goes on after one that raises."""

    def __init__(self, stream: BinaryIO) -> None:
        self.lines = lines(stream)
        self.number = 0

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        if isinstance(line, RefusedError):
            raise line
        try:
            return (line if self.number > 1 else line.removeprefix(BOM)).decode()
        except UnicodeDecodeError as error:
            raise RefusedError(f"not UTF-8: byte {error.start + 1} of the line") from error


class Csv:
    """The rows of a CSV file with a header; `unknown` holds the columns that were left out."""

    def __init__(self, stream: BinaryIO) -> None:
        self.lines = CsvLines(stream)
        self.records = csv.reader(self.lines, strict=True)
        try:
            self.header = [name.strip().lower() for name in next(self.records)]
        except (StopIteration, RefusedError, csv.Error) as error:
            raise NotThatFormat("it is not CSV: the header is missing") from error
        refuse_header(self.header)
        known = frozenset[str]().union(*COLUMNS.values())
        self.unknown = set(islice((name for name in self.header if name not in known), 100))
        self.known = [name in known for name in self.header]

    def __iter__(self) -> Iterator[tuple[int, Row] | RowError]:
        while True:
            number = self.lines.number + 1
            try:
                record = next(self.records)
                if record:
                    yield number, self.row(record)
            except StopIteration:
                return
            except RefusedError as error:
                yield RowError(number, str(error))
            except csv.Error as error:
                yield RowError(number, f"not CSV: {error}")

    def row(self, record: list[str]) -> Row:
        if len(record) != len(self.header):
            raise RefusedError(f"it has {len(record)} cells and the header {len(self.header)}")
        cells = {
            name: cell(name, text)
            for name, text, known in zip(self.header, record, self.known, strict=True)
            if known
        }
        if cells.get("kind", "") is None:
            del cells["kind"]
        kind = kind_of(cells)
        try:
            row = checked(msgspec.convert(cells, KINDS[kind]))
        except msgspec.ValidationError as error:
            raise RefusedError(wording(error)) from error
        if any("\0" in text for text in record):
            refuse_nul(row)
        return row


def cell(column: str, text: str) -> str | int | bool | list[str] | None:
    """What a cell stands for; an empty one is null."""
    if column in LISTS:
        return [part.strip() for part in text.split(";") if part.strip()]
    if not text:
        return None
    if column in NUMBERS:
        if not INTEGER.fullmatch(text.strip()):
            raise RefusedError(f"{column}: {text[:50]!r} is not a whole number of up to 18 digits")
        return int(text)
    if column == "public":
        return SWITCHES.get(text.lower(), text)
    return text


# --- The file --------------------------------------------------------------------------------

BOM = b"\xef\xbb\xbf"
FOREIGN = {
    b"\x1f\x8b": "it is compressed with gzip",
    b"PK\x03\x04": "it is a ZIP file or a spreadsheet's own format",
    b"\xff\xfe": "it is UTF-16, not UTF-8",
    b"\xfe\xff": "it is UTF-16, not UTF-8",
}
READERS: dict[str, type[JsonLines | Csv]] = {"jsonl": JsonLines, "csv": Csv}
SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}


def reader(stream: BinaryIO, asked: Format = "auto") -> JsonLines | Csv:
    """The rows of a seekable stream, from its start. Raises `NotThatFormat`."""
    stream.seek(0)
    head = [line for line in islice(lines(stream), SNIFFED_LINES) if isinstance(line, bytes)]
    stream.seek(0)
    refuse_foreign(b"".join(head[:1]))
    found = asked
    if asked == "auto":
        found = "jsonl" if starts_as_json(head) else "csv"
    if found == "jsonl":
        refuse_other_than_json_lines(head)
    return READERS[found](stream)


def refuse_foreign(start: bytes) -> None:
    for mark, what in FOREIGN.items():
        if start.startswith(mark):
            raise NotThatFormat(what)
    if b"\0" in start:
        raise NotThatFormat("it is a binary file")


def starts_as_json(head: list[bytes]) -> bool:
    text = b"".join(head).removeprefix(BOM).lstrip()
    return not text or text[:1] in b"{["


def is_object(line: bytes) -> bool:
    try:
        DECODE_COLUMNS(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def refuse_other_than_json_lines(head: list[bytes]) -> None:
    said = [line.removeprefix(BOM).strip() for line in head]
    said = [line for line in said if line]
    if not said or any(map(is_object, said)):
        return
    if said[0].startswith(b"["):
        raise NotThatFormat("it is a JSON array; JSON Lines has one object a line and no brackets")
    if said[0] == b"{" or not any(line.startswith(b"{") for line in said):
        raise NotThatFormat("it is not JSON Lines: it has no line with a JSON object")


def refuse_header(header: list[str]) -> None:
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise NotThatFormat(f"its header names {twice[0]!r} twice")
    missing = sorted(REQUIRED - set(header))
    if missing and "kind" not in header:
        raise NotThatFormat(f"its header lacks {', '.join(missing)}")
