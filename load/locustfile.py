"""People who listen, for Locust: they log in, browse, look things up and keep a playlist.

    locust -f load/locustfile.py --host http://127.0.0.1:8000

does with `vivace serve --demo` as it stands. Every answer is checked, not only its status.
`vivace lab load` runs the same people and keeps what was measured (`vivace.lab.recording`).
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gevent
import msgspec
from locust import events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from load.visitors import Answer, Visitor, right
from vivace.lab import recording

API = "/api/v1"
PAGE = 50
DEEP = 0.7
"""How often someone who has a cursor goes on to the next page."""
MISSPELT = 0.3
"""How often somebody types a word wrong."""
REMEMBERED = 200
"""Things that someone has seen and may look up."""
PLAYLIST_MAX = 200
RETRY_SECONDS = 1
EARLY_SECONDS = 30
"""Before their token runs out people log in again."""
GENRES = ("rock", "Jazz", "POP", "Électronique", "electronic", "folk")
WORDS = ("love", "night", "the", "noche", "nuit", "ночь", "夜")

Item = TypeVar("Item")


class Shape(msgspec.Struct, gc=False):
    """Of an answer, or of a part. Nothing in it can be part of a cycle."""


class Thing(Shape):
    id: str
    created_at: str


class Artist(Thing):
    name: str


class Album(Thing):
    title: str
    artist: msgspec.Raw
    genres: list[str]


class Track(Thing):
    title: str
    artist: msgspec.Raw
    album: msgspec.Raw
    genres: list[str]


class Hit(Shape):
    score: float


class ArtistHit(Hit):
    artist: Artist


class AlbumHit(Hit):
    album: Album


class TrackHit(Hit):
    track: Track


class Found(Shape):
    artists: list[ArtistHit]
    albums: list[AlbumHit]
    tracks: list[TrackHit]
    playlists: list[Hit]


class Page(Shape, Generic[Item]):
    items: list[Item]
    next: str | None


class Tokens(Shape):
    access_token: str
    expires_in: int


PATHS: dict[type[Thing], str] = {Artist: "artists", Album: "albums", Track: "tracks"}


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    own = parser.add_argument_group("Vivace")
    own.add_argument("--wait-min", type=float, default=1.0, help="seconds from answer to request")
    own.add_argument("--wait-max", type=float, default=3.0, help="seconds, at the most")
    own.add_argument("--account", default="demo", help="{} stands for a user's number, from 1")
    own.add_argument("--account-password", default="vivace-demo")
    recording.add_options(own)


@events.init.add_listener
def record(environment: Environment, **_: Any) -> None:
    recording.attach(environment)


class Listener(Visitor):
    """Someone with the tracks, albums and artists that they have come across."""

    number = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        Listener.number += 1
        # Each process counts for itself.
        number = recording.number_of(environment, Listener.number)
        self.account = self.options.account.format(number)
        self.seen: dict[type[Thing], deque[str]] = {
            kind: deque(maxlen=REMEMBERED) for kind in PATHS
        }
        self.cursors: dict[str, str | None] = {}
        self.known_until = math.inf
        self.playlist: str | None = None
        self.kept = 0

    @property
    def options(self) -> Any:
        return self.environment.parsed_options

    def wait_time(self) -> float:
        return random.uniform(self.options.wait_min, self.options.wait_max)

    def on_start(self) -> None:
        while not self.log_in():
            gevent.sleep(RETRY_SECONDS)
        self.browse_tracks()
        self.browse_albums()
        self.browse_artists()

    def like(self, other: "Listener") -> "Listener":
        """Someone who knows what another has come across so far, under the same account."""
        self.account, self.headers = other.account, dict(other.headers)
        self.known_until = other.known_until
        self.seen = {kind: deque(ids, REMEMBERED) for kind, ids in other.seen.items()}
        return self

    # What they do, and how often each for each of the others. Together these are 200.

    @task(1)
    def log_in_again(self) -> None:
        self.log_in()

    def log_in(self) -> bool:
        body = {"login": self.account, "password": self.options.account_password}
        found = self.ask("POST /auth/login", "/auth/login", Tokens, json=body)
        if found:
            self.headers["Authorization"] = f"Bearer {found.access_token}"
            self.known_until = time.monotonic() + found.expires_in - EARLY_SECONDS
        return found is not None

    @task(50)
    def browse_tracks(self) -> None:
        self.browse(Track, random.choice(("created_at", "title", "-release_year", "artist")))

    @task(25)
    def browse_albums(self) -> None:
        self.browse(Album, random.choice(("title", "-created_at", "artist")))

    @task(20)
    def browse_artists(self) -> None:
        self.browse(Artist, "name")

    @task(15)
    def filter_tracks_by_genre(self) -> None:
        genre = random.choice(GENRES)
        path = f"/tracks?limit={PAGE}&genre={genre}&sort=title"
        self.see(Track, self.ask("GET /tracks (genre)", path, Page[Track], of_genre(genre)))

    @task(10)
    def search(self) -> None:
        """A word that is known, at times misspelt."""
        word = random.choice(WORDS)
        if random.random() < MISSPELT:
            word = misspelt(word)
        self.ask("GET /search", f"/search?q={word}", Found, best_first)

    @task(5)
    def filter_tracks_by_title(self) -> None:
        path = f"/tracks?limit={PAGE}&title={random.choice(WORDS)}"
        self.see(Track, self.ask("GET /tracks (title)", path, Page[Track]))

    @task(4)
    def filter_artists_by_name(self) -> None:
        start = random.choice("abcdefgklmnoprstв美")
        self.see(Artist, self.ask("GET /artists (name)", f"/artists?name={start}", Page[Artist]))

    @task(25)
    def show_track(self) -> None:
        self.show(Track)

    @task(10)
    def show_album(self) -> None:
        self.show(Album)

    @task(10)
    def show_artist(self) -> None:
        self.show(Artist)

    @task(10)
    def tracks_of_an_album(self) -> None:
        if album := self.remembered(Album):
            name, path = "GET /albums/{id}/tracks", f"/albums/{album}/tracks"
            self.see(Track, self.ask(name, path, Page[Track]))

    @task(8)
    def keep_a_track(self) -> None:
        track = self.remembered(Track)
        if not track:
            return
        if self.playlist is None or self.kept >= PLAYLIST_MAX:
            new = {"name": "Kept"}
            made = self.ask("POST /playlists", "/playlists", Thing, json=new, status=201)
            self.playlist, self.kept = (made.id if made else None), 0
        if self.playlist:
            name, path = "POST /playlists/{id}/items", f"/playlists/{self.playlist}/items"
            body = {"track_ids": [track]}
            self.kept += self.ask(name, path, msgspec.Raw, json=body, status=201) is not None

    @task(7)
    def play_what_was_kept(self) -> None:
        if not self.playlist:
            self.keep_a_track()
            return
        path = f"/playlists/{self.playlist}/items?limit={PLAYLIST_MAX}"
        self.ask("GET /playlists/{id}/items", path, Page[msgspec.Raw], as_many_as(self.kept))

    # How they do it

    def browse(self, kind: type[Item], sort: str) -> None:
        """The first page of a list, or the one after the last that was read."""
        list_ = f"{PATHS[kind]}?limit={PAGE}&sort={sort}"  # type: ignore[index]
        cursor = self.cursors.get(list_)
        goes_on = cursor is not None and random.random() < DEEP
        path = f"/{list_}&cursor={cursor}" if goes_on else f"/{list_}"
        found = self.ask(f"GET /{PATHS[kind]} (page)", path, Page[kind])  # type: ignore[index,valid-type]
        if found:
            self.cursors[list_] = found.next
        self.see(kind, found)

    def show(self, kind: type[Thing]) -> None:
        if id_ := self.remembered(kind):
            name, path = f"GET /{PATHS[kind]}/{{id}}", f"/{PATHS[kind]}/{id_}"
            self.ask(name, path, kind, of_id(id_))

    def see(self, kind: Any, page: Page[Any] | None) -> None:
        for item in page.items if page else ():
            self.seen[kind].append(item.id)

    def remembered(self, kind: type[Thing]) -> str | None:
        """One that they have come across; None for whoever has come across none."""
        return random.choice(self.seen[kind]) if self.seen[kind] else None

    def ask(
        self,
        name: str,
        path: str,
        kind: type[Answer],
        wrong: Callable[[Answer], str] = right,
        *,
        json: Any = None,
        status: int = 200,
    ) -> Answer | None:
        """As of all visitors, by someone who is logged in; the path is within the API."""
        if time.monotonic() > self.known_until:
            # The login asks, too; refused, it is tried again a little later.
            self.known_until = time.monotonic() + RETRY_SECONDS
            self.log_in()
        return super().ask(name, API + path, kind, wrong, json=json, status=status)


def misspelt(word: str) -> str:
    """With two letters exchanged."""
    at = random.randrange(max(1, len(word) - 1))
    return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]


def best_first(found: Found) -> str:
    for hits in (found.artists, found.albums, found.tracks, found.playlists):
        scores = [hit.score for hit in hits]
        if scores != sorted(scores, reverse=True):
            return "a worse answer before a better one"
    return ""


def of_id(id_: str) -> Callable[[Thing], str]:
    return lambda thing: "" if thing.id == id_ else "it is another one"


def of_genre(genre: str) -> Callable[[Page[Track]], str]:
    def wrong(page: Page[Track]) -> str:
        names = [{name.casefold() for name in track.genres} for track in page.items]
        others = not all(genre.casefold() in each for each in names)
        return "a track of another genre" if others and genre.isascii() else ""

    return wrong


def as_many_as(kept: int) -> Callable[[Page[Any]], str]:
    def wrong(page: Page[Any]) -> str:
        return "" if len(page.items) == kept else "not what was put in"

    return wrong
