"""Servers of our own, on loopback and free ports, in folders that go when they do."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import psutil
import psycopg
import redis

LOOPBACK = "127.0.0.1"
START_SECONDS = 60  # a cold disk on a busy CI machine
STOP_SECONDS = 20
ANSWER_SECONDS = 30
# A free port can be taken by another process before the server binds it.
ATTEMPTS = 3

# Stops the server when our end of its standard input closes, so that even a pytest that was
# killed leaves nothing running. The descriptor is moved because a shell gives what it runs
# in the background an empty standard input.
WATCHED = """
exec 3<&0
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -INT $server) &
wait $server
"""


class ServerMissingError(Exception):
    """The program is not installed here."""


class ServerFailedError(Exception):
    """The program is installed and did not start; its log is the message."""


@contextmanager
def postgresql_server() -> Iterator[str]:
    """The address of an empty PostgreSQL cluster, to which `/` and a database name are added."""
    with owned_folder() as home:
        command = postgresql_cluster(home)
        with serving(command, postgresql_answers, home) as port:
            yield postgresql_address(home, port)


def postgresql_address(home: Path, port: int) -> str:
    """Of a cluster, over its Unix socket: as docs/deploy.md has those on the same machine."""
    return f"postgresql://postgres@{quote(str(home), safe='')}:{port}"


def postgresql_cluster(home: Path) -> Callable[[int], list[str]]:
    """What serves a new cluster in the folder at a port."""
    bin_dir, data = postgresql_bin(), home / "data"
    # English rules decide the cluster's own order, as they do on most installations, so
    # a list that forgets to ask for its order is caught.
    locale = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
    access = ["--username=postgres", "--auth=trust", "--encoding=UTF8"]
    initdb = [str(bin_dir / "initdb"), f"--pgdata={data}", *access, *locale, "--no-sync"]
    made = subprocess.run(
        initdb, cwd=home, check=False, capture_output=True, text=True, **as_owner()
    )
    if made.returncode:
        raise ServerFailedError(made.stderr)

    def command(port: int) -> list[str]:
        # Nothing here outlives the run, so nothing waits for the disk.
        unsafe = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        options = [word for option in unsafe for word in ("-c", option)]
        address = ["-h", LOOPBACK, "-p", str(port), "-k", str(home)]
        return [str(bin_dir / "postgres"), "-D", str(data), *address, *options]

    return command


@contextmanager
def redis_server() -> Iterator[str]:
    """The address of an empty Redis, to which `/` and a database number are added."""
    command = redis_command()
    with owned_folder() as home, serving(command, redis_answers, home) as port:
        yield f"redis://{LOOPBACK}:{port}"


def redis_command() -> Callable[[int], list[str]]:
    """What serves a Redis that keeps nothing on disk at a port."""
    path = program("redis-server")

    def command(port: int) -> list[str]:
        # One database for each pytest-xdist worker; the usual 16 are few on a large machine.
        options = ["--databases", "128", "--save", "", "--appendonly", "no"]
        return [path, "--bind", LOOPBACK, "--port", str(port), *options]

    return command


def program(name: str) -> str:
    """The path of a program. Raises `ServerMissingError`."""
    found = shutil.which(name)
    if found is None:
        raise ServerMissingError(f"{name} is not installed")
    return found


def postgresql_bin() -> Path:
    """The folder of the newest server installed, where Debian keeps it or on the PATH."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found = sorted(debian, key=lambda program: float(program.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("postgres"):
        # The link is followed because initdb may stand only beside the real program.
        return Path(on_path).resolve().parent
    raise ServerMissingError("the PostgreSQL server is not installed")


@contextmanager
def owned_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vivace-", ignore_cleanup_errors=True) as folder:
        if owner := owner_of_servers():
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield Path(folder)


def owner_of_servers() -> pwd.struct_passwd | None:
    """Whom the servers run as when we are root, since PostgreSQL refuses to; otherwise None."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def as_owner() -> dict[str, Any]:
    owner = owner_of_servers()
    if owner is None:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


@contextmanager
def serving(
    command: Callable[[int], list[str]],
    answers: Callable[[int], bool],
    home: Path,
    **how: Any,
) -> Iterator[int]:
    """The port where the command answers, until the block ends.

    `how` is told to the process, instead of whom it runs as.
    """
    for attempt in range(ATTEMPTS):
        port = free_port()
        with started(command(port), home, **(how or as_owner())) as process:
            if answered(port, answers, process):
                yield port
                return
        if attempt == ATTEMPTS - 1:
            raise ServerFailedError((home / "log").read_text(errors="replace"))


class Program:
    """A server at one port, which goes on with what it left when it is started again."""

    def __init__(
        self, home: Path, command: Callable[[int], list[str]], answers: Callable[[int], bool]
    ) -> None:
        self.home, self.answers = home, answers
        self.port = free_port()
        self.command = command(self.port)
        self.stack = ExitStack()
        self.main: psutil.Process | None = None

    def start(self) -> None:
        watched = self.stack.enter_context(started(self.command, self.home, **as_owner()))
        if not answered(self.port, self.answers, watched):
            raise ServerFailedError((self.home / "log").read_text(errors="replace"))
        self.main = main_of(watched)

    def signal(self, number: int) -> None:
        if self.main:
            self.main.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.main = None
        self.stack.close()


@contextmanager
def started(command: list[str], home: Path, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    watched = ["sh", "-c", WATCHED, "sh", *command]
    with (home / "log").open("ab") as log:
        # A session of its own keeps a Ctrl-C for pytest from the servers, which the tests
        # still need to clean up after themselves.
        process = subprocess.Popen(
            watched,
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **how,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main_of(watched: subprocess.Popen[bytes]) -> psutil.Process:
    """The program, over which a shell watches."""
    children = psutil.Process(watched.pid).children()
    return next(each for each in children if each.name() != "sh")


def answered(port: int, answers: Callable[[int], bool], process: subprocess.Popen[bytes]) -> bool:
    """Whether it came to answer; not when it ended or ran out of time first."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(port):
            return True
        time.sleep(0.02)
    return False


def postgresql_answers(port: int) -> bool:
    try:
        psycopg.connect(
            f"postgresql://postgres@{LOOPBACK}:{port}/postgres", connect_timeout=5
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def redis_answers(port: int) -> bool:
    with closing(redis.Redis(LOOPBACK, port)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def http_answers(port: int) -> bool:
    """Whether a server says that it is alive."""
    try:
        urlopen(f"http://{LOOPBACK}:{port}/healthz", timeout=ANSWER_SECONDS).close()
    except (URLError, ConnectionError, TimeoutError):
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
