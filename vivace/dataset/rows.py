"""One import row of a made-up artist, album or track, drawn from who plays and what it is on."""

from random import Random
from typing import Any
from uuid import UUID

from vivace.dataset.acts import FIRST_YEAR, LAST_YEAR, Act, pick
from vivace.dataset.languages import VARIOUS_ARTISTS

Row = dict[str, Any]
"""As `docs/import.md` has them. A column that nothing was drawn for is absent."""

SOURCE = "generated"

# The share of rows that have what a real collection has for some only.
MBID_ARTIST, MBID_ALBUM, MBID_TRACK = 0.6, 0.5, 0.3
DAY_KNOWN, MONTH_KNOWN, YEAR_KNOWN = 0.55, 0.65, 0.95  # of all albums, so many at least
COMPOSED, IDENTIFIED = 0.15, 0.4
LONG, TIMED = 0.05, 0.99

LONG_PLAYERS = ("album",) * 17 + ("live", "compilation", "soundtrack")
SINGLE_TRACKS, EP_TRACKS, DISC_TRACKS = 3, 6, 22


def artist_row(rng: Random, act: Act, **fixed: Any) -> Row:
    row: Row = {"kind": "artist", "name": act.name, "source": SOURCE}
    if act.sort_name:
        row["sort_name"] = act.sort_name
    if rng.random() < MBID_ARTIST:
        row["mbid"] = mbid(rng)
    return row | fixed


def album_row(rng: Random, act: Act, size: int, **fixed: Any) -> Row:
    """An album of `size` tracks."""
    row: Row = {"kind": "album", "title": act.new_title(rng), "artist": act.name, "source": SOURCE}
    row["type"] = album_type(rng, act, size)
    row["genres"] = list(act.genres)
    if date := release_date(rng, act):
        row["release_date"] = date
    if rng.random() < MBID_ALBUM:
        row["mbid"] = mbid(rng)
    return row | fixed


def track_row(
    rng: Random,
    act: Act,
    on: Row,
    *,
    number: int,
    size: int,
    guest: Act | None = None,
    **fixed: Any,
) -> Row:
    """Track `number` of the `size` on an album, with a guest perhaps."""
    discs = size // DISC_TRACKS + 1
    disc, place = divmod(number - 1, -(-size // discs))
    row: Row = {
        "kind": "track",
        "title": act.title(rng),
        "artist": act.name,
        "album": on["title"],
        "album_artist": on["artist"],
        "disc_number": disc + 1,
        "track_number": place + 1,
        "genres": list(act.genres[:1]),
        "source": SOURCE,
    }
    luck = rng.random()
    if luck < TIMED:
        row["duration_ms"] = length_ms(rng) * (3 if luck < LONG else 1)
    if rng.random() < COMPOSED:
        row["composer"] = act.composer(rng)
    if rng.random() < IDENTIFIED:
        row["isrc"] = f"{act.registrant}{act.since % 100:02}{int(rng.random() * 100_000):05}"
    if rng.random() < MBID_TRACK:
        row["mbid"] = mbid(rng)
    if guest and guest is not act:
        row["credits"] = [{"name": act.name}, {"name": guest.name, "role": "featured"}]
    return row | fixed


def album_type(rng: Random, act: Act, size: int) -> str:
    if act.name == VARIOUS_ARTISTS:
        return "compilation"
    if size <= SINGLE_TRACKS:
        return "single"
    return "ep" if size <= EP_TRACKS else pick(rng, LONG_PLAYERS)


def release_date(rng: Random, act: Act) -> str | None:
    """As precise as is known: mostly a day, sometimes a month or a year, or nothing."""
    since = max(FIRST_YEAR, act.since)
    year = since + int(rng.random() * (LAST_YEAR + 1 - since))
    month, day = 1 + int(rng.random() * 12), 1 + int(rng.random() * 28)
    known = rng.random()
    if known < DAY_KNOWN:
        return f"{year}-{month:02}-{day:02}"
    if known < MONTH_KNOWN:
        return f"{year}-{month:02}"
    return str(year) if known < YEAR_KNOWN else None


def length_ms(rng: Random) -> int:
    return 100_000 + int(rng.random() * 130_000) + int(rng.random() * 130_000)


def mbid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
