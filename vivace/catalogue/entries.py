"""What may be written: the rules of each field, and what makes or changes a thing.

Whatever comes from outside is decoded into these and is then known to be right in itself.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vivace.catalogue.models import DISAMBIGUATION_LENGTH, NAME_LENGTH, TITLE_LENGTH

MAX_INTEGER = 2**31 - 1
BULK_MAX = 10_000
GENRES_MAX = 100
CREDITS_MAX = 100

# White space as Python has it, spelled out: in JSON Schema `\s` means other characters.
BLANK = r"\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# At least one character that shows, and no NUL, which no database column here can hold.
SHOWN = rf"^[^\x00]*[^\x00{BLANK}][^\x00]*$"
# The end of the text and not, as `$` alone has it, a line break before it.
END = r"$(?!\n)"
ID = f"^[1-9][0-9]{{0,17}}{END}"
UUID = f"^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{END}"
ISRC = f"^[A-Za-z]{{2}}-?[A-Za-z0-9]{{3}}-?[0-9]{{2}}-?[0-9]{{5}}{END}"
# 29 February is only in leap years.
LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
DATE = (
    "^([0-9]{4}(-(0[1-9]|1[0-2])|-02-(0[1-9]|1[0-9]|2[0-8])"
    "|-(0[469]|11)-(0[1-9]|[12][0-9]|30)|-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01]))?"
    f"|{LEAP_YEAR}-02-29){END}"
)

Id = Annotated[str, Meta(pattern=ID, description="Opaque", examples=["1234"])]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, pattern=SHOWN)]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_LENGTH, pattern=SHOWN)]
Disambiguation = Annotated[str, Meta(max_length=DISAMBIGUATION_LENGTH, pattern=r"^[^\x00]*$")]
Mbid = Annotated[str, Meta(pattern=UUID, description="MusicBrainz id")]
Isrc = Annotated[
    str,
    Meta(
        pattern=ISRC,
        description="International Standard Recording Code; hyphens are dropped",
        examples=["GBAYE7300001"],
    ),
]
ReleaseDate = Annotated[
    str,
    Meta(
        pattern=DATE,
        description="As precise as it is known: a year, a month or a day",
        examples=["1973-03-01"],
    ),
]
Milliseconds = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
DiscNumber = Annotated[int, Meta(ge=1, le=9_999)]
# One less than the number that stands for "without a number" in `Track.position`.
TrackNumber = Annotated[int, Meta(ge=0, le=999_998)]
# fmt: off
AlbumType = Literal[
    "album", "ep", "single", "compilation", "live", "soundtrack", "remix", "broadcast", "other"
]
# fmt: on


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A shape of a body: an unknown field is an error, not a typo that goes unnoticed."""


class NewCredit(Body):
    artist_id: Id
    credited_as: Name | None = None
    role: Name = "main"


Genres = Annotated[list[Name], Meta(max_length=GENRES_MAX)]
Credits = Annotated[
    list[NewCredit],
    Meta(max_length=CREDITS_MAX, description="In order; the first is the artist"),
]


class NewArtist(Body):
    name: Name
    sort_name: Name | None = None
    disambiguation: Disambiguation = ""
    mbid: Mbid | None = None


class NewAlbum(Body):
    title: Title
    artist_id: Id
    type: AlbumType | None = None
    release_date: ReleaseDate | None = None
    mbid: Mbid | None = None
    genres: Genres = []
    credits: Credits = []


class NewTrack(Body):
    title: Title
    artist_id: Id
    album_id: Id
    disc_number: DiscNumber | None = None
    track_number: TrackNumber | None = None
    duration_ms: Milliseconds | None = None
    composer: Title | None = None
    mbid: Mbid | None = None
    isrc: Isrc | None = None
    genres: Genres = []
    credits: Credits = []


class ArtistChanges(Body):
    """What is absent stays as it is."""

    name: Name | UnsetType = UNSET
    sort_name: Name | UnsetType | None = UNSET
    disambiguation: Disambiguation | UnsetType = UNSET
    mbid: Mbid | UnsetType | None = UNSET


class AlbumChanges(Body):
    """What is absent stays as it is; `genres` and `credits` are replaced whole."""

    title: Title | UnsetType = UNSET
    artist_id: Id | UnsetType = UNSET
    type: AlbumType | UnsetType | None = UNSET
    release_date: ReleaseDate | UnsetType | None = UNSET
    mbid: Mbid | UnsetType | None = UNSET
    genres: Genres | UnsetType = UNSET
    credits: Credits | UnsetType = UNSET


class TrackChanges(Body):
    """What is absent stays as it is; `genres` and `credits` are replaced whole."""

    title: Title | UnsetType = UNSET
    artist_id: Id | UnsetType = UNSET
    album_id: Id | UnsetType = UNSET
    disc_number: DiscNumber | UnsetType | None = UNSET
    track_number: TrackNumber | UnsetType | None = UNSET
    duration_ms: Milliseconds | UnsetType | None = UNSET
    composer: Title | UnsetType | None = UNSET
    mbid: Mbid | UnsetType | None = UNSET
    isrc: Isrc | UnsetType | None = UNSET
    genres: Genres | UnsetType = UNSET
    credits: Credits | UnsetType = UNSET
