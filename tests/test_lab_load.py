"""The load tests: people who check what they are told, figures that are exact, honest verdicts."""

import itertools
import math
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests import live
from vivace.lab import hashes, histogram, load, outcome, profiles, results, stacks
from vivace.lab.commands import load as load_command
from vivace.lab.machine import CHECKOUT
from vivace.lab.outcome import Test as LoadTest
from vivace.lab.recorded import Recorded, Seen, Tick
from vivace.lab.servers import http_answers, serving
from vivace.lab.stacks import Cores

pytestmark = pytest.mark.any_database

SHARED = Cores((), ())
USERS = load.Users("listener", live.PASSWORD)
QUICK = profiles.Profile(
    "quick", 4, 4, 7, (0.01, 0.05), 1, (profiles.FEW_FAILURES,)
)  # measured for 4 s: the rest is its users' coming and settling down
ARRIVING = QUICK._replace(name="arriving", users=1, spawn_rate=1, rate=40)


@pytest.fixture(autouse=True)
def brief_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "FLOOR_SECONDS", 3)
    monkeypatch.setattr(load, "FLOOR_RAMP_S", 0.5)
    monkeypatch.setattr(load, "STOP_SECONDS", 3)
    monkeypatch.setattr(profiles, "SETTLE_SECONDS", 1.0)


@pytest.fixture
def no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not looked at: it takes two seconds of a processor, and six of a clock."""
    nothing_asked = histogram.encode(histogram.histogram())
    floor = results.Floor(requests=0, seconds=0, generator_cpu=0, histogram=nothing_asked)
    monkeypatch.setattr(load, "measured_floor", lambda *_: floor)


@dataclass
class Served:
    base: str
    pid: int


@pytest.fixture
def library(small_library: str, tmp_path: Path) -> Iterator[stacks.Served]:
    before = children()
    with live.live_server(small_library, tmp_path) as found:
        yield stacks.Served(found.base, "a small library", [*children() - before], {}, None, {})


def children() -> set[int]:
    import psutil

    return {child.pid for child in psutil.Process().children()}


def nothing(_what: str, _now: float, _whole: float) -> None:
    """No progress bar."""


# --- Figures ----------------------------------------------------------------------------------


def rank(values: list[float], percentile: float) -> float:
    """The smallest of the values that so many percent do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percentile / 100) - 1)]


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_percentiles_are_those_of_the_raw_data_to_a_thousandth(seed: int, processes: int) -> None:
    rng = random.Random(seed)
    values = [rng.lognormvariate(2, 1.2) + 0.3 for _ in range(50_000)]
    parts = []
    for number in range(processes):
        part = histogram.histogram()
        for value in values[number::processes]:
            histogram.record(part, value)
        parts.append(histogram.encode(part))
    found = histogram.percentiles(histogram.merged(parts))
    for percentile in (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99):
        # Recorded in whole microseconds, which is as much again for the shortest.
        assert found[percentile] == pytest.approx(rank(values, percentile), rel=0.001, abs=0.001)
    assert histogram.mean_ms(histogram.merged(parts)) == pytest.approx(
        sum(values) / len(values), rel=0.001
    )


def recorded(second: int, *latencies: float, name: str = "GET /tracks", **how: Any) -> Recorded:
    found = histogram.histogram()
    for latency in latencies:
        histogram.record(found, latency)
    seen = Seen(histogram.encode(found), len(latencies), how.pop("failures", 0), 0, 100)
    return Recorded(
        measured_from=second,
        measured_to=second + 10,
        endpoints={name: seen},
        failures=[results.Failure(endpoint=name, reason="a wrong answer", count=seen.failures)],
        ticks=[Tick(second + n, users=2, requests=3, cpu=0.25) for n in range(10)],
        lag=histogram.encode(histogram.histogram()),
    )


def test_what_several_processes_recorded_is_one_result() -> None:
    parts = [recorded(100, 1, 2, 3), recorded(101, 40, 50, failures=2)]
    merged = outcome.merge(parts)
    (endpoint,) = merged.endpoints
    assert (endpoint.requests, endpoint.failures, endpoint.bytes) == (5, 2, 200)
    assert (merged.measured_from, merged.seconds, merged.rate) == (101, 9, 5 / 9)
    assert [failure.count for failure in merged.failures] == [2]
    worst = histogram.percentiles(histogram.decode(endpoint.histogram))[100.0]
    assert worst == pytest.approx(50, rel=0.001)
    # Two processes on one core hold each other back before either is busy alone.
    assert outcome.busiest(merged, Cores((0,), (1,)))[0] == pytest.approx(0.5, abs=0.03)
    assert outcome.busiest(merged, Cores((0,), (1, 2)))[0] == pytest.approx(0.25, abs=0.03)


# Locust cannot be imported here: it changes how threads and sockets work.
LATE = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from vivace.lab.recording import Recording

found = Recording(SimpleNamespace(runner=None), Path(sys.argv[1]), 0)
found.measured_from = time.time()
for _ in range(3):
    found.request("GET", "/tracks", 5.0, 10, None)
found.stop()
time.sleep(0.5)
found.request("GET", "/tracks", 500.0, 10, None)
found.request("GET", "/tracks", 500.0, 10, TimeoutError("no answer"))
found.write()
"""


def test_what_ends_once_users_are_stopped_counts_only_if_it_fails(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LATE, tmp_path], check=True, cwd=CHECKOUT)
    merged = outcome.merge(outcome.recorded(tmp_path))
    (endpoint,) = merged.endpoints
    assert (endpoint.requests, endpoint.failures, endpoint.bytes) == (4, 1, 40)
    (written,) = tmp_path.iterdir()
    # As long before as it slept, but for what a file system's clock is coarser.
    assert merged.measured_from + merged.seconds < written.stat().st_mtime - 0.4
    (ticks,) = merged.ticks
    assert sum(tick.requests for tick in ticks) == 5


@pytest.mark.parametrize(
    ("cpu", "lag_ms", "broke", "verdict"),
    [
        (0.5, 1, "", "met"),
        (0.95, 1, "", "none"),
        (0.5, 30, "", "none"),
        (0.5, 1, "the generator failed", "none"),
    ],
)
def test_there_is_no_verdict_on_a_server_that_was_not_the_limit(
    cpu: float, lag_ms: float, broke: str, verdict: str
) -> None:
    lag = histogram.histogram()
    histogram.record(lag, lag_ms)
    generator = results.Generator(
        processes=1, cpu_mean=cpu, cpu_peak=cpu, lag=histogram.encode(lag)
    )
    ran = outcome.Ran(outcome.merge([recorded(0, 1, 2)]), [], None, broke)
    found, why = outcome.judged(ran, generator, [], apart=True)
    assert found == verdict
    assert bool(why) == (verdict == "none")


@pytest.mark.parametrize(
    ("server_ended", "lag_ms", "verdict"),
    [(False, 30, "met"), (True, 1, "missed")],
    ids=["late on the server's own processor", "the server ended"],
)
def test_what_is_the_servers_doing_is_judged(
    server_ended: bool, lag_ms: float, verdict: str
) -> None:
    lag = histogram.histogram()
    histogram.record(lag, lag_ms)
    generator = results.Generator(
        processes=1, cpu_mean=0.5, cpu_peak=0.5, lag=histogram.encode(lag)
    )
    broke = "the server's process 7 ended after 3 s" if server_ended else ""
    ran = outcome.Ran(outcome.merge([recorded(0, 1, 2)]), [], None, broke, server_ended)
    assert outcome.judged(ran, generator, [], apart=False) == (verdict, broke)


def test_a_promise_says_what_was_measured() -> None:
    merged = outcome.merge([recorded(0, 10, 20, 30, 40, failures=1)])
    found = {
        measure: outcome.kept(profiles.Promise(measure, at_most=25), merged)
        for measure in outcome.MEASURES
    }
    assert found["failures (%)"].measured == 25
    assert found["failures (%)"].met
    assert found["mean of all (ms)"].measured == pytest.approx(25, rel=0.001)
    assert found["p99 of reads (ms)"].measured == pytest.approx(40, rel=0.001)
    assert not found["p99 of reads (ms)"].met
    assert not outcome.kept(profiles.Promise("requests a second", at_least=1), merged).met


def test_logins_a_second_are_those_that_were_answered() -> None:
    merged = outcome.merge([recorded(0, 10, 20)])
    login = results.Endpoint(
        name="POST /auth/login", requests=90, failures=7, refusals=3, bytes=1,
        histogram=merged.endpoints[0].histogram,
    )  # fmt: skip
    with_logins = merged._replace(endpoints=[*merged.endpoints, login], seconds=4.0)
    assert outcome.logins_per_second(with_logins) == 20
    assert outcome.logins_per_second(merged) == 0
    assert outcome.share_of_hashes(with_logins._replace(hashes=25.0)) == 80
    assert outcome.share_of_hashes(with_logins) == 0


def test_each_processor_hashes_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "SECONDS", 0.2)
    asked: list[float] = []

    def hash_until(end: float) -> int:
        asked.append(end)
        return 7

    monkeypatch.setattr(hashes, "hash_until", hash_until)
    assert hashes.per_second([]) > 0
    assert len(asked) == 1
    cores = stacks.shared_out().server
    hashes.per_second(cores)
    assert len(asked) == 1 + max(1, len(cores))
    monkeypatch.undo()
    assert hashes.hash_until(time.perf_counter()) == 0
    assert hashes.hash_until(time.perf_counter() + 0.01) >= 1


def test_processors_hash_before_the_users_come_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def per_second(_cores: object) -> float:
        done.append("hashes")
        return 10.0 * len(done)

    def generate(*_: object) -> outcome.Ran:
        done.append("users")
        return outcome.Ran(outcome.merge([recorded(0, 10, 20)]), [], None, "")

    monkeypatch.setattr(hashes, "per_second", per_second)
    monkeypatch.setattr(load, "generate", generate)
    monkeypatch.setattr(load, "measured_floor", lambda *_: None)
    monkeypatch.setattr(outcome, "described", lambda *told: told[-1])
    server = load.elsewhere("http://127.0.0.1:1")._replace(pids=[1])
    found: Any = load.run(
        LoadTest(profiles.PROFILES["logins"], "sqlite", server, SHARED), USERS, nothing
    )
    assert done == ["hashes", "users", "hashes"]
    assert found.merged.hashes == 20


def test_every_profile_measures_for_a_while_after_its_users_have_come() -> None:
    for profile in profiles.PROFILES.values():
        assert profile.seconds - profile.ramp_s > 5 * profile.freeze_s + 10, profile.name
        assert {promise.measure for promise in profile.promises} <= outcome.MEASURES.keys()


# --- Runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [QUICK, ARRIVING._replace(processes=2)])
def test_people_find_what_they_should(library: stacks.Served, profile: profiles.Profile) -> None:
    found = load.run(LoadTest(profile, "other", library, SHARED), USERS, nothing)
    assert found.failures == []
    assert found.why == "" or "bottleneck" in found.why, found.why
    by_name = {each.name: each for each in found.endpoints}
    assert {"GET /tracks (page)", "GET /albums (page)", "GET /tracks/{id}"} <= by_name.keys()
    assert sum(each.requests for each in found.endpoints) > 20
    assert found.floor.requests > 0
    assert found.generator.processes == profile.processes
    assert sum(second.requests for second in found.timeline) >= sum(
        each.requests for each in found.endpoints
    )
    assert found.server.memory_peak_mb > 10
    if profile.is_open:
        sent = sum(each.requests for each in found.endpoints) / found.seconds
        # Some arrivals ask twice, and some find nothing to ask for.
        assert sent == pytest.approx(40, rel=0.5)


@pytest.mark.usefixtures("no_floor")
def test_some_read_while_the_others_do_nothing_but_log_in(library: stacks.Served) -> None:
    some = (profiles.Promise(profiles.OF_HASHES, at_least=0.01),)
    profile = QUICK._replace(users=9, spawn_rate=9, script="logins.py", promises=some)
    test = LoadTest(profile, "other", library, SHARED)
    found = load.run(test, USERS, nothing)
    assert found.failures == []
    by_name = {each.name: each for each in found.endpoints}
    assert {"POST /auth/login", "GET /tracks (page)", "GET /tracks/{id}"} <= by_name.keys()
    assert not any(name.startswith("POST /playlists") for name in by_name)
    assert by_name["POST /auth/login"].requests > 4
    assert max(second.users for second in found.timeline) == 9
    assert [target.met for target in found.targets] == [True]


@pytest.mark.usefixtures("no_floor")
def test_what_a_server_did_until_it_died_is_kept(library: stacks.Served) -> None:
    profile = QUICK._replace(seconds=25)

    def kill() -> None:
        time.sleep(6)
        for pid in library.pids:
            os.killpg(pid, signal.SIGKILL)

    threading.Thread(target=kill).start()
    found = load.run(LoadTest(profile, "other", library, SHARED), USERS, nothing)
    assert found.verdict == "missed"
    assert "ended after" in found.why
    assert not any(target.met for target in found.targets)
    assert sum(each.requests for each in found.endpoints) > 0
    assert found.seconds < 20


WRONG = """
import json, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refused = self.path.startswith("/api/v1/artists")
        body = {"access_token": "t", "expires_in": 300} if "login" in self.path else {"items": [{}]}
        text = json.dumps(body).encode()
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_GET = do_POST = answer
    def log_message(self, *_): pass

signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background process ignores it
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.usefixtures("no_floor")
def test_a_wrong_answer_is_a_failure_and_a_refusal_is_none(tmp_path: Path) -> None:
    def command(port: int) -> list[str]:
        return [sys.executable, "-c", WRONG, str(port)]

    with serving(command, http_answers, tmp_path, env=dict(os.environ)) as port:
        server = load.elsewhere(f"http://127.0.0.1:{port}")
        found = load.run(LoadTest(QUICK, "other", server, SHARED), USERS, nothing)
    by_name = {each.name: each for each in found.endpoints}
    tracks, artists = by_name["GET /tracks (page)"], by_name["GET /artists (page)"]
    assert (tracks.failures, tracks.refusals) == (tracks.requests, 0)
    assert (artists.failures, artists.refusals) == (0, artists.requests)
    assert "not the shape" in found.failures[0].reason
    assert found.verdict != "met"


SLOW = WRONG.replace("text = json.dumps", "time.sleep(4); text = json.dumps").replace(
    "import json", "import time, json", 1
)


def test_what_several_processes_saw_is_kept_though_answers_are_out(tmp_path: Path) -> None:
    """Their master would not wait for them by itself."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-c", SLOW, str(port)]

    with serving(command, http_answers, tmp_path, env=dict(os.environ)) as port:
        server = load.elsewhere(f"http://127.0.0.1:{port}")
        test = LoadTest(QUICK._replace(processes=2), "other", server, SHARED)
        ran = load.generate(load.arguments(test.profile, server.base, USERS), test, nothing)
    assert ran.broke == ""
    assert len(ran.merged.ticks) == 2
    assert ran.merged.requests


# --- The command -------------------------------------------------------------------------------


def refusal(*words: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("lab", *words)
    (line,) = str(refused.value).splitlines()
    return line


def test_an_unknown_profile_is_one_line() -> None:
    assert "assignment" in refusal("load", "stampede")


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8000", "ftp://127.0.0.1", "http://", "nonsense", "http://[::1", "http://a:b",
        "http://a:99999",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    assert "is not the address of a server" in refusal("load", "--host", address)


def test_a_machine_of_others_is_refused(tmp_path: Path) -> None:
    assert "--allow-remote" in refusal("load", "--host", "http://192.0.2.1:8000")


def test_an_address_where_nothing_answers_is_refused() -> None:
    assert "nothing answers" in refusal("load", "--host", "http://127.0.0.1:9")


def test_a_server_of_others_is_not_stopped() -> None:
    line = refusal("load", "frozen-open", "--host", "http://127.0.0.1:9")
    assert "no servers but its own" in line


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    line = refusal("report", "--no-run", "--results", str(tmp_path))
    assert str(tmp_path) in line


def test_the_settings_of_the_shell_do_not_reach_what_the_lab_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone@db/precious")
    monkeypatch.setenv("VIVACE_DATA_DIR", "/precious")
    own = stacks.environment({"VIVACE_DATA_DIR": "/tmp/lab"})  # noqa: S108 nothing is written
    assert "DATABASE_URL" not in own
    assert own["VIVACE_DATA_DIR"] == "/tmp/lab"  # noqa: S108


def test_load_tests_of_several_processes_do_not_meet() -> None:
    def said(processes: int) -> list[str]:
        profile = QUICK._replace(processes=processes)
        return load.locust("locustfile.py", "http://127.0.0.1", profile)

    def port(option: str, words: list[str]) -> int:
        return int(words[words.index(option) + 1])

    first = said(2)
    with socket.socket() as held:
        held.bind(("127.0.0.1", port("--master-bind-port", first)))
        assert port("--master-port", said(2)) != port("--master-port", first)
    assert port("--master-bind-port", first) == port("--master-port", first)
    assert "--master-port" not in said(1)


def test_locust_alone_finds_its_users() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "load/locustfile.py", "--list"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == "Listener"


def test_cores_are_shared_out_so_that_each_side_has_one() -> None:
    cores = stacks.shared_out()
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    assert cores.apart == (count != 1)
    if count:
        assert set(itertools.chain(*cores)) == os.sched_getaffinity(0)
    shared = stacks.shared_out(apart=False)
    assert set(shared.server) == set(shared.generator) == set(itertools.chain(*cores))


def test_each_profile_meets_a_server_on_the_processors_that_it_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met: list[tuple[str, str, str]] = []

    @contextmanager
    def served(_db: str, cores: stacks.Cores, *_: Any) -> Iterator[stacks.Served]:
        yield load.elsewhere("http://127.0.0.1:1")._replace(what=str(cores))

    def measure(test: LoadTest, *_: Any) -> str:
        met.append((test.profile.name, test.server.what, str(test.cores)))
        return "met"

    monkeypatch.setattr(stacks, "served", served)
    monkeypatch.setattr(load_command, "measure", measure)
    names = "open", "shared", "logins"
    asked = [profiles.PROFILES[name] for name in names]
    assert load_command.serve_and_measure(asked, "sqlite", Path()) == ["met"] * 3
    cores = [str(stacks.shared_out(apart=name != "shared")) for name in names]
    assert met == [*zip(names, cores, cores, strict=True)]
