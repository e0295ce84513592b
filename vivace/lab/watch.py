"""What processes cost while they work: processor time and memory, once a second."""

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil


class Cost(NamedTuple):
    second: int
    """Since 1970."""
    cpu: float
    """Cores: processor seconds a second, of all processes together."""
    memory_mb: float
    """What they have to themselves, and shared memory once for each that maps it (RSS)."""


class Watch:
    """The cost of some processes and all their children, from `start` to `stop`."""

    def __init__(self, pids: Iterable[int]) -> None:
        self.roots = [psutil.Process(pid) for pid in pids]
        self.costs: list[Cost] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> "Watch":
        self.thread.start()
        return self

    def stop(self) -> Sequence[Cost]:
        self.stopped.set()
        self.thread.join()
        return self.costs

    def run(self) -> None:
        before, at = used(self.processes()), time.time()
        while not self.stopped.wait(1 - time.time() % 1):
            # Looked for once: that is most of what watching takes.
            processes = self.processes()
            seconds, now = used(processes), time.time()
            cpu = (sum(seconds.values()) - sum(before.get(pid, 0) for pid in seconds)) / (now - at)
            self.costs.append(Cost(int(now) - 1, max(0.0, cpu), memory_mb(processes)))
            before, at = seconds, now

    def processes(self) -> list[psutil.Process]:
        found = list(self.roots)
        for root in self.roots:
            with suppress(psutil.NoSuchProcess):
                found += root.children(recursive=True)
        return found


def used(processes: Iterable[psutil.Process]) -> dict[int, float]:
    """Processor seconds that each process has used so far."""
    seconds = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds[process.pid] = times.user + times.system
    return seconds


def memory_mb(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / (1 << 20)
