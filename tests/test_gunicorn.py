"""How Gunicorn loads workers and ends, by the settings that `deploy/` ships: without NGINX."""

import os
import re
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.live import CHECKOUT
from tests.sites import environment, until
from vivace import worker
from vivace.lab import front
from vivace.lab.probed import CONNECTIONS

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize(("log", "loads"), [("json", True), ("nonsense", False)])
def test_it_tells_of_what_it_could_not_load(log: str, loads: bool, tmp_path: Path) -> None:
    own = environment(f"sqlite:///{tmp_path}/vivace.sqlite3", tmp_path) | {"VIVACE_LOG": log}
    command = [sys.executable, "-m", "gunicorn", "--check-config", "--config"]
    checked = subprocess.run(
        [*command, str(front.DEPLOY / "gunicorn.conf.py")],
        cwd=CHECKOUT, env=own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode == 0) == loads, checked.stderr


class Booting:
    """A worker that its main process waits for, and its application."""

    def __init__(self, wsgi: Callable[[], None]) -> None:
        self.app, self.wsgi = self, wsgi
        self.signs_of_life = 0

    def notify(self) -> None:
        self.signs_of_life += 1


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Gunicorn is told."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "of nobody")
    return runpy.run_path(str(front.DEPLOY / "gunicorn.conf.py"))


def test_its_workers_count_where_nothing_is_taken_away_for_being_old(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    # So that it is put back afterwards.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    runpy.run_path(str(front.DEPLOY / "gunicorn.conf.py"))
    assert Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).parent == tmp_path


@pytest.fixture
def load(shipped: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[Booting], None]:
    """How a worker loads."""
    monkeypatch.setattr(worker, "settle", lambda: None)
    return cast("Callable[[Booting], None]", shipped["load"])


def test_probes_can_fill_the_queue(shipped: dict[str, Any]) -> None:
    # Some more are with the workers, and the kernel rounds a backlog up.
    assert shipped["backlog"] * 1.5 < CONNECTIONS


class Sent:
    """A socket that keeps what is sent at once."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)


def answering(shipped: dict[str, Any], method: str, status: str, length: int | None) -> Any:
    """An answer that has begun."""
    asked = SimpleNamespace(method=method, version=(1, 1), should_close=lambda: True)
    answer = shipped["InOnePiece"](asked, Sent(), SimpleNamespace(protocol="http"))
    answer.start_response(status, [] if length is None else [("Content-Length", str(length))])
    return answer


def test_an_answer_goes_out_with_its_head(shipped: dict[str, Any]) -> None:
    answer = answering(shipped, "GET", "200 OK", 4)
    answer.write(b"lo")
    (whole,) = answer.sock.pieces
    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: ")
    assert head.endswith(b"\r\nContent-Length: 4")
    assert body == b"lo"
    answer.write(b"ve")
    answer.close()
    assert answer.sock.pieces == [whole, b"ve"]


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [
        ("GET", "200 OK", 0),
        ("HEAD", "200 OK", 4),
        ("GET", "304 Not Modified", None),
        ("DELETE", "204 No Content", None),
    ],
)
@pytest.mark.parametrize("pieces", [[], [b""]])
def test_the_head_goes_where_there_is_no_body(
    shipped: dict[str, Any], method: str, status: str, length: int | None, pieces: list[bytes]
) -> None:
    answer = answering(shipped, method, status, length)
    for piece in pieces:
        answer.write(piece)
    answer.close()
    (head,) = (piece for piece in answer.sock.pieces if piece)
    assert head.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert head.endswith(b"\r\n\r\n")


def test_the_head_does_not_wait_for_a_body_that_nobody_gets(shipped: dict[str, Any]) -> None:
    answer = answering(shipped, "HEAD", "200 OK", None)
    answer.write(b"the first of many")
    assert len(answer.sock.pieces) == 1


def test_a_large_body_is_not_copied(shipped: dict[str, Any]) -> None:
    body = bytes(100_000)
    answer = answering(shipped, "GET", "200 OK", len(body))
    answer.write(body)
    assert answer.sock.pieces[1] is body


def test_a_stream_goes_by_the_piece(shipped: dict[str, Any]) -> None:
    answer = answering(shipped, "GET", "200 OK", None)
    for piece in (b"", b"lo", b"ve"):
        answer.write(piece)
    answer.close()
    head, *chunks = answer.sock.pieces
    assert head.endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert chunks == [b"2\r\nlo\r\n", b"2\r\nve\r\n", b"0\r\n\r\n"]


APPLICATION = """
import io
import vivace.wsgi
def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if environ["PATH_INFO"] == "/memory":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"love"))
    return [type(start_response.__self__).__name__.encode()]
"""


def test_its_workers_answer_like_that(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(APPLICATION)
    with gunicorn(tmp_path, "told:application"):
        until((tmp_path / "socket").exists)
        assert received(tmp_path, "/") == b"InOnePiece"
        assert received(tmp_path, "/file") == APPLICATION.encode()
        assert received(tmp_path, "/memory") == b"love"


def received(folder: Path, path: str) -> bytes:
    """The body of an answer."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(folder / "socket"))
        asking.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        whole = b"".join(iter(lambda: asking.recv(1 << 16), b""))
        return whole.partition(b"\r\n\r\n")[2]


@contextmanager
def gunicorn(folder: Path, application: str) -> Iterator[subprocess.Popen[bytes]]:
    """It, with an application of that folder; killed at the end."""
    command = [sys.executable, "-m", "gunicorn", application, "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--config", str(front.DEPLOY / "gunicorn.conf.py"), "--pythonpath", "."],
        cwd=folder,
        env=environment(f"sqlite:///{folder}/vivace.sqlite3", folder)
        | {"VIVACE_BIND": f"unix:{folder}/socket", "PYTHONPATH": str(CHECKOUT)},
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()


def test_a_worker_of_nginx_asks_for_what_fits_the_queue(shipped: dict[str, Any]) -> None:
    upstreams = (front.DEPLOY / "nginx" / "upstreams.conf").read_text()
    reads = front.line_of(f"    server unix:{front.SHIPPED_SOCKETS['reads']} ", upstreams)
    assert reads.endswith(f" max_conns={shipped['backlog']};\n")
    # There, what a worker that was killed had would be counted for ever.
    assert "zone" not in re.sub("#.*", "", upstreams)


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere threads have no priority each")
def test_a_worker_loads_behind_others_and_serves_beside_them(load: Callable[..., None]) -> None:
    own, seen = os.getpriority(os.PRIO_PROCESS, 0), []
    load(Booting(lambda: seen.append(os.getpriority(os.PRIO_PROCESS, 0))))
    assert seen == [min(19, own + 5)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere threads have no priority each")
def test_a_thread_goes_behind_others_wherever_it_began() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def twice() -> list[int]:
        seen = []
        for _ in range(2):
            worker.let_others_go_first()
            seen.append(os.getpriority(os.PRIO_PROCESS, 0))
        return seen

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(twice).result() == [min(19, own + 5), min(19, own + 10)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_a_worker_that_loads_for_long_is_alive(load: Callable[..., None]) -> None:
    load(slow := Booting(lambda: time.sleep(0.5)))
    assert slow.signs_of_life >= 2


def test_one_that_never_loads_is_not(
    load: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(load.__globals__, "HANDOVER_SECONDS", 0)
    load(hanging := Booting(lambda: time.sleep(0.5)))
    assert hanging.signs_of_life == 0


def test_why_a_worker_cannot_load_is_told(load: Callable[..., None]) -> None:
    def fail() -> None:
        raise ImportError("no such setting")

    with pytest.raises(ImportError, match="no such setting"):
        load(Booting(fail))


def test_it_ends_though_a_worker_still_loads(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time; pathlib.Path('loading').touch(); time.sleep(3600)"
    )
    with gunicorn(tmp_path, "slow:application") as process:
        until((tmp_path / "loading").exists)
        process.terminate()
        # Far sooner than running requests may take.
        assert process.wait(10) == 0
