"""What a load generator process sees, kept exactly: histograms, reasons, seconds, its own cost.

Locust rounds response times and mixes what came while users were being added with the rest. Here
each process writes its own file at the end of the test; `outcome.merge` puts them together.
"""

import math
import os
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import gevent
import msgspec
import psutil
from hdrh.histogram import HdrHistogram
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from vivace.lab import histogram, results
from vivace.lab.recorded import Recorded, Seen, Tick

REASONS_MAX = 50
"""Different reasons of failures that are told apart; then it is `other reasons`."""
REASON_LENGTH = 200
TIMER_S = 0.02
SPARE_S = 30.0
"""For the workers' files, after the time that their last answers have: a busy machine takes it."""


class RefusedError(Exception):
    """The server said that it is too much (429, 503), which is an answer and no failure."""


class Endpoint:
    """The counts behind a `Seen`."""

    def __init__(self) -> None:
        self.histogram: HdrHistogram = histogram.histogram()
        self.failures = self.refusals = self.bytes = 0

    def seen(self) -> Seen:
        return Seen(
            histogram=histogram.encode(self.histogram),
            requests=int(self.histogram.get_total_count()),
            failures=self.failures,
            refusals=self.refusals,
            bytes=self.bytes,
        )


class Recording:
    def __init__(self, environment: Environment, folder: Path, after_s: float) -> None:
        self.environment, self.folder, self.after_s = environment, folder, after_s
        self.endpoints: defaultdict[str, Endpoint] = defaultdict(Endpoint)
        self.failures: Counter[tuple[str, str]] = Counter()
        self.ticks: dict[int, Tick] = {}
        self.lag: HdrHistogram = histogram.histogram()
        self.measured_from = self.measured_to = math.inf

    def start(self, **_: Any) -> None:
        self.measured_from = time.time() + self.after_s
        gevent.spawn(self.watch_processor)
        gevent.spawn(self.watch_timer)

    def request(
        self,
        request_type: str,
        name: str,
        response_time: float,
        response_length: int,
        exception: Exception | None,
        **_: Any,
    ) -> None:
        now = time.time()
        tick = self.tick(now)
        refused = isinstance(exception, RefusedError)
        failed = exception is not None and not refused
        tick.requests += 1
        tick.refusals += refused
        tick.failures += failed
        # Those under way as users stop are fewer by the moment, as no rate should have it; what
        # went wrong with them counts.
        if now < self.measured_from or (now > self.measured_to and exception is None):
            return
        endpoint = self.endpoints[name]
        histogram.record(endpoint.histogram, response_time)
        endpoint.bytes += response_length
        endpoint.refusals += refused
        endpoint.failures += failed
        if failed:
            self.count_failure(name, str(exception)[:REASON_LENGTH])

    def count_failure(self, name: str, reason: str) -> None:
        known = (name, reason) in self.failures or len(self.failures) < REASONS_MAX
        self.failures[name, reason if known else "other reasons"] += 1

    def tick(self, moment: float) -> Tick:
        second = int(moment)
        if second not in self.ticks:
            self.ticks[second] = Tick(second)
        return self.ticks[second]

    def watch_processor(self) -> None:
        process = psutil.Process()
        process.cpu_percent()
        while True:
            gevent.sleep(1)
            tick = self.tick(time.time() - 0.5)
            tick.cpu = process.cpu_percent() / 100
            tick.users = self.environment.runner.user_count if self.environment.runner else 0

    def watch_timer(self) -> None:
        """How late a timer of this process is: a request of its would have been as late."""
        while True:
            due = time.perf_counter() + TIMER_S
            gevent.sleep(TIMER_S)
            if time.time() >= self.measured_from:
                histogram.record(self.lag, (time.perf_counter() - due) * 1_000)

    def stop(self, **_: Any) -> None:
        self.measured_to = time.time()

    def write(self, **_: Any) -> None:
        """Once, when the test has stopped, or else when the process is told to go."""
        path = self.folder / f"{os.getpid()}.json"
        # A master sends nothing itself.
        if path.exists() or isinstance(self.environment.runner, MasterRunner):
            return
        content = Recorded(
            measured_from=self.measured_from,
            measured_to=min(self.measured_to, time.time()),
            endpoints={name: found.seen() for name, found in self.endpoints.items()},
            failures=[
                results.Failure(endpoint=endpoint, reason=reason, count=count)
                for (endpoint, reason), count in self.failures.items()
            ],
            ticks=sorted(self.ticks.values(), key=lambda tick: tick.second),
            lag=histogram.encode(self.lag),
        )
        results.write(path, msgspec.json.encode(content))

    def await_workers(self, **_: Any) -> None:
        """Have the master stay until each worker has written its file: its end is theirs."""
        if not isinstance(self.environment.runner, MasterRunner):
            return
        until = time.monotonic() + self.environment.stop_timeout + SPARE_S
        while time.monotonic() < until:
            if len([*self.folder.glob("[0-9]*.json")]) >= processes_of(self.environment):
                return
            gevent.sleep(TIMER_S)


def add_options(group: Any) -> None:
    """Of the command line."""
    # Text, which Locust can hand to its worker processes.
    group.add_argument("--recording", metavar="FOLDER", help="keep what is measured here")
    group.add_argument("--measure-after", type=float, default=0.0, metavar="SECONDS")


def attach(environment: Environment) -> None:
    options = environment.parsed_options
    if not options or not options.recording:
        return
    found = Recording(environment, Path(options.recording), options.measure_after)
    environment.events.request.add_listener(found.request)
    environment.events.test_start.add_listener(found.start)
    environment.events.test_stopping.add_listener(found.stop)
    environment.events.test_stop.add_listener(found.write)
    environment.events.quitting.add_listener(found.write)
    environment.events.quit.add_listener(found.await_workers)


def lost(environment: Environment, reason: str, waited_s: float = 0.0) -> None:
    """Count an arrival that became no request, or one that had no answer when all was over."""
    environment.events.request.fire(
        request_type="",
        name="arrivals that were lost",
        response_time=waited_s * 1_000,
        response_length=0,
        exception=TimeoutError(reason),
        context={},
    )


def processes_of(environment: Environment) -> int:
    """How many generator processes there are, this one among them."""
    options = environment.parsed_options
    return max(1, (options.processes or 1) if options else 1)


def number_of(environment: Environment, number: int) -> int:
    """A number among all processes, for one that counts from 1 within this."""
    runner = environment.runner
    index = runner.worker_index if isinstance(runner, WorkerRunner) else 0
    return (number - 1) * processes_of(environment) + index + 1
