"""What others publish, to stand beside our figures and never among them."""

from typing import NamedTuple

SMALL_API = "Published elsewhere, in a report on a small Django music API; its machine is not ours"
PEERS = (
    "Measured elsewhere: the peers' own Subsonic endpoints with 30,000 tracks, medians, all on one"
    " machine, none in this run"
)


class Published(NamedTuple):
    what: str
    value: float
    unit: str
    beside: str
    """The title of the nearest benchmark of ours; empty where there is none."""


class Users(NamedTuple):
    """A load test: 100 users, 10 more each second."""

    seconds: float
    requests: int
    per_second: float
    mean_ms: float
    failure_rate: float
    login_ms: float


SCENARIOS = (
    Published("Insert 10,000 artists", 357.25, "ms", "Bulk Insert Artists"),
    Published("Fetch 10,000 artists", 182.50, "ms", "API Query – Artists (10k)"),
    Published("Fetch 100 of 10,000 tracks", 128.75, "ms", "API Query – Paginated Tracks (10k)"),
)
USERS = Users(120, 48_750, 402.1, 220, 0.0003, 350)
USERS_PROFILE = "assignment"

ALBUM_PAGE = "Albums by title (100 of 20,000)"
TRACK_PAGE = "API Query – Tracks (100 of 200,000)"
PEERS_MEASURED = (
    Published("Navidrome: list 50 albums", 3.9, "ms", ALBUM_PAGE),
    Published("LMS: list 50 albums", 9.6, "ms", ALBUM_PAGE),
    Published("gonic: list 50 albums", 16, "ms", ALBUM_PAGE),
    Published("Supysonic: list 50 albums", 66, "ms", ALBUM_PAGE),
    Published("Funkwhale: list 50 albums", 125, "ms", ALBUM_PAGE),
    Published("Navidrome: list 500 albums", 16, "ms", ""),
    Published("Funkwhale: REST page of 50 tracks", 150, "ms", TRACK_PAGE),
    Published(
        "Navidrome: songs at offset 29,000", 28, "ms",
        "Tracks by title, the last page of 2,000,000",
    ),
    Published("mStream: all artists", 12, "ms", "API Query – Artists (10k)"),
    Published("gonic: all artists", 27, "ms", "API Query – Artists (10k)"),
    Published("gonic: search", 4.5, "ms", ""),
    Published("Navidrome: search", 5.8, "ms", ""),
    Published("Navidrome: 50 albums over 8 connections", 340, "requests/s", ""),
    Published("Funkwhale: 50 albums over 8 connections", 10, "requests/s", ""),
    Published("LMS: scan of 30,000 files", 19, "s", ""),
)  # fmt: skip
