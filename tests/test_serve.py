"""`vivace serve`, as someone starts it: a process on a port, which answers and ends."""

import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import psycopg
import pytest

from tests.databases import own_database
from vivace.lab.servers import LOOPBACK, START_SECONDS, STOP_SECONDS, free_port
from vivace.serving import COUNTED_IN, Worker

PASSWORD = "correct horse battery"
LOGINS_WAIT = 256


@pytest.fixture
def environment(empty_database: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": empty_database, "VIVACE_DATA_DIR": str(tmp_path)}


def vivace(*words: str) -> list[str]:
    return [sys.executable, "-m", "vivace", *words]


@contextmanager
def serving(
    environment: dict[str, str],
    port: int,
    workers: int = 2,
    *,
    command: Sequence[str] = (),
    cwd: Path | None = None,
    stdin: int | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """The server once it answers; killed with its workers if the block leaves it running."""
    process = subprocess.Popen(
        command or vivace("serve", "--port", str(port), "--workers", str(workers)),
        cwd=cwd,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while get(port, "/healthz")[0] != 200:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def get(
    port: int, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body; status 0 where nothing listens. With a body it is a POST."""
    data = None if body is None else json.dumps(body).encode()
    json_ = {"Content-Type": "application/json"} if data else {}
    try:
        asked = Request(f"http://{LOOPBACK}:{port}{path}", data, {**json_, **(headers or {})})
        with urlopen(asked, timeout=STOP_SECONDS) as reply:  # noqa: S310 - a server of our own
            return reply.status, reply.read()
    except HTTPError as error:
        return error.code, error.read()
    except (URLError, ConnectionError, TimeoutError):
        return 0, b""


def add_alice(environment: dict[str, str]) -> dict[str, str]:
    """An account; what logs it in."""
    subprocess.run(
        vivace("adduser", "alice@example.org", "--password-stdin"),
        env=environment,
        input=PASSWORD,
        text=True,
        check=True,
        capture_output=True,
    )
    return {"login": "alice", "password": PASSWORD}


def test_it_serves_an_empty_folder_until_it_is_told_to_stop(environment: dict[str, str]) -> None:
    port = free_port()
    with serving(environment, port) as server:
        assert get(port, "/readyz")[0] == 200
        assert get(port, "/api/docs")[0] == 200
        assert b"--primary" in get(port, "/static/admin/css/base.css")[1]
        assert get(port, "/api/v1/artists")[0] == 401
        login = add_alice(environment)
        assert b"access_token" in get(port, "/api/v1/auth/login", login)[1]
        new = {"email": "bob@example.org", "username": "bob", "password": PASSWORD}
        assert get(port, "/api/v1/auth/register", new)[0] == 403
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=STOP_SECONDS)
    assert server.returncode == 0
    assert f"http://127.0.0.1:{port}" in said
    assert len(said.splitlines()) == 1
    assert get(port, "/healthz") == (0, b"")


def test_a_worker_that_ended_is_not_taken_for_alive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_once = os.waitstatus_to_exitcode

    def late(status: int) -> int:
        time.sleep(0.1)
        return at_once(status)

    # Between the end of a process and its being noted, as long as a busy machine makes it.
    monkeypatch.setattr(os, "waitstatus_to_exitcode", late)
    granian: Any = Worker  # its methods have no types
    worker = granian(parent=None, idx=0, target=time.sleep, args=(60,))
    monkeypatch.setenv(COUNTED_IN, str(tmp_path))
    worker.start()
    gauges = [tmp_path / f"gauge_livesum_{pid}.db" for pid in (worker.inner.pid, 1)]
    for gauge in gauges:
        gauge.touch()
    worker.terminate()
    worker.join(STOP_SECONDS)
    assert not worker.is_alive()
    assert [gauge.exists() for gauge in gauges] == [False, True]


def test_a_worker_reads_while_its_logins_wait(environment: dict[str, str]) -> None:
    port = free_port()
    with serving(environment, port, workers=1), ThreadPoolExecutor(3) as people:
        login = add_alice(environment)
        with held(environment["DATABASE_URL"]):
            asked = [people.submit(get, port, "/api/v1/auth/login", login) for _ in range(3)]
            wait(asked, timeout=1)
            assert get(port, "/readyz")[0] == 200
            assert not any(each.done() for each in asked)
        assert [each.result()[0] for each in asked] == [200, 200, 200]


def test_a_worker_reads_while_writes_wait(environment: dict[str, str]) -> None:
    port = free_port()
    with serving(environment, port, workers=1), ThreadPoolExecutor(3) as people:
        token = json.loads(get(port, "/api/v1/auth/login", add_alice(environment))[1])
        alice = {"Authorization": f"Bearer {token['access_token']}"}
        playlists = "/api/v1/playlists"
        with held(environment["DATABASE_URL"], "listening_playlist"):
            asked = [people.submit(get, port, playlists, {"name": "Kept"}, alice) for _ in "abc"]
            wait(asked, timeout=1)
            assert get(port, "/readyz")[0] == 200
            assert not any(each.done() for each in asked)
        assert [each.result()[0] for each in asked] == [201, 201, 201]
        assert len(json.loads(get(port, playlists, None, alice)[1])["items"]) == 3


@pytest.mark.any_database
def test_a_worker_reads_while_a_client_does_not(environment: dict[str, str]) -> None:
    port = free_port()
    for words in (["migrate", "--verbosity", "0"], ["seed", "--artists", "2000"]):
        subprocess.run(vivace(*words), env=environment, check=True, capture_output=True)
    asked = "GET /api/v1/tracks HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n"
    with serving(environment | {"VIVACE_PUBLIC_READ": "on"}, port, workers=1):
        with socket.create_connection((LOOPBACK, port)) as silent:
            silent.sendall(asked.encode())
            assert silent.recv(1_000).startswith(b"HTTP/1.1 200 OK")
            time.sleep(1)  # until nothing more goes into its buffers
            assert get(port, "/api/v1/tracks")[0] == 200
            whole = silent.makefile("rb").read(5_000_000)
        assert len(whole) == 5_000_000


def test_a_login_that_waits_is_answered_before_the_end(environment: dict[str, str]) -> None:
    port = free_port()
    with serving(environment, port, workers=1) as server, ThreadPoolExecutor(2) as people:
        login = add_alice(environment)
        with held(environment["DATABASE_URL"]):
            asked = [people.submit(get, port, "/api/v1/auth/login", login) for _ in range(2)]
            wait(asked, timeout=1)
            server.send_signal(signal.SIGTERM)
            wait(asked, timeout=1)
        assert [each.result()[0] for each in asked] == [200, 200]
        assert server.wait(STOP_SECONDS) == 0


def test_a_login_more_than_may_wait_is_refused_at_once(environment: dict[str, str]) -> None:
    port, path = free_port(), "/api/v1/auth/login"
    with (
        serving(environment, port, workers=1),
        ThreadPoolExecutor(LOGINS_WAIT + 2) as people,
    ):
        login = add_alice(environment)
        with held(environment["DATABASE_URL"]):
            first = people.submit(get, port, path, login)
            wait([first], timeout=1)
            asked = [people.submit(get, port, path, {}) for _ in range(LOGINS_WAIT + 1)]
            refused = next(as_completed(asked, STOP_SECONDS)).result()
            assert not first.done()
        assert (refused[0], json.loads(refused[1])["code"]) == (503, "unavailable")
        assert first.result()[0] == 200
        assert Counter(each.result()[0] for each in asked) == {400: LOGINS_WAIT, 503: 1}


@pytest.mark.any_database
def test_a_login_that_breaks_the_application_is_answered(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "broken.py").write_text(BROKEN)
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)]
    with serving(environment, port, command=[*granian, "broken:application"], cwd=tmp_path):
        for _ in range(2):
            assert get(port, "/api/v1/auth/login", {})[0] == 500
        assert get(port, "/healthz")[0] == 200


BROKEN = """
import django
django.setup()
from vivace.lanes import open_lanes
open_lanes()
def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        raise RuntimeError("not even a problem document")
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


@contextmanager
def held(database: str, table: str = "accounts_refreshtoken") -> Iterator[None]:
    """Nobody can write to that table: without another, what a login does."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.partition("///")[2])) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(database) as other:
            other.execute(f"LOCK {table} IN EXCLUSIVE MODE")
            yield


def test_it_ends_quietly_at_ctrl_c(environment: dict[str, str]) -> None:
    port = free_port()
    with serving(environment, port) as server:
        # A terminal sends it to all of them at once.
        os.killpg(server.pid, signal.SIGINT)
        said, _ = server.communicate(timeout=STOP_SECONDS)
    assert server.returncode == 0
    assert len(said.splitlines()) == 1, said


def test_it_ends_with_its_terminal(environment: dict[str, str]) -> None:
    port, (_, terminal) = free_port(), os.openpty()
    with serving(environment, port, stdin=terminal) as server:
        server.send_signal(signal.SIGHUP)
        server.communicate(timeout=STOP_SECONDS)
    assert server.returncode == 0
    assert get(port, "/healthz") == (0, b"")


def test_where_it_counts_is_not_taken_for_old(environment: dict[str, str]) -> None:
    """systemd takes away what nobody has touched for days, and passes by what is locked."""
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
    with serving(environment, free_port(), workers=1) as server:
        told = [each.environ() for each in psutil.Process(server.pid).children()]
        (folder,) = {found for each in told if (found := each.get("PROMETHEUS_MULTIPROC_DIR"))}
        held = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(held)


def test_its_workers_end_when_it_is_killed(environment: dict[str, str]) -> None:
    port = free_port()
    with serving(environment, port) as server:
        workers = psutil.Process(server.pid).children()
        server.kill()
        assert not psutil.wait_procs(workers, STOP_SECONDS)[1]
    assert get(port, "/healthz") == (0, b"")


def test_ctrl_c_before_it_serves_is_as_quiet(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        vivace("serve", "--port", str(free_port())),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert "serves" in process.stdout.readline()
    # The command becomes the server, which loads for a moment.
    while "vivace.serving" not in psutil.Process(process.pid).cmdline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=STOP_SECONDS)
    assert (process.returncode, said) == (0, "")


@pytest.mark.any_database
def test_what_lies_where_it_is_started_is_none_of_its_modules(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "logging.py").write_text("raise SystemExit('not that one')")
    told = subprocess.run(
        # With -c, too, it comes first.
        [
            sys.executable,
            "-c",
            "import sys; sys.path.pop(0); from vivace import serving; serving.become('x', 1, 1)",
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=STOP_SECONDS,
    )
    assert "not that one" not in told.stderr


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("vivace.serving", {"django", "psycopg", "redis", "prometheus_client"}),
        ("vivace.wsgi", {"psycopg", "redis"}),
    ],
)
def test_a_process_loads_no_more_than_it_needs(
    module: str, others: set[str], environment: dict[str, str], tmp_path: Path
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, json, {module}; print(json.dumps([*sys.modules]))"],
        env=environment | {"DATABASE_URL": f"sqlite:///{tmp_path}/library", "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not others & {*json.loads(told.stdout.splitlines()[-1])}


def test_requests_load_none_of_its_modules(
    request: pytest.FixtureRequest, redis: str, tmp_path: Path
) -> None:
    """They may be another version's by then."""
    with own_database(request, tmp_path, "library") as database:
        told = subprocess.run(
            [sys.executable, "-m", "tests.late"],
            env=os.environ
            | {
                "DATABASE_URL": database,
                "REDIS_URL": f"{redis}/15",
                "VIVACE_DATA_DIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(told.stdout.splitlines()[-1]) == []


@pytest.mark.any_database
def test_a_port_in_use_is_one_line_and_an_exit_code(environment: dict[str, str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            vivace("serve", "--port", port),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"CommandError: Port {port} on 127.0.0.1 cannot be used: Address already in use\n"
    )


@pytest.mark.any_database
@pytest.mark.parametrize("words", [["--port", "65536"], ["--workers", "0"], ["--port", "http"]])
def test_a_wrong_number_is_refused(environment: dict[str, str], words: list[str]) -> None:
    ended = subprocess.run(
        vivace("serve", *words), env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert words[1] in ended.stderr
