"""A load test: a served library, its users in processes of their own, and what came of it.

    stacks.served ←── Locust (load/*.py) ──→ recording, a file a process ─┐
         └── watch: what the server side cost ────────────────────────────┴─ merge → LoadResult

After it as many users ask a server that does nothing as often, which gives the floor. The users
run on other cores than the server where there are several, if the profile does not say otherwise.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil
from rich.box import SIMPLE
from rich.table import Table

from vivace.lab import hashes, histogram, outcome, pace, results, servers, stacks
from vivace.lab.machine import CHECKOUT
from vivace.lab.outcome import Ran, Test
from vivace.lab.profiles import OF_HASHES, Profile
from vivace.lab.results import LoadResult, ResultError
from vivace.lab.stacks import Cores, Served
from vivace.lab.watch import Watch

FLOOR_SECONDS = 8
FLOOR_RAMP_S = 3.0
FLOOR_USERS = 20
"""Of an open profile: as many as may be under way at once."""
STOP_SECONDS = 15
"""For answers that are out, and for the processes to write down what they saw."""
POLL_S = 0.2
Progress = Callable[[str, float, float], None]
"""Told what is being done, for how many seconds by now and in all."""


class Users(NamedTuple):
    """How they log in: `{}` in the account stands for a user's number, from 1."""

    account: str = stacks.ACCOUNT
    password: str = stacks.PASSWORD

    @property
    def options(self) -> list[str]:
        """Of a generator's command line."""
        return ["--account", self.account, "--account-password", self.password]


# --- Where ------------------------------------------------------------------------------------


def refuse_strangers(address: str, *, allow_remote: bool) -> None:
    """Raises `ResultError` for what is no address of a server, or not one on this machine."""
    host, port = host_and_port(address)
    try:
        found = socket.getaddrinfo(host, port)
    except OSError as error:
        raise ResultError(f"{address}: {error.strerror or error}") from error
    local = all(ip_address(where[4][0].partition("%")[0]).is_loopback for where in found)  # type: ignore[union-attr]
    if not local and not allow_remote:
        raise ResultError(
            f"{address} is not on this machine; a load test of others' servers is an attack,"
            " of your own it takes --allow-remote"
        )
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise ResultError(f"{address}: nothing answers there ({error})") from error


def host_and_port(address: str) -> tuple[str, int]:
    """Raises `ResultError`."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        parts, port = urlsplit(""), 0
    if not parts.hostname or parts.path not in {"", "/"}:
        raise ResultError(f"{address!r} is not the address of a server, as http://127.0.0.1:8000")
    return parts.hostname, port


def elsewhere(address: str) -> Served:
    """A server that was there before, of which nothing but its answers can be seen."""
    return Served(address.rstrip("/"), "a server that was there before", [], {}, None, {})


# --- A run ------------------------------------------------------------------------------------


def run(test: Test, users: Users, progress: Progress) -> LoadResult:
    """Measure one profile. What was measured until something broke is in the result."""
    started_at, before_ms = datetime.now(UTC), pace.work_ms()
    asks = OF_HASHES in {promise.measure for promise in test.profile.promises}
    with_hashes = asks and bool(test.server.pids)
    before = hashes.per_second(test.cores.server) if with_hashes else 0.0
    ran = generate(arguments(test.profile, test.server.base, users), test, progress)
    if with_hashes:
        # A machine is not as fast at all times.
        hashed = (before + hashes.per_second(test.cores.server)) / 2
        ran = ran._replace(merged=ran.merged._replace(hashes=hashed))
    floor = measured_floor(test, ran.merged.rate, progress)
    return outcome.described(test, started_at, pace.since(before_ms), floor, ran)


def arguments(profile: Profile, base: str, users: Users) -> list[str]:
    """Of Locust, for what the profile says."""
    if profile.is_open:
        # One of its users in each process sends all the others off.
        profile = profile._replace(users=profile.processes, spawn_rate=profile.processes)
        script = "arrivals.py"
        more = ["--rate", str(profile.rate), "--arrive-for", str(profile.seconds)]
    else:
        script, more = profile.script, waits(profile)
    return [*locust(script, base, profile), *users.options, *more]


def waits(profile: Profile) -> list[str]:
    return ["--wait-min", str(profile.wait_s[0]), "--wait-max", str(profile.wait_s[1])]


def locust(script: str, base: str, profile: Profile) -> list[str]:
    split = split_over(profile.processes) if profile.processes > 1 else []
    return [
        *(sys.executable, "-m", "locust", "-f", str(CHECKOUT / "load" / script), "--headless"),
        *("--host", base, "--users", str(profile.users), "--spawn-rate", str(profile.spawn_rate)),
        *("--run-time", f"{profile.seconds:.0f}s", "--stop-timeout", str(STOP_SECONDS)),
        *("--loglevel", "WARNING", "--only-summary", "--exit-code-on-error", "0"),
        *("--measure-after", str(profile.ramp_s), *split),
    ]


def split_over(processes: int) -> list[str]:
    """On a port of its own on loopback: Locust's is one for all, on every interface."""
    port = str(servers.free_port())
    return [
        *("--processes", str(processes), "--master-bind-host", servers.LOOPBACK),
        *("--master-bind-port", port, "--master-port", port),
    ]


def measured_floor(test: Test, rate: float, progress: Progress) -> results.Floor:
    """What as many users see who ask as often, of a server that does nothing."""
    users = FLOOR_USERS if test.profile.is_open else test.profile.users
    idle = test.profile._replace(
        seconds=FLOOR_SECONDS + FLOOR_RAMP_S,
        users=users,
        spawn_rate=users / FLOOR_RAMP_S,
        rate=None,
        freeze_s=0.0,
    )
    with stacks.null_server(test.cores) as base:
        nothing = Test(idle, "other", elsewhere(base), test.cores)
        command = [*locust("floor.py", base, idle), "--every", str(users / max(rate, 1.0))]
        ran = generate(command, nothing, lambda _what, now, whole: progress("floor", now, whole))
    return results.Floor(
        requests=ran.merged.requests,
        seconds=ran.merged.seconds,
        generator_cpu=outcome.busiest(ran.merged, test.cores)[0],
        histogram=histogram.encode(histogram.merged(e.histogram for e in ran.merged.endpoints)),
    )


def generate(command: list[str], test: Test, progress: Progress) -> Ran:
    """Let Locust run to its end, or to that of the server."""
    profile, pids = test.profile, test.server.pids
    freeze_after = profile.ramp_s + (profile.seconds - profile.ramp_s - profile.freeze_s) / 2
    watch = Watch(pids).start()
    frozen_at, broke, server_ended = None, "", False
    with tempfile.TemporaryDirectory(prefix="vivace-load-") as name:
        folder = Path(name)
        with started(command, folder, test.cores) as process:
            begun = time.monotonic()
            while process.poll() is None:
                passed = time.monotonic() - begun
                progress(profile.name, min(passed, profile.seconds), profile.seconds)
                if profile.freeze_s and frozen_at is None and passed >= freeze_after:
                    frozen_at = time.time()
                    freeze(pids, profile.freeze_s)
                if not broke and (ended := first_ended(pids)):
                    broke = f"the server's process {ended} ended after {passed:.0f} s"
                    server_ended = True
                    process.send_signal(signal.SIGTERM)
                if passed > profile.seconds + 4 * STOP_SECONDS:
                    broke = broke or "the load generator did not come to its end"
                    break
                time.sleep(POLL_S)
        if process.returncode and not broke:
            broke = f"the load generator failed: {last_line(folder / 'log')}"
        merged = outcome.merge(outcome.recorded(folder))
    return Ran(merged, watch.stop(), frozen_at, broke, server_ended)


@contextmanager
def started(command: list[str], folder: Path, cores: Cores) -> Iterator[subprocess.Popen[bytes]]:
    """Locust, ended with the block, all its processes."""
    with stacks.kept_to(cores.generator), (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--recording", str(folder)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def freeze(pids: Iterable[int], seconds: float) -> None:
    """Stop processes and all their children in their tracks for a while."""
    found = [psutil.Process(pid) for pid in pids]
    found += [child for process in found for child in process.children(recursive=True)]
    try:
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(seconds)
    finally:
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def first_ended(pids: Iterable[int]) -> int | None:
    """A process that is no more, though it should be."""
    for pid in pids:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return pid
        except psutil.NoSuchProcess:
            return pid
    return None


def last_line(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def table(found: LoadResult) -> Table:
    """What came of a load test, for a terminal."""
    title = f"{found.profile} on {found.server.what}, {found.seconds:.0f} s"
    made = Table(title=title, title_justify="left", box=SIMPLE)
    made.add_column("endpoint", no_wrap=True)
    for name in ("requests", "a second", "failed", "refused", "p50 ms", "p99 ms", "max ms"):
        made.add_column(name, justify="right")
    for each in sorted(found.endpoints, key=lambda each: -each.requests):
        values = histogram.percentiles(histogram.decode(each.histogram), (50.0, 99.0, 100.0))
        made.add_row(
            each.name,
            f"{each.requests:,}",
            f"{each.requests / found.seconds:,.1f}",
            f"{each.failures:,}",
            f"{each.refusals:,}",
            *(f"{value:,.1f}" for value in values.values()),
        )
    return made


def summary(found: LoadResult) -> str:
    """Promises, failures, the cost on both sides and the verdict, a line each."""
    floor = histogram.percentiles(histogram.decode(found.floor.histogram), (50.0, 99.0))
    lines = [
        f"{'met' if each.met else 'MISSED'}: {each.what} {each.limit:g}: {each.measured:.4g}"
        for each in found.targets
    ]
    lines += [f"{each.count} × {each.endpoint}: {each.reason}" for each in found.failures[:5]]
    if found.freeze:
        theory = found.freeze.p99_theory_ms
        seen = histogram.merged(each.histogram for each in found.endpoints)
        p99 = histogram.percentiles(seen, (99.0,))[99.0]
        kind = "open" if found.open else "closed"
        frozen = f"frozen for {found.freeze.seconds:.0f} s"
        lines.append(f"{frozen}: {kind} p99 {p99:,.0f} ms, theory {theory:,.0f} ms")
    lines.append(
        f"server {found.server.cpu_mean:.2f} cores, {found.server.memory_peak_mb:.0f} MB;"
        f" generator {found.generator.cpu_mean:.0%} of its core;"
        f" floor p50 {floor[50.0]:.1f}, p99 {floor[99.0]:.1f} ms"
    )
    return "\n".join([*lines, f"verdict: {found.verdict} {found.why}".rstrip()])
