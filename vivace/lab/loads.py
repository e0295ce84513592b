"""Load tests as the report reads them: latencies of endpoints and of all together."""

import binascii
import math
import zlib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from vivace.lab import histogram, results
from vivace.lab.results import Endpoint, LoadResult, ResultError
from vivace.lab.wording import STACK_NAMES

NOT_A_HISTOGRAM = (
    HdrCookieException,
    HdrHistogramSettingsException,
    HdrLengthException,
    RuntimeError,
    LookupError,
    ValueError,
    binascii.Error,
    zlib.error,
)
"""What `hdrh` raises for a text that is none."""
TEN = 10
"""Seconds."""


class Latency:
    """Milliseconds of many requests, from their histograms.

    As `histogram` reads them, in a single pass for all percentiles and the mean.
    """

    def __init__(self, found: HdrHistogram) -> None:
        self.found = found
        filled = [(index, number) for index, number in enumerate(found.counts[:]) if number]
        self.lowest = [found.get_value_from_index(index) for index, _ in filled]
        self.highest = [found.get_highest_equivalent_value(value) for value in self.lowest]
        self.counts = [number for _, number in filled]
        self.up_to = list(accumulate(self.counts))

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Latency":
        return cls(histogram.merged(texts))

    @property
    def requests(self) -> int:
        return sum(self.counts)

    @cached_property
    def mean(self) -> float:
        """Not a number where there was no request."""
        if not self.requests:
            return float("nan")
        bins = zip(self.lowest, self.highest, self.counts, strict=True)
        total = sum((low + (high - low + 1) // 2) * number for low, high, number in bins)
        return float(total) / self.requests / 1_000

    def at(self, percentile: float) -> float:
        """What so many percent do not exceed; not a number where there was no request."""
        if not self.requests:
            return float("nan")
        wanted = self.found.get_target_count_at_percentile(percentile)
        index = bisect_left(self.up_to, wanted)
        return float(self.highest[index] if percentile else self.lowest[index]) / 1_000


@dataclass(frozen=True)
class Load:
    """One load test."""

    file: str
    result: LoadResult
    all: Latency
    by_endpoint: tuple[tuple[Endpoint, Latency], ...]
    lag: Latency
    floor: Latency

    @property
    def anchor(self) -> str:
        return self.file.removesuffix(".json")

    @property
    def title(self) -> str:
        return f"{self.result.profile} on {self.stack}"

    @property
    def stack(self) -> str:
        return STACK_NAMES[self.result.stack]

    @property
    def requests(self) -> int:
        return sum(endpoint.requests for endpoint in self.result.endpoints)

    @property
    def failures(self) -> int:
        return sum(endpoint.failures for endpoint in self.result.endpoints)

    @property
    def refusals(self) -> int:
        return sum(endpoint.refusals for endpoint in self.result.endpoints)

    @property
    def per_second(self) -> float:
        return self.requests / self.result.seconds if self.result.seconds else 0.0

    @property
    def per_second_between(self) -> tuple[float, float]:
        """Of the slowest ten seconds and the fastest, counted on from the measurement's beginning.

        Of what is shorter, of all of it.
        """
        begin, seconds = self.result.measured_from_s, self.result.seconds
        # Whole seconds only: in the last one the users were stopped.
        whole = range(math.ceil(begin), math.floor(begin + seconds))
        each = [second.requests for second in self.result.timeline if second.second in whole]
        tens = [sum(each[at : at + TEN]) / TEN for at in range(0, len(each) - TEN + 1, TEN)]
        tens = tens or [self.per_second]
        return min(tens), max(tens)

    @property
    def megabytes_per_second(self) -> float:
        sent = sum(endpoint.bytes for endpoint in self.result.endpoints)
        return sent / self.result.seconds / 1e6 if self.result.seconds else 0.0

    @property
    def failure_rate(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    @property
    def refusal_rate(self) -> float:
        return self.refusals / self.requests if self.requests else 0.0

    @property
    def floor_per_second(self) -> float:
        floor = self.result.floor
        return floor.requests / floor.seconds if floor.seconds else 0.0

    def slowest(self) -> list[tuple[Endpoint, Latency]]:
        """By p99, those without a request left out."""
        asked = [(endpoint, found) for endpoint, found in self.by_endpoint if found.requests]
        return sorted(asked, key=lambda pair: (-pair[1].at(99), pair[0].name))

    def where(self, path: str) -> str:
        return f"{self.file} › {path}"


def load(path: Path) -> Load:
    found = results.read_load(path)
    if found.verdict != "none" and not (found.seconds > 0 and found.floor.seconds > 0):
        raise ResultError(f"{path}: it is damaged: nothing was measured for 0 seconds")
    try:
        return Load(
            file=path.name,
            result=found,
            all=Latency.of(endpoint.histogram for endpoint in found.endpoints),
            by_endpoint=tuple((e, Latency.of([e.histogram])) for e in found.endpoints),
            lag=Latency.of([found.generator.lag]),
            floor=Latency.of([found.floor.histogram]),
        )
    except NOT_A_HISTOGRAM as error:
        raise ResultError(f"{path}: it is damaged: a histogram cannot be read") from error
