"""How Gunicorn loads workers and ends, by the settings that `deploy/` ships: without NGINX."""

import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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
    command = [sys.executable, "-m", "gunicorn", "slow:application", "--workers", "1"]
    gunicorn = subprocess.Popen(
        [*command, "--config", str(front.DEPLOY / "gunicorn.conf.py"), "--pythonpath", "."],
        cwd=tmp_path,
        env=environment(f"sqlite:///{tmp_path}/vivace.sqlite3", tmp_path)
        | {"VIVACE_BIND": f"unix:{tmp_path}/socket", "PYTHONPATH": str(CHECKOUT)},
    )
    try:
        until((tmp_path / "loading").exists)
        gunicorn.terminate()
        # Far sooner than running requests may take.
        assert gunicorn.wait(10) == 0
    finally:
        gunicorn.kill()
