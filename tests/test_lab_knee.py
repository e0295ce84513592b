"""The search for the knee: it finds the one that is there, says why where it finds none, and what
it measured can be read back and reported."""

import math
import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from tests import lab_results as made
from vivace.lab import knee, load, probes, report, results
from vivace.lab.commands.knee import P99_MS
from vivace.lab.evidence import gathered
from vivace.lab.knee import Answer, Ask
from vivace.lab.machine import CHECKOUT
from vivace.lab.probed import Sent
from vivace.lab.results import Knee, KneeResult, Probe, ResultError
from vivace.lab.servers import http_answers, serving
from vivace.lab.stacks import Cores, Served

pytestmark = pytest.mark.any_database

SHARED = Cores((), ())
HTML_MAX_BYTES = 300_000
Server = Callable[[Ask], Probe]


def sent(p99_ms: float = 17.3, **changed: Any) -> Sent:
    found = Sent(
        requests=1_203,
        failures=0,
        refusals=0,
        reason="",
        p50_ms=p99_ms / 3.1,
        p99_ms=p99_ms,
        generator_cpu=0.171,
        generator_lag_ms=1.3,
    )
    return msgspec.structs.replace(found, **changed)


def probe(ask: Ask, found: Sent, others_share: float = 0.013) -> Probe:
    outcome = knee.outcome(found, others_share, P99_MS)
    told = msgspec.structs.asdict(found)
    return Probe(
        rate=ask.rate,
        seed=ask.seed,
        seconds=ask.seconds,
        server_cpu=0.93,
        others_share=others_share,
        outcome=outcome,
        **told,
    )


def searched(server: Server) -> tuple[Answer, list[Probe]]:
    """The answer, and all the probes behind it."""
    search = knee.search(P99_MS)
    found: list[Probe] = []
    ask = next(search)
    while True:
        found.append(server(ask))
        try:
            ask = search.send(found[-1])
        except StopIteration as ended:
            return ended.value, found


# --- Servers whose knee is known --------------------------------------------------------------


def curved(edge: float, luck: float = 0.3, noise: float = 0.05, seed: int = 1) -> Server:
    """p99 rises ten times as steeply as the rate and is the target at the edge, but for luck.

    That of a schedule is the same whenever it comes; the server's own is not.
    """
    drawn = random.Random(seed)

    def answer(ask: Ask) -> Probe:
        over = 10 * math.log(ask.rate / edge)
        over += luck * random.Random(ask.seed).gauss(0, 1) + noise * drawn.gauss(0, 1)
        return probe(ask, sent(P99_MS * math.exp(max(-4.0, min(4.0, over)))))

    return answer


def disturbed(server: Server, share: float, seed: int) -> Server:
    """The same on a machine that pauses now and then."""
    drawn = random.Random(seed)

    def answer(ask: Ask) -> Probe:
        return probe(ask, sent(417.0)) if drawn.random() < share else server(ask)

    return answer


def rate(server: Server) -> float:
    answer, _ = searched(server)
    assert answer.edge is not None
    return answer.edge.rate


@pytest.mark.parametrize("edge", [5.7, 43.1, 331.0, 1_270.0, 21_000.0])
def test_the_knee_that_is_there_is_found(edge: float) -> None:
    answer, _ = searched(curved(edge))
    assert answer.why == ""
    assert answer.edge is not None
    assert answer.edge.rate == pytest.approx(edge, rel=0.03)
    assert answer.edge.low < edge < answer.edge.high
    assert answer.edge.high / answer.edge.low < 1.05


def test_without_luck_it_is_found_exactly() -> None:
    assert rate(curved(417.3, luck=0, noise=0)) == pytest.approx(417.3, rel=0.001)


def test_luck_that_is_the_same_at_every_run_does_not_part_two_runs() -> None:
    found = [rate(curved(417.3, luck=0.5, noise=0.05, seed=seed)) for seed in range(10)]
    assert max(found) / min(found) < 1.01


def test_pauses_of_the_machine_are_forgiven() -> None:
    found = [rate(disturbed(curved(417.3, seed=seed), 0.06, seed)) for seed in range(20)]
    assert max(found) / min(found) < 1.05
    assert sorted(found)[10] == pytest.approx(417.3, rel=0.03)


def queueing(service_s: float, seed: int) -> Server:
    """One worker that serves in the order of arrival, each taking about as long."""
    drawn = random.Random(seed)

    def answer(ask: Ask) -> Probe:
        order = probes.ordered("GET /tracks (page)", ask, P99_MS)
        free_at, took_ms = -math.inf, []
        for arrival in order.moments():
            free_at = max(free_at, arrival) + service_s * drawn.uniform(0.5, 1.5)
            if arrival >= 0:
                took_ms.append((free_at - arrival) * 1_000)
        return probe(ask, sent(sorted(took_ms)[math.ceil(0.99 * len(took_ms)) - 1]))

    return answer


@pytest.mark.parametrize(
    ("service_s", "full"), [(0.000_7, 0.976), (0.002, 0.939), (0.004_3, 0.893)]
)
def test_the_knee_of_a_queue_is_found_twice(service_s: float, full: float) -> None:
    """`full` is the share of a worker's time at which p99 in the long run is 100 ms, by theory."""
    first, second = (rate(queueing(service_s, seed)) for seed in (1, 2))
    assert first == pytest.approx(second, rel=0.05)
    assert first * service_s == pytest.approx(full, rel=0.07)
    assert first * service_s < 1


def test_a_search_asks_for_a_minute_of_probes() -> None:
    _, found = searched(curved(417.3))
    settling = knee.SHORT_SETTLE_S * (len(found) - 16) + 16 * knee.SETTLE_S
    assert 50 < sum(each.seconds for each in found) + settling < 65
    assert knee.lengths(20) == (0.5, 2.5)
    assert knee.lengths(120) == pytest.approx((0.6, 3.0))
    assert knee.lengths(350) == (1.75, 5.0)


def test_where_the_probes_are_far_apart_there_are_more_of_them() -> None:
    """As many again, on the same schedules."""
    _, found = searched(curved(417.3, luck=0.3, noise=1.5))
    narrowing = [each for each in found if each.seconds > knee.SHORT_S]
    assert [each.seed for each in narrowing] == [*range(1, 17), *range(1, 17)]
    restless = [rate(curved(417.3, luck=0.3, noise=1.0, seed=seed)) for seed in range(20)]
    assert sum(abs(each / 417.3 - 1) < 0.05 for each in restless) >= 18


def test_rates_double_until_one_misses_twice_and_are_then_halved() -> None:
    _, found = searched(curved(417.3, luck=0, noise=0))
    short = [each.rate for each in found if each.seconds == knee.SHORT_S]
    assert short[:5] == [64, 128, 256, 512, 512]
    assert [round(each) for each in short[5:]] == [362, 431, 431, 395]
    narrowing = [each for each in found if each.seconds > knee.SHORT_S]
    assert [each.seed for each in narrowing] == [*range(1, 17)]
    assert narrowing[-1].rate == pytest.approx(417.3, rel=0.001)


# --- Where there is none ----------------------------------------------------------------------


def tired(above: float) -> Server:
    """The generator cannot send more than so many a second in time; the server could do more."""

    def answer(ask: Ask) -> Probe:
        busy = ask.rate > above
        return probe(ask, sent(411.0, generator_cpu=0.97) if busy else sent())

    return answer


def crowded(ask: Ask) -> Probe:
    """Somebody else is on the server's cores."""
    return probe(ask, sent(411.0), others_share=0.471)


def always(found: Sent) -> Server:
    return lambda ask: probe(ask, found)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (tired(700), "the generator was the bottleneck at 1,024 a second: 97% of its processor"),
        (crowded, "others had 47% of the server's processor cores when it missed the target at 64"),
        (always(sent(131.7)), "the target is missed at 2 a second: p99 is 131.7 ms"),
        (
            always(sent(failures=3, reason="status 500")),
            "the target is missed at 2 a second: 3 of 1203 failed: status 500",
        ),
        (
            always(sent(refusals=1_203)),
            "the target is missed at 2 a second: 1203 of 1203 were refused",
        ),
        (always(sent(3.1)), "the target is kept at 32,768 a second, too"),
    ],
)
def test_where_no_knee_is_found_it_says_why(server: Server, why: str) -> None:
    answer, found = searched(server)
    assert answer.edge is None
    assert answer.why.startswith(why)
    assert len(found) < 40


def test_a_generator_that_tires_near_the_knee_ends_the_search() -> None:
    curve = curved(417.3)

    def answer(ask: Ask) -> Probe:
        found = curve(ask)
        late = found.outcome == "missed" and ask.seconds > knee.SHORT_S
        busy = msgspec.structs.replace(found, generator_cpu=0.93, outcome="void")
        return busy if late else found

    answered, found = searched(answer)
    assert answered.edge is None
    assert "bottleneck" in answered.why
    assert [each.outcome for each in found[-knee.TRIES :]] == ["void"] * knee.TRIES


@pytest.mark.parametrize(
    ("found", "others_share", "outcome"),
    [
        (sent(49.9), 0.0, "met"),
        (sent(50.0), 0.0, "met"),
        (sent(50.1), 0.0, "missed"),
        (sent(failures=1), 0.0, "missed"),
        (sent(refusals=1), 0.0, "missed"),
        (sent(50.1, generator_cpu=0.91), 0.0, "void"),
        (sent(50.1, generator_lag_ms=10.7), 0.0, "void"),
        (sent(50.1), 0.11, "void"),
        (sent(49.9, generator_cpu=0.99, generator_lag_ms=31.0), 0.47, "met"),
    ],
)
def test_a_miss_is_the_server_s_where_nobody_else_is_to_blame(
    found: Sent, others_share: float, outcome: str
) -> None:
    assert knee.outcome(found, others_share, 50.0) == outcome


def test_operations_take_turns_and_what_breaks_off_is_kept() -> None:
    servers = {"fast": curved(900.0), "slow": always(sent(131.7))}
    asked: list[str] = []

    def send(operation: str, ask: Ask) -> Probe:
        if len(asked) == 25:
            raise probes.BrokenOffError("the server's process 4711 ended")
        asked.append(operation)
        return servers[operation](ask)

    fast, slow = probes.courses(["fast", "slow"], P99_MS, send, lambda: None)
    assert asked[:4] == ["fast", "slow", "fast", "slow"]
    assert fast.answer == Answer(None, "the server's process 4711 ended")
    assert slow.answer is not None
    assert slow.answer.why.startswith("the target is missed at 2")
    assert len(fast.probes) + len(slow.probes) == 25


def test_a_floor_that_misses_the_target_makes_the_generator_the_bottleneck() -> None:
    course = probes.Course("GET /tracks (page)", P99_MS)
    course.answer = Answer(knee.Edge(417.0, 409.1, 423.7), "")
    ask = Ask(417.0, 0.5, 2.5, 1)
    floor = probe(ask, sent(157.1, generator_cpu=0.98))
    found = probes.as_found(course, floor)
    assert found.knee is None
    assert "a server that does nothing p99 is 157.1 ms" in found.why
    assert probes.as_found(course, probe(ask, sent(0.9))).high == 423.7


# --- Real servers -----------------------------------------------------------------------------

STUB = """
import json, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RIGHT, ONE_AT_A_TIME = sys.argv[2] == "right", threading.Lock()
THING = {"id": "17", "created_at": "2026-02-03T04:05:06Z", "name": "x", "title": "x",
         "artist": {}, "album": {}, "genres": ["rock"]}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # An answer in two packets would wait for the client to acknowledge the first.
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with ONE_AT_A_TIME:
            time.sleep(0.002)
        path, status = self.path.partition("?")[0], 200
        if path == "/healthz":
            body = {}
        elif "login" in path:
            body = {"access_token": "t", "expires_in": 300}
        elif "Authorization" not in self.headers:
            status, body = 401, {}
        elif RIGHT:
            body = THING if path.endswith("/17") else {"items": [THING], "next": None}
        else:
            status, body = (503 if "artists" in path else 200), {"items": [{}]}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_GET = do_POST = answer
    def log_message(self, *_): pass

class Server(ThreadingHTTPServer):
    request_queue_size = 256

signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background process ignores it
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextmanager
def stub(folder: Path, how: str) -> Iterator[Served]:
    def command(port: int) -> list[str]:
        return [sys.executable, "-c", STUB, str(port), how]

    with serving(command, http_answers, folder, env=dict(os.environ)) as port:
        yield load.elsewhere(f"http://127.0.0.1:{port}")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knee, "SHORT_S", 0.1)
    monkeypatch.setattr(knee, "SHORT_SETTLE_S", 0.05)
    monkeypatch.setattr(knee, "LONGEST_S", 0.2)
    monkeypatch.setattr(knee, "SETTLE_S", 0.1)
    monkeypatch.setattr(knee, "PROBES", 4)
    monkeypatch.setattr(knee, "MOST_PROBES", 4)
    monkeypatch.setattr(knee, "HALVINGS", 1)
    monkeypatch.setattr(knee, "LOWEST_RATE", 32)
    monkeypatch.setattr(knee, "HIGHEST_RATE", 2_048)
    # Other tests may be running beside this one.
    monkeypatch.setattr(knee, "LATE_MS", math.inf)
    monkeypatch.setattr(knee, "BUSY_CPU", math.inf)


def nothing(_what: str, _now: float, _whole: float) -> None:
    """No progress bar."""


def test_real_probes_are_answered_and_checked(brief: None, tmp_path: Path) -> None:
    with stub(tmp_path, "right") as server:
        sought = probes.Sought(["GET /tracks/{id}"], 20.0, "other", server, SHARED)
        (found,) = probes.run(sought, load.Users(), nothing).operations
    assert found.probes
    assert bool(found.knee) != bool(found.why)
    for sent in found.probes:
        assert (sent.failures, sent.refusals, sent.reason) == (0, 0, "")
        assert sent.requests == max(1, round(sent.rate * sent.seconds))
        # The server sleeps for so long, and nothing is counted from later than it was due.
        assert sent.p99_ms >= sent.p50_ms >= 2
    if found.floor:
        assert found.floor.failures == 0
        assert found.floor.rate == found.knee or not found.knee


def test_wrong_answers_and_refusals_miss_every_target(brief: None, tmp_path: Path) -> None:
    operations = ["GET /artists (page)", "GET /tracks (page)", "GET /tracks/{id}"]
    with stub(tmp_path, "wrong") as server:
        sought = probes.Sought(operations, 20.0, "other", server, SHARED)
        found = probes.run(sought, load.Users(), nothing)
    refused, wrong, nobody = found.operations
    assert {each.knee for each in found.operations} == {None}
    assert {each.refusals for each in refused.probes} == {each.requests for each in refused.probes}
    assert all(each.p99_ms >= each.refused_p99_ms >= 2 for each in refused.probes)
    assert {each.refused_p99_ms for each in wrong.probes} == {0}
    assert "were refused" in refused.why
    assert "failed: not the shape it should have" in wrong.why
    assert "there was nothing to ask for" in nobody.why


def test_a_generator_that_ends_breaks_the_search_off() -> None:
    with probes.sender("http://127.0.0.1:9", SHARED, "--nonsense") as generator:
        order = probes.ordered("GET /tracks (page)", Ask(10, 0.1, 0.1, 1), 50)
        with pytest.raises(probes.BrokenOffError, match=r"generator failed.*nonsense"):
            generator.send(order)


def test_every_operation_is_something_that_people_of_the_load_tests_do() -> None:
    written = (CHECKOUT / "load" / "locustfile.py").read_text("utf-8")
    done = set(re.findall(r"@task\(\d+\)\n    def (\w+)\(", written))
    assert set(knee.OPERATIONS.values()) <= done
    assert set(knee.USUAL) <= knee.OPERATIONS.keys()


# --- Files and the report ---------------------------------------------------------------------


def sought(operation: str, edge: float) -> Knee:
    """Found, as `vivace lab knee` leaves it."""
    course = probes.Course(operation, P99_MS)
    course.answer, course.probes = searched(curved(edge))
    return probes.as_found(course, probe(Ask(edge, 0.5, 2.5, 1), sent(1.37)))


def knee_result(**changed: Any) -> KneeResult:
    found = KneeResult(
        stack="sqlite",
        started_at="2026-02-03T05:06:07+00:00",
        machine=made.MACHINE,
        versions=made.VERSIONS,
        data=made.DATA,
        settings={"VIVACE_CACHE": "off"},
        server="vivace serve, 1 worker, SQLite",
        server_cores=[0],
        target_p99_ms=100,
        operations=[sought("GET /artists (page)", 417.3), sought("GET /tracks/{id}", 731.9)],
    )
    return msgspec.structs.replace(found, **changed)


def no_knee() -> Knee:
    course = probes.Course("GET /albums/{id}", P99_MS)
    course.answer, course.probes = searched(tired(700))
    return probes.as_found(course, None)


def test_a_result_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    found = knee_result(operations=[sought("GET /tracks (page)", 417.3), no_knee()])
    path = results.save(tmp_path, found)
    assert path.name == "knee-sqlite.json"
    assert results.read_knee(path) == found
    unkept = msgspec.structs.replace(found, kept=False)
    assert results.save(tmp_path, unkept).name == "knee-unkept-sqlite.json"
    assert gathered(tmp_path).knees[1].result == unkept


def cut(content: bytes) -> bytes:
    return content[:-20]


def old(content: bytes) -> bytes:
    return content.replace(b'"format": 1', b'"format": 0')


def of_a_load_test(content: bytes) -> bytes:
    return content.replace(b'"kind": "knee"', b'"kind": "load"')


def below_zero(content: bytes) -> bytes:
    return content.replace(b'"rate": 64.0', b'"rate": -64.0')


def elsewhere(content: bytes) -> bytes:
    return content.replace(b'"stack": "sqlite"', b'"stack": "postgresql"')


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "it is damaged"),
        (old, "it is of format 0, this Vivace reads 1"),
        (of_a_load_test, "it is damaged"),
        (below_zero, "it is damaged"),
        (elsewhere, "it was measured on postgresql"),
    ],
)
def test_a_damaged_result_is_refused_in_one_line(
    damage: Callable[[bytes], bytes], said: str, tmp_path: Path
) -> None:
    path = results.save(tmp_path, knee_result())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ResultError) as refused:
        gathered(tmp_path)
    assert f"{path}: {said}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_report_has_the_knees_and_their_plot(tmp_path: Path) -> None:
    both = [sought("GET /tracks (page)", 417.3), no_knee()]
    made.write_everything(tmp_path)
    results.save(tmp_path, knee_result())
    results.save(tmp_path, knee_result(stack="postgresql", operations=both))
    anew = [sought("GET /tracks (page)", 89.3)]
    results.save(tmp_path, knee_result(kept=False, operations=anew))
    found = report.render(tmp_path)
    assert report.render(tmp_path) == found
    assert len(found.html.encode()) <= HTML_MAX_BYTES
    assert "p99 by rate on SQLite" in found.html
    rows = re.findall(r"^.*`knee-\S+ › operations\[.*$", found.markdown, re.MULTILINE)
    named = [row.split(" | ")[0].strip("| ") for row in rows]
    assert named == [
        "GET /artists (page) on SQLite",
        "GET /tracks/{id} on SQLite",
        "GET /tracks (page) on SQLite, not kept",
        "GET /tracks (page) on PostgreSQL",
        "GET /albums/{id} on PostgreSQL",
    ]
    assert "not found" in rows[4]
    assert "the generator was the bottleneck at 1,024 a second" in rows[4]
    assert "each answer made anew: p99 under 100 ms." in found.markdown
    assert rows[0].endswith("`knee-sqlite.json › operations[GET /artists (page)]` |")


def test_knees_alone_make_a_report(tmp_path: Path) -> None:
    results.save(tmp_path, knee_result())
    found = report.render(tmp_path)
    assert "2 knees of Vivace" in found.markdown
    assert "## Highest rates" in found.markdown


def test_a_folder_without_knees_has_no_section_of_them(tmp_path: Path) -> None:
    results.save(tmp_path, made.load_result())
    assert "Highest rates" not in report.render(tmp_path).markdown


# --- The command ------------------------------------------------------------------------------


def test_an_unknown_operation_is_one_line() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("lab", "knee", "GET /tracks (page)", "GET /nonsense")
    (line,) = str(refused.value).splitlines()
    assert "There is no operation 'GET /nonsense', only GET /artists (page)" in line


@pytest.mark.parametrize("target", ["0", "-5", "soon", "1.5"])
def test_a_target_is_a_number_of_milliseconds(target: str) -> None:
    with pytest.raises(CommandError, match="is not a number of milliseconds from 1 up"):
        call_command("lab", "knee", f"--p99={target}")
