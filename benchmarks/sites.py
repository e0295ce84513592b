"""NGINX, nodes of Gunicorns, a PostgreSQL and a Redis of a script's own, as deploy/ has them.

Each of them can be stopped, killed and started again while the others go on.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from subprocess import Popen
from types import MappingProxyType
from typing import NamedTuple

import psutil

from vivace.lab import front, servers, stacks

WORDS = "NGINX, Gunicorn, PostgreSQL, Redis"
EDITOR, ADMIN = "editor", "admin"
"""Accounts of these roles, beside the listeners of `stacks`, with the same password."""


class Node:
    """A node's Gunicorns, which can be killed and started again."""

    def __init__(self, folder: Path, environment: dict[str, str], workers: int) -> None:
        self.folder, self.environment, self.workers = folder, environment, workers
        self.stack = ExitStack()
        self.running: list[Popen[bytes]] = []

    def start(self) -> None:
        self.running = [
            self.stack.enter_context(
                front.gunicorn(lane, self.folder, self.environment, self.workers)
            )
            for lane in front.LANES
        ]

    def kill(self) -> None:
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL)
        self.stack.close()
        for lane in front.LANES:
            front.socket_of(lane, self.folder).unlink(missing_ok=True)

    def reload(self) -> None:
        """New workers of each kind, once the old ones are gone."""
        mains = [servers.main_of(process) for process in self.running]
        before = self.workers_of(mains)
        for main in mains:
            main.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + servers.START_SECONDS
        while before & self.workers_of(mains):
            if time.monotonic() > deadline:
                raise TimeoutError("A node did not reload")
            time.sleep(0.05)

    def workers_of(self, mains: list[psutil.Process]) -> set[int]:
        return {child.pid for main in mains for child in main.children()}

    def pids(self) -> set[int]:
        """Of all its processes."""
        mains = [servers.main_of(process) for process in self.running]
        return self.workers_of(mains) | {main.pid for main in mains}


class OverSocket(HTTPConnection):
    """To a Gunicorn past NGINX; where its queue is full, this waits."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Site(NamedTuple):
    base: str
    nginx: int
    nodes: list[Node]
    redis: servers.Program
    postgresql: servers.Program
    database: str


@contextmanager
def site(
    nodes: int,
    accounts: int,
    *,
    workers: int = 1,
    limited: bool = False,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Site]:
    """A library that answers, from so many nodes with so many workers of each kind."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.owned_folder())
        redis = running(stack, servers.redis_command(), servers.redis_answers)
        postgresql, database = running_postgresql(stack)
        own = {
            "DATABASE_URL": database,
            "REDIS_URL": f"redis://{servers.LOOPBACK}:{redis.port}/0",
            "VIVACE_DATA_DIR": str(folder),
            "VIVACE_SECRET_KEY": stacks.SECRET_KEY,
            "VIVACE_TRUSTED_PROXIES": "unix",
            "VIVACE_LOGIN_LIMIT": "100000/300",
            **more,
        }
        environment = filled(own, accounts)
        started = []
        for number in range(nodes):
            (home := folder / f"node{number}").mkdir()
            started.append(node := Node(home, environment, workers))
            node.start()
            stack.callback(node.stack.close)
        before = {child.pid for child in psutil.Process().children()}
        homes = [node.folder for node in started]
        port = stack.enter_context(front.nginx(folder, workers, homes, limited=limited))
        (nginx,) = {child.pid for child in psutil.Process().children()} - before
        base = f"http://{servers.LOOPBACK}:{port}"
        yield Site(base, nginx, started, redis, postgresql, database)


def running(
    stack: ExitStack, command: Callable[[int], list[str]], answers: Callable[[int], bool]
) -> servers.Program:
    program = servers.Program(stack.enter_context(servers.owned_folder()), command, answers)
    program.start()
    stack.callback(program.kill)
    return program


def running_postgresql(stack: ExitStack) -> tuple[servers.Program, str]:
    """It, and the address of an empty database in it."""
    home = stack.enter_context(servers.owned_folder())
    program = servers.Program(home, servers.postgresql_cluster(home), servers.postgresql_answers)
    program.start()
    stack.callback(program.kill)
    return program, stacks.created(servers.postgresql_address(home, program.port))


def filled(own: dict[str, str], accounts: int) -> dict[str, str]:
    """The environment of the library, with all that is in one of `stacks` and two accounts more."""
    stacks.fill(own, accounts, print)
    environment = stacks.environment(own)
    for role in (EDITOR, ADMIN):
        subprocess.run(
            [sys.executable, "-m", "vivace", "adduser", f"{role}@example.org",
             "--role", role, "--password-stdin"],
            env=environment, input=stacks.PASSWORD, text=True, check=True, capture_output=True,
        )  # fmt: skip
    return environment
