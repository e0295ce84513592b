"""Latencies as HDR histograms: millions of them in kilobytes, their percentiles exact to 0.1 %.

http://hdrhistogram.org. Percentiles of several processes are those of their merged histograms;
percentiles themselves cannot be averaged.
"""

from collections.abc import Iterable, Mapping, Sequence

from hdrh.histogram import HdrHistogram

HIGHEST_US = 3_600_000_000
"""An hour; what took longer counts as that."""
DIGITS = 3
"""The width of a bucket is at most 1/1024 of its value."""

PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)


def histogram() -> HdrHistogram:
    """An empty one, for microseconds."""
    return HdrHistogram(1, HIGHEST_US, DIGITS)


def record(into: HdrHistogram, milliseconds: float) -> None:
    into.record_value(min(max(1, round(milliseconds * 1_000)), HIGHEST_US))


def encode(found: HdrHistogram) -> str:
    """Base64 of HdrHistogram's V2 format, which its tools read."""
    return str(found.encode(), "ascii")


def decode(text: str) -> HdrHistogram:
    return HdrHistogram.decode(text)


def merged(texts: Iterable[str]) -> HdrHistogram:
    found = histogram()
    for text in texts:
        found.add(decode(text))
    return found


def percentiles(
    found: HdrHistogram, wanted: Sequence[float] = PERCENTILES
) -> Mapping[float, float]:
    """Percentile → milliseconds that so many percent of all do not exceed; 0 of an empty one."""
    if not found.get_total_count():
        return dict.fromkeys(wanted, 0.0)
    values = found.get_percentile_to_value_dict(list(wanted))
    return {percentile: values[percentile] / 1_000 for percentile in wanted}


def mean_ms(found: HdrHistogram) -> float:
    return float(found.get_mean_value()) / 1_000
