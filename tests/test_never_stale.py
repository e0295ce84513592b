"""Two nodes with two workers each, and several people: no read is older than the last write that
was acknowledged, and no answer is for eyes it is not for.

Steps are drawn at random, by a seed that a failure names. For more of them:

    NEVER_STALE_STEPS=100000 pytest tests/test_never_stale.py --db postgresql
"""

import inspect
import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.databases import own_database
from tests.live import PASSWORD
from tests.sites import environment, main_pid
from vivace.lab import front

STEPS = int(os.environ.get("NEVER_STALE_STEPS", "1500"))
TOKEN_SECONDS = 240
BASE = "/api/v1"
NAMES = [f"Artist {n}" for n in range(6)]
PEOPLE = ["listener", "editor", "admin"]

Reply = tuple[int, dict[str, str], Any]


class OverSocket(HTTPConnection):
    """To a Gunicorn, with no NGINX between that could choose another node."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Nodes:
    """Gunicorns on one database."""

    def __init__(self, folders: list[Path], pids: list[int]) -> None:
        self.folders, self.pids = folders, pids
        self.tokens: dict[str, tuple[str, float]] = {}

    def ask(
        self,
        node: int,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str | None = "editor",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Status, headers and what the body says. Raises `HTTPException`, `OSError`."""
        told = dict(headers or {})
        if who:
            told["Authorization"] = f"Bearer {self.token(who)}"
        data = None if body is None else json.dumps(body)
        if data:
            told["Content-Type"] = "application/json"
        with closing(OverSocket(front.socket_of("reads", self.folders[node]))) as connection:
            connection.request(method, BASE + path, data, told)
            reply = connection.getresponse()
            text = reply.read()
            return reply.status, dict(reply.getheaders()), json.loads(text) if text else None

    def token(self, who: str) -> str:
        known, until = self.tokens.get(who, ("", 0.0))
        if until < time.monotonic():
            login = {"login": who, "password": PASSWORD}
            status, _, found = self.ask(0, "POST", "/auth/login", login, who=None)
            assert status == 200, found
            known, until = found["access_token"], time.monotonic() + TOKEN_SECONDS
            self.tokens[who] = known, until
        return str(known)

    def kill_a_worker(self, node: int) -> None:
        workers = psutil.Process(self.pids[node]).children()
        if workers:
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers).pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    folders = [folder / "one", folder / "two"]
    with ExitStack() as stack:
        database = stack.enter_context(own_database(request, folder, "library", "stale"))
        own = environment(database, folder) | {"VIVACE_PUBLIC_READ": "off"}
        pids = []
        for each in folders:
            each.mkdir()
            started = stack.enter_context(front.gunicorn("reads", each, own, workers=2))
            pids.append(main_pid(started.pid))
        yield Nodes(folders, pids)


class Library:
    """What the artists are, by all that was acknowledged."""

    def __init__(self, nodes: Nodes, seed: int) -> None:
        self.nodes, self.random = nodes, random.Random(seed)
        self.known: dict[str, str] = self.told(0)
        self.first = frozenset(self.known)
        self.liked: set[tuple[str, str]] = set()
        """By whom, and which, of those added since."""
        self.tags: dict[str, str] = {}

    def step(self) -> str:
        """Do one of all that may happen; which it was."""
        often: dict[Callable[..., None], float] = {
            self.read_all: 30, self.read_one: 20, self.read_if_changed: 20, self.read_as_nobody: 5,
            self.search: 10, self.add: 8, self.rename: 8, self.remove: 4, self.like: 4,
            self.undo: 3, self.keep_for_oneself: 2, self.kill_while_writing: 0.3,
        }  # fmt: skip
        (act,) = self.random.choices([*often], [*often.values()])
        drawn = {
            "node": self.random.randrange(2),
            "name": self.random.choice(NAMES),
            "who": self.random.choice(PEOPLE),
            "id_": self.random.choice(sorted(self.known)),
            "delay": self.random.uniform(0, 0.01),
        }
        act(**{name: drawn[name] for name in inspect.signature(act).parameters})
        return act.__name__

    def told(self, node: int) -> dict[str, str]:
        status, _, found = self.nodes.ask(node, "GET", "/artists?limit=10000")
        assert status == 200, found
        return {item["id"]: item["name"] for item in found["items"]}

    def add(self, node: int, name: str) -> None:
        taken = name in self.known.values()
        status, _, found = self.nodes.ask(node, "POST", "/artists", {"name": name})
        assert status == (409 if taken else 201), found
        if not taken:
            self.known[found["id"]] = name

    def rename(self, node: int, name: str, id_: str) -> None:
        taken = name in self.known.values() and self.known[id_] != name
        status, _, found = self.nodes.ask(node, "PATCH", f"/artists/{id_}", {"name": name})
        assert status == (409 if taken else 200), found
        if not taken:
            assert found["name"] == name
            self.known[id_] = name

    def remove(self, node: int, id_: str) -> None:
        status, _, found = self.nodes.ask(node, "DELETE", f"/artists/{id_}")
        # Some have albums.
        assert status in {204, 409}, found
        if status == 204:
            del self.known[id_]
            self.liked = {(who, liked) for who, liked in self.liked if liked != id_}

    def undo(self, node: int, name: str) -> None:
        """Many, of which the last cannot be: none is."""
        last = next(iter(self.known.values()))
        new = [{"name": f"{name} {n}"} for n in range(3)] + [{"name": last}]
        status, _, found = self.nodes.ask(node, "POST", "/artists/bulk", new)
        assert status == 409, found

    def read_all(self, node: int, who: str) -> None:
        status, headers, found = self.nodes.ask(node, "GET", "/artists?limit=10000", who=who)
        assert status == 200, found
        assert {item["id"]: item["name"] for item in found["items"]} == self.known
        self.tags[headers["ETag"]] = json.dumps(self.known, sort_keys=True)

    def read_one(self, node: int, who: str, id_: str) -> None:
        status, _, found = self.nodes.ask(node, "GET", f"/artists/{id_}", who=who)
        assert (status, found["name"]) == (200, self.known[id_])

    def read_if_changed(self, node: int) -> None:
        tag = self.random.choice([*sorted(self.tags), '"none"'])
        known = {"If-None-Match": tag}
        status, _, found = self.nodes.ask(node, "GET", "/artists?limit=10000", headers=known)
        if status == 304:
            assert self.tags[tag] == json.dumps(self.known, sort_keys=True)
        else:
            assert {item["id"]: item["name"] for item in found["items"]} == self.known

    def read_as_nobody(self, node: int) -> None:
        assert self.nodes.ask(node, "GET", "/artists?limit=10000", who=None)[0] == 401

    def search(self, node: int, who: str) -> None:
        """What is found, and among equals the more popular first."""
        status, _, found = self.nodes.ask(node, "GET", "/search?q=artist&limit=100", who=who)
        assert status == 200, found
        hits = [hit["artist"] for hit in found["artists"] if hit["artist"]["name"] in NAMES]
        told = {id_: name for id_, name in self.known.items() if name in NAMES}
        assert {hit["id"]: hit["name"] for hit in hits} == told
        likes = Counter(id_ for _, id_ in self.liked)
        popular = [likes[hit["id"]] for hit in hits if hit["id"] not in self.first]
        assert popular == sorted(popular, reverse=True)

    def like(self, node: int, who: str, id_: str) -> None:
        """Or no longer."""
        if id_ in self.first:
            return
        # So that each node has an answer from before.
        self.search(0, who)
        self.search(1, who)
        path, liked = f"/me/favourites/artists/{id_}", (who, id_)
        method = "DELETE" if liked in self.liked else "PUT"
        status, _, found = self.nodes.ask(node, method, path, who=who)
        assert status == 204, found
        self.liked ^= {liked}
        self.search(node, who)
        self.search(1 - node, who)

    def keep_for_oneself(self, node: int, who: str) -> None:
        new = {"name": "Mine", "public": False}
        status, _, found = self.nodes.ask(node, "POST", "/playlists", new, who=who)
        assert status == 201, found
        path = f"/playlists/{found['id']}"
        for other in ("listener", "editor"):
            if other != who:
                assert self.nodes.ask(1 - node, "GET", path, who=other)[0] == 404
                assert self.playlists_found(1 - node, other) == []
        assert self.nodes.ask(1 - node, "GET", path, who=who)[0] == 200
        assert self.playlists_found(1 - node, who) == [found["id"]]
        assert self.nodes.ask(node, "DELETE", path, who=who)[0] == 204

    def playlists_found(self, node: int, who: str) -> list[str]:
        status, _, found = self.nodes.ask(node, "GET", "/search?q=mine", who=who)
        assert status == 200, found
        return [hit["playlist"]["id"] for hit in found["playlists"]]

    def kill_while_writing(self, node: int, name: str, delay: float) -> None:
        """What was not acknowledged may be there or not, and then it stays so."""
        added: list[Reply] = []

        def add() -> None:
            with suppress(HTTPException, OSError):
                added.append(self.nodes.ask(node, "POST", "/artists", {"name": name}))

        thread = threading.Thread(target=add)
        thread.start()
        time.sleep(delay)
        self.nodes.kill_a_worker(node)
        thread.join()
        if added and added[0][0] == 201:
            self.known[added[0][2]["id"]] = name
        elif not added and name not in self.known.values():
            new = {id_: told for id_, told in self.settled().items() if told == name}
            self.known |= new

    def settled(self) -> dict[str, str]:
        """What is told when PostgreSQL has done with the last that it was asked."""
        found, before = self.told(0), None
        while found != before:
            time.sleep(0.1)
            found, before = self.told(1), found
        return found


def test_no_read_is_older_than_the_last_write(nodes: Nodes) -> None:
    seed = random.SystemRandom().getrandbits(32)
    library, done = Library(nodes, seed), Counter[str]()
    for number in range(STEPS):
        try:
            done[library.step()] += 1
        except AssertionError as error:
            raise AssertionError(f"Step {number} of seed {seed}") from error
    assert done["read_all"] > STEPS / 10
    assert done["like"] > STEPS / 100
