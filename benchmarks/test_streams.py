"""All tracks as JSON Lines from a running server: the time it takes, and its memory."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.commands import postgresql_url
from benchmarks.libraries import HOUSE, IMPORTED, Size, holding
from benchmarks.measuring import describe
from benchmarks.requests import App

READ_BYTES = 1 << 16


def database_url() -> str:
    """The address of this run's own database, for a process of its own."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return postgresql_url(settings["NAME"])


@contextmanager
def serving() -> Iterator[tuple[str, list[int]]]:
    """A server with one worker: its address and the processes it consists of."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vivace", "serve", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        command,
        env={**os.environ, "DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/readyz").close()  # noqa: S310 our own server
                break
            except OSError:
                time.sleep(0.1)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii")
        yield address, [server.pid, *map(int, children.split())]
    finally:
        server.terminate()
        server.wait()


def peak_kib(pid: int) -> int:
    """The most memory a process has had since `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def read_all(url: str, token: str) -> int:
    """How many lines there are."""
    request = urllib.request.Request(  # noqa: S310 our own server
        url, headers={"Authorization": f"Bearer {token}", "Accept": "application/x-ndjson"}
    )
    count = 0
    with urllib.request.urlopen(request) as answer:  # noqa: S310 our own server
        while block := answer.read(READ_BYTES):
            count += block.count(b"\n")
    return count


@holding(HOUSE, IMPORTED)
def test_all_tracks_as_json_lines(benchmark: BenchmarkFixture, app: App, library: Size) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the memory of a process is read from /proc, which this system lacks")
    with serving() as (address, processes):
        url = f"{address}/api/v1/tracks"
        read_all(f"{url}?genre=rock&title=love", app.token)
        for pid in processes:
            forget_peak(pid)
        idle = {pid: peak_kib(pid) for pid in processes}
        lines = benchmark.pedantic(read_all, (url, app.token), rounds=1)
        over_idle = sum(peak_kib(pid) - idle[pid] for pid in processes)
    assert lines == library.tracks
    describe(
        benchmark,
        f"All {library.tracks:,} tracks as JSON Lines",
        "export",
        rows=library.tracks,
        operation="All tracks as JSON Lines",
        records=library.tracks,
        peak_over_idle_mb=round(over_idle / 1024, 1),
        goal_peak_mb=150,
    )
