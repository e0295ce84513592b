"""What `deploy/` ships, started as it is: NGINX, Gunicorn, and either database behind them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from configparser import ConfigParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.databases import own_database
from tests.live import CHECKOUT, PASSWORD
from tests.sites import Site, environment, main_pid, until, workers_of
from vivace.lab import front

ARTISTS = "/api/v1/artists"
UNITS = sorted((front.DEPLOY / "systemd").glob("*.service"))


# --- It serves ---------------------------------------------------------------------------------


def test_it_serves_the_library(site: Site) -> None:
    bearer = site.bearer()
    status, headers, _ = site.ask("GET", ARTISTS, headers=bearer)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    again = site.ask("GET", ARTISTS, headers=bearer | {"If-None-Match": headers["ETag"]})
    assert (again[0], again[2]) == (304, b"")
    new = site.ask("POST", ARTISTS, {"name": "Portishead"}, bearer)
    assert new[0] == 201
    assert "Portishead" in names(site)
    etag, where = {"If-Match": new[1]["ETag"], "Accept-Encoding": "gzip"}, new[1]["Location"]
    assert site.ask("PATCH", where, {"name": "Tricky"}, bearer | etag)[0] == 200
    assert site.ask("DELETE", where, headers=bearer)[0] == 204
    assert "Tricky" not in names(site)


def test_reads_logins_and_writes_do_not_wait_for_each_other(site: Site) -> None:
    bearer = site.bearer()
    row = b'{"title": "Joga", "artist": "Bjork", "album": "Homogenic"}\n'
    lines = {"Content-Type": "application/x-ndjson"}
    login = {"login": "listener", "password": PASSWORD}
    asked: dict[str, list[tuple[int, str, str, Any, dict[str, str]]]] = {
        "reads": [
            (200, "GET", "/api/v1/tracks/?limit=2&sort=-title", None, {}),
            (200, "HEAD", ARTISTS, None, {}),
            (200, "GET", "/healthz", None, {}),
            (401, "POST", "/api/v1/auth/refresh/", {"refresh_token": "none"}, {}),
        ],
        "logins": [
            (200, "POST", "/api/v1/auth/login", login, {}),
            (401, "POST", "/api/v1/me/password/", {}, {}),
            (200, "GET", "/admin/login/?next=/admin/", None, {}),
        ],
        "writes": [
            (200, "POST", "/api/v1/imports?source=radio", row, bearer | lines),
            (200, "GET", "/api/v1/tracks?sort=title", None, {"Accept": "application/x-ndjson"}),
            (409, "DELETE", f"{ARTISTS}/1", None, bearer),
        ],
    }
    for lane, requests in asked.items():
        with ExitStack() as stack:
            for other in {*asked} - {lane}:
                stack.enter_context(stopped(site.gunicorns[other]))
            for status, method, path, body, headers in requests:
                found = site.ask(method, path, body, headers)
                assert found[0] == status, (method, path, found)
                if "sort" in path:
                    titles = titles_of(found[2])
                    assert titles == sorted(titles, reverse="-title" in path)
                    assert len(titles) >= 2


def titles_of(body: bytes) -> list[str]:
    """Of a page, or of JSON Lines."""
    if body.startswith(b'{"items"'):
        return [item["title"] for item in json.loads(body)["items"]]
    return [json.loads(line)["title"] for line in body.splitlines()]


class stopped:  # noqa: N801 - a block
    """Gunicorn and its workers do nothing in the block."""

    def __init__(self, pid: int) -> None:

        main = psutil.Process(pid)
        self.all = [main, *main.children(recursive=True)]

    def __enter__(self) -> None:
        for process in self.all:
            process.suspend()

    def __exit__(self, *_: object) -> None:
        for process in self.all:
            process.resume()


def test_logins_let_others_go_first(site: Site) -> None:

    nice = {
        lane: {psutil.Process(worker).nice() for worker in workers_of(pid)}
        for lane, pid in site.gunicorns.items()
    }
    own = psutil.Process().nice()
    assert nice == {"reads": {own}, "logins": {own + 5}, "writes": {own}}


@pytest.mark.skipif(not shutil.which("chrt"), reason="chrt is not installed")
def test_nginx_waits_until_workers_pause(site: Site) -> None:
    drop_in = front.DEPLOY / "systemd/nginx.service.d/vivace.conf"
    assert "CPUSchedulingPolicy=batch\n" in drop_in.read_text()
    listening = [each for each in psutil.net_connections("tcp4") if each.laddr[1:] == (site.port,)]
    policies = {os.sched_getscheduler(each.pid) for each in listening if each.pid}
    assert policies == {os.SCHED_BATCH}


def test_what_waits_too_long_a_queue_is_refused_at_once(site: Site) -> None:
    reads = site.gunicorns["reads"]
    statuses: list[tuple[int, float]] = []

    def ask(number: int) -> None:
        began = time.monotonic()
        # No address may have more than 200 connections.
        source = f"127.0.0.{1 + number % 3}"
        status, headers, body = site.ask("GET", "/api/v1/genres?limit=1", source=source)
        statuses.append((status, time.monotonic() - began))
        if status == 503:
            assert headers["Retry-After"] == "1"
            assert json.loads(body)["code"] == "unavailable"

    threads = [threading.Thread(target=ask, args=[number]) for number in range(440)]
    with stopped(reads):
        for thread in threads:
            thread.start()
        until(lambda: len(statuses) >= len(threads) - 384)
        time.sleep(1)
        assert [status for status, _ in statuses] == [503] * (len(threads) - 384)
    for thread in threads:
        thread.join()
    assert {status for status, _ in statuses} == {200, 503}


def test_new_code_comes_without_a_request_lost(site: Site) -> None:
    found: list[int] = []
    over = threading.Event()

    def ask() -> None:
        # NGINX lets nobody ask over 1,000 times a second.
        while not over.wait(0.005):
            found.append(site.ask("GET", ARTISTS)[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    before = workers_of(site.gunicorns["reads"])
    for _ in range(2):
        os.kill(site.gunicorns["reads"], signal.SIGHUP)
        deadline = time.monotonic() + 30
        while before & (now := workers_of(site.gunicorns["reads"])) or len(now) != 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        before = now
    over.set()
    for thread in threads:
        thread.join()
    assert set(found) == {200}
    assert len(found) > 50


def test_an_old_worker_goes_on_until_a_new_one_has_loaded(site: Site) -> None:

    main = site.gunicorns["reads"]
    # One that has not loaded itself, as it came in place of one that ended, waits for nobody.
    before = {worker.pid for worker in idle(main)}
    new: dict[int, psutil.Process] = {}

    def both_suspended() -> bool:
        # Each as soon as it is there: it may load before the other begins.
        for pid in workers_of(main) - before - {*new}:
            new[pid] = psutil.Process(pid)
            new[pid].suspend()
        return len(new) == 2

    os.kill(main, signal.SIGHUP)
    try:
        until(both_suspended)
        time.sleep(7)
        assert before <= workers_of(main)
        assert {site.ask("GET", ARTISTS)[0] for _ in range(20)} == {200}
    finally:
        for process in new.values():
            process.resume()
    until(lambda: not before & workers_of(main))
    assert {site.ask("GET", ARTISTS)[0] for _ in range(20)} == {200}


def test_a_worker_does_not_wait_for_whom_it_has_answered(site: Site) -> None:

    path = psutil.Process(site.gunicorns["reads"]).environ()["VIVACE_BIND"].removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while client.recv(65_536):
            pass
        with pytest.raises(BrokenPipeError):
            client.sendall(b"more")


def idle(main: int) -> list[psutil.Process]:
    """The workers, once they have done nothing for a while: they have loaded."""

    found: list[psutil.Process] = []

    def quiet() -> bool:
        found[:] = psutil.Process(main).children()
        spent = [worker.cpu_times() for worker in found]
        time.sleep(1)
        resting = all(worker.status() == psutil.STATUS_SLEEPING for worker in found)
        return resting and spent == [worker.cpu_times() for worker in found] and len(found) == 2

    until(quiet)
    return found


def test_metrics_are_of_all_workers(site: Site) -> None:
    login = {"login": "admin", "password": PASSWORD}
    _, _, body = site.ask("POST", "/api/v1/auth/login", login)
    bearer = {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
    line = 'vivace_requests_total{method="GET",route="/api/v1/genres",status="200"} '

    def counted() -> float:
        found = site.ask("GET", "/metrics", headers=bearer)[2].decode().splitlines()
        return sum(float(each.removeprefix(line)) for each in found if each.startswith(line))

    before = counted()
    for _ in range(20):
        assert site.ask("GET", "/api/v1/genres")[0] == 200
    assert {counted() - before for _ in range(5)} == {20}


# --- Who asks ----------------------------------------------------------------------------------


def test_nobody_makes_up_an_address(site: Site) -> None:
    """Ten times as many tries as an account has: by different names, from one address."""
    login = "/api/v1/auth/login"
    statuses = [
        site.ask(
            "POST",
            login,
            {"login": f"nobody{n}", "password": "wrong password"},
            {"X-Forwarded-For": f"10.0.0.{n}", "X-Real-IP": f"10.0.0.{n}"},
            source="127.0.0.9",
        )[0]
        for n in range(55)
    ]
    assert statuses == [401] * 50 + [429] * 5
    other = site.ask("POST", login, {"login": "nobody", "password": "wrong"}, source="127.0.0.8")
    assert other[0] == 401


# --- Several nodes -----------------------------------------------------------------------------


def test_a_node_that_is_not_there_is_passed_over(
    request: pytest.FixtureRequest, tmp_path: Path, nginx: None
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with (
        own_database(request, tmp_path, "library") as database,
        front.gunicorn("reads", first, environment(database, tmp_path), workers=1) as one,
        front.gunicorn("reads", second, environment(database, tmp_path), workers=1),
        front.nginx(tmp_path, 1, [first, second]) as port,
    ):
        site = Site(port, {})
        assert {site.ask("GET", ARTISTS)[0] for _ in range(10)} == {200}
        os.killpg(one.pid, signal.SIGKILL)
        assert {site.ask("GET", ARTISTS)[0] for _ in range(20)} == {200}


# --- Public ------------------------------------------------------------------------------------


def test_what_anybody_may_read_is_kept_for_a_second(
    request: pytest.FixtureRequest, tmp_path: Path, nginx: None
) -> None:
    with (
        own_database(request, tmp_path, "library") as database,
        front.gunicorn("reads", tmp_path, environment(database, tmp_path), 1) as reads,
        front.gunicorn("logins", tmp_path, environment(database, tmp_path), 1),
        front.gunicorn("writes", tmp_path, environment(database, tmp_path), 1),
        front.nginx(tmp_path, 1, public=True) as port,
    ):
        site = Site(port, {})
        bearer = site.bearer()
        _, headers, _ = site.ask("GET", ARTISTS)
        assert site.ask("POST", ARTISTS, {"name": "Björk"}, bearer)[0] == 201
        # Whoever says who they are sees it at once, the others soon.
        assert len(names(site, bearer)) == 3
        known = {"If-None-Match": headers["ETag"]}
        deadline = time.monotonic() + 5
        while len(names(site)) == 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert site.ask("GET", ARTISTS, headers=known)[0] == 200
        assert site.ask("GET", ARTISTS, headers={"Authorization": "Bearer nonsense"})[0] == 401
        with stopped(main_pid(reads.pid)):
            assert len(names(site)) == 3


def names(site: Site, headers: Mapping[str, str] | None = None) -> list[str]:
    return [
        item["name"] for item in json.loads(site.ask("GET", ARTISTS, headers=headers)[2])["items"]
    ]


# --- The files themselves ----------------------------------------------------------------------


def test_nginx_takes_its_settings(tmp_path: Path, nginx: None) -> None:
    main = front.write_settings(tmp_path, 8080, 1, [tmp_path], public=True, limited=True)
    checked = subprocess.run(
        ["nginx", "-t", "-c", str(main), "-p", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr


@pytest.mark.any_database
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_what_is_there(unit: Path) -> None:
    found = ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(unit)
    service = found["Service"]
    program, *words = service["ExecStart"].split()
    assert program.endswith("/bin/gunicorn")
    assert (CHECKOUT / words[-1]).is_file()
    # What cannot be loaded is found before any worker is told to go.
    reload = [line for line in unit.read_text().splitlines() if line.startswith("ExecReload=")]
    assert reload == [
        f"ExecReload={program} --check-config {' '.join(words)}",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ]
    folder = service["RuntimeDirectory"]
    lane = unit.stem.removeprefix("vivace").strip("-") or "reads"
    assert front.SHIPPED_SOCKETS[lane] == f"/run/{folder}/vivace.sock"
    assert f"VIVACE_BIND=unix:/run/{folder}/vivace.sock" in unit.read_text()
    for name, value in front.LANES[lane].items():
        assert f"{name}={value}" in unit.read_text()


@pytest.mark.any_database
def test_compose_has_all_that_it_names() -> None:
    import yaml

    compose = yaml.safe_load((front.DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    for name, service in services.items():
        assert {*service.get("depends_on", {})} <= services.keys(), name
        if build := service.get("build"):
            assert (front.DEPLOY / build["context"] / build["dockerfile"]).is_file()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (front.DEPLOY / source).is_file()
    nodes = (front.DEPLOY / "nginx" / "nodes.conf").read_text()
    for node in ("node1", "node2", "logins", "writes"):
        assert node in services
        assert f"server {node}:8000" in nodes
    for lane in ("logins", "writes"):
        assert services[lane]["environment"].items() >= front.LANES[lane].items()
