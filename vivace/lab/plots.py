"""The report's plots as SVG: small, the same at every rendering, in the colours of the page.

Drawn at the width of a phone, where their text is as large as the page's small print.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, NamedTuple

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from vivace.lab.loads import Latency
from vivace.lab.ratios import Ratio
from vivace.lab.results import Second

WIDTH = 4.2
HEIGHT = 2.6
"""Inches of 72 units."""
BAR_HEIGHT = 0.42
TICKS_MIN = 3
TOP_PERCENTILES = (0, 50, 90, 99, 99.9, 99.99, 99.999)
STEPS_A_DECADE = 6
BUCKETS = 60
"""Points of a plot over time; longer runs are averaged into so many."""

# Stand-ins, each unlike any other colour: `small` puts the page's own in their place.
INK, QUIET, GRID, BAD = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#050501", "#050502", "#050503", "#050504", "#050505", "#050506")
CSS = {
    INK: "var(--ink)", QUIET: "var(--quiet)", GRID: "var(--rule)", BAD: "var(--bad)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
}  # fmt: skip
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
STYLE = {
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


class Line(NamedTuple):
    label: str
    points: Sequence[tuple[float, float]]


class Bar(NamedTuple):
    label: str
    ratios: Mapping[str, Ratio]
    """By series."""


@contextmanager
def drawing(height: float = HEIGHT) -> Iterator[tuple[Figure, Axes]]:
    with style.context(["default", STYLE]):
        drawn = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = drawn.subplots()
        for patch in (drawn.patch, axes.patch):
            patch.set_visible(False)
        yield drawn, axes


def latency(lines: Mapping[str, Latency], floors: Sequence[Latency], label: str) -> str:
    """Latency up to each percentile; those near 100 are drawn apart, as their tails matter."""
    with drawing() as (drawn, axes):
        for floor in floors:
            axes.plot(*curve(floor), label="floor", color=QUIET, linestyle=DASHES[2])
        for number, (name, found) in enumerate(lines.items()):
            axes.plot(*curve(found), label=name, **look(number))
        most = max(max(curve(found)[0]) for found in lines.values())
        shown = [p for p in TOP_PERCENTILES if nines_of(p) <= most + 0.01]
        axes.set_xticks([nines_of(p) for p in shown], [f"{p:g}" for p in shown])
        logarithmic(axes, "y")
        name_axes(axes, "percentile", "ms")
        beneath(drawn, axes)
        return svg(drawn, label)


def curve(found: Latency) -> tuple[list[float], list[float]]:
    places = list(steps(found))
    return places, [found.at(100 - 100 / 10**place) for place in places]


def steps(found: Latency) -> Iterator[float]:
    """Places on the axis of percentiles, up to the one that a single request is above."""
    last = math.log10(max(2, found.requests))
    return (step / STEPS_A_DECADE for step in range(int(last * STEPS_A_DECADE) + 1))


def nines_of(percentile: float) -> float:
    """0 for 0, 1 for 90, 2 for 99, 3 for 99.9."""
    return -math.log10(1 - percentile / 100)


def over_time(timeline: Sequence[Second], measured_from_s: float, label: str) -> str:
    """Requests and failures with refusals in each second; what was not measured is shaded."""
    with drawing() as (drawn, axes):
        size = max(1, math.ceil(len(timeline) / BUCKETS))
        buckets = [timeline[i : i + size] for i in range(0, len(timeline), size)]
        x = [bucket[0].second for bucket in buckets]
        sent = [mean([s.requests for s in bucket]) for bucket in buckets]
        lost = [mean([s.failures + s.refusals for s in bucket]) for bucket in buckets]
        # A run that broke off may have ended before that.
        end = max(x) or 1
        axes.axvspan(0, min(measured_from_s, end), color=GRID, alpha=0.4, linewidth=0)
        axes.plot(x, sent, label="requests", color=SERIES[0])
        axes.plot(x, lost, label="failed or refused", color=BAD, linestyle=DASHES[1])
        axes.set_xlim(0, end)
        axes.set_ylim(0, max(sent) * 1.08 or 1)
        name_axes(axes, "s since the first user", "a second")
        beneath(drawn, axes)
        return svg(drawn, label)


def mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def before_after(bars: Sequence[Bar], label: str) -> str:
    """Times as fast, a bar for each series, with its interval, beneath the name of each."""
    count = sum(len(bar.ratios) + 1 for bar in bars)
    with drawing(height=0.7 + BAR_HEIGHT * count / 2) as (drawn, axes):
        names = list(dict.fromkeys(name for bar in bars for name in bar.ratios))
        y = 0.0
        for bar in bars:
            named = axes.text(1, y, f" {bar.label}", fontsize=8.5, va="center", ha="left")
            # Else a long name makes the bars short.
            named.set_in_layout(False)
            for name, found in bar.ratios.items():
                y += 1
                draw_bar(axes, y, found, SERIES[names.index(name)], name)
            y += 1
        axes.set_ylim(y - 0.4, -0.7)
        axes.set_yticks([])
        axes.axvline(1, color=QUIET, linewidth=0.8)
        logarithmic(axes, "x")
        name_axes(axes, "times as fast", "")
        beneath(drawn, axes)
        return svg(drawn, label)


def draw_bar(axes: Axes, y: float, found: Ratio, colour: str, name: str) -> None:
    axes.barh(y, found.ratio - 1, left=1, height=0.7, color=colour, label=name)
    if math.isfinite(found.high) and found.low > 0:
        axes.hlines(y, found.low, found.high, color=INK, linewidth=1.2)
        axes.vlines([found.low, found.high], y - 0.2, y + 0.2, color=INK, linewidth=1.2)


def growth(lines: Sequence[Line], label: str) -> str:
    """Cost against the number of records, both by powers of ten."""
    with drawing(height=HEIGHT + 0.17 * len(lines)) as (drawn, axes):
        for number, line in enumerate(lines):
            axes.plot(
                *zip(*line.points, strict=True), label=line.label, marker="o", markersize=3.5,
                **look(number),
            )  # fmt: skip
        logarithmic(axes, "x")
        logarithmic(axes, "y")
        name_axes(axes, "records", "ms")
        beneath(drawn, axes, columns=1)
        return svg(drawn, label)


def look(number: int) -> dict[str, Any]:
    """Colour and dashes of a line, so that it is told apart without colours, too."""
    return {
        "color": SERIES[number % len(SERIES)],
        "linestyle": DASHES[number % len(DASHES)],
    }


def logarithmic(axes: Axes, which: str) -> None:
    """By powers of ten, named as plain numbers."""
    getattr(axes, f"set_{which}scale")("log")
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(FixedLocator(ticks(*axis.get_view_interval())))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def ticks(low: float, high: float) -> list[float]:
    """The powers of ten between, and as many of their multiples as make up for too few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for parts in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        places = [part * 10.0**decade for decade in decades for part in parts]
        found = [place for place in places if low <= place <= high]
        if len(found) >= TICKS_MIN:
            break
    return found


def name_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=bool(y), axis="y")
    axes.set_axisbelow(True)


def beneath(drawn: Figure, axes: Axes, columns: int = 3) -> None:
    """The legend, each label once."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    drawn.legend(once.values(), once.keys(), loc="outside lower left", ncols=columns)


# --- The SVG ----------------------------------------------------------------------------------


def svg(drawn: Figure, label: str) -> str:
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # The label makes the names of what is drawn unlike those of the page's other plots.
    with style.context({"svg.hashsalt": label}):
        drawn.savefig(written, format="svg", metadata=nothing)
    return small(written.getvalue(), label)


def small(text: str, label: str) -> str:
    """Without what a page has no use for: groups' names, white space, fonts, tiny fractions."""
    body = re.sub(r">\s+<", "><", text[text.index("<g ") : text.rindex("</svg>")])
    body = CLIPPED.sub("", body)
    # Within tags alone: what stands between them is words.
    body = with_one_grid(without_groups(re.sub(r"<[^>]+>", lambda tag: small_tag(tag[0]), body)))
    box = re.search(r'viewBox="[^"]+"', text)
    named = escape(label)
    return f'<svg {box[0] if box else ""} role="img"><title>{named}</title>{body}</svg>'


def without_groups(body: str) -> str:
    """Without those groups that say nothing of what is in them."""
    kept: list[str] = []
    say_something: list[bool] = []
    for part in re.split(r"(</?g\b[^>]*>)", body):
        if part == "</g>":
            if say_something.pop():
                kept.append(part)
        elif part.startswith("<g") and not part.endswith("/>"):
            say_something.append(part != "<g>")
            if say_something[-1]:
                kept.append(part)
        elif not part.startswith("<g"):
            kept.append(part)
    return "".join(kept)


def with_one_grid(body: str) -> str:
    """With the lines of the grid and the axes beneath all else, those of one style as one path."""
    lines: dict[str, list[str]] = {}
    for path, look in GRID_LINE.findall(body):
        lines.setdefault(look, []).append(path)
    grid = (f'<path d="{"".join(paths)}" style="{look}"/>' for look, paths in lines.items())
    return "".join(grid) + GRID_LINE.sub("", body)


def small_tag(tag: str) -> str:
    for pattern, instead in LESS:
        tag = re.sub(pattern, instead, tag)
    tag = re.sub(r"-?\d+\.\d+", lambda number: short(float(number[0])), tag)
    tag = PATH.sub(lambda path: f' d="{step_by_step(path[1])}"', tag)
    return re.sub("|".join(CSS), lambda stand_in: CSS[stand_in[0]], tag)


def step_by_step(path: str) -> str:
    """The same with each point told from the one before, which takes fewer digits."""
    x = y = 0.0

    def step(point: re.Match[str]) -> str:
        nonlocal x, y
        # A tenth of a point is less than a screen shows.
        to_x, to_y = round(float(point[2]), 1), round(float(point[3]), 1)
        right, down = round(to_x - x, 1), round(to_y - y, 1)
        x, y = to_x, to_y
        if point[1] == "M":
            return f"M{x:g} {y:g}"
        if not down:
            return f"h{right:g}" if right else ""
        return f"l{right:g}{'' if down < 0 else ' '}{down:g}" if right else f"v{down:g}"

    return POINT.sub(step, LEVEL.sub(r"\1", path))


CLIPPED = re.compile(r'<defs><clipPath .*?</clipPath></defs>| clip-path="[^"]*"')
"""Nothing is drawn past the axes, which are made to hold it."""
PATH = re.compile(r' d="([ML\d. -]+?) ?"')
"""Of straight lines alone."""
POINT = re.compile(r"([ML])(-?[\d.]+) (-?[\d.]+)")
LEVEL = re.compile(r"(L[\d.]+ ([\d.]+))(?:L[\d.]+ \2)+(?=L[\d.]+ \2(?:L|$))")
"""What lies between the first and the last point of a level line."""


def short(number: float) -> str:
    """A tenth of a point is less than a screen shows."""
    if abs(number) < PRECISE:
        return f"{number:.3g}"
    return f"{number:.1f}".removesuffix(".0")


PRECISE = 10

GRID_LINE = re.compile(rf'<path d="([^"]+)" style="([^"]*{re.escape(CSS[GRID])}[^"]*)"/>')

LESS = (
    (r'<g id="[^"]*"', "<g"),
    (r"font-family: [^;\"]*;? ?", ""),
    (r' transform="rotate\(-?0 [^"]*"', ""),
    (r"\s+", " "),
    (r" ?([LM]) ", r"\1"),
    (r"([:;]) ", r"\1"),
    (r"xlink:href", "href"),
)
