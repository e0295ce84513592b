"""The report's sections on the load tests."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from vivace.lab import plots, published
from vivace.lab.evidence import Evidence, Promise, targets
from vivace.lab.histogram import PERCENTILES
from vivace.lab.loads import Latency, Load
from vivace.lab.page import (
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    Heading,
    Point,
    Points,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.results import LoadResult
from vivace.lab.rules import FAILURE_RATE
from vivace.lab.wording import (
    NOTHING,
    count,
    exact,
    figure,
    interval,
    percent,
    plural,
    times,
)

ENDPOINTS_SHOWN = 3
REASONS_SHOWN = 5
ALL = "endpoints[*].histogram, merged"
TONES = {"met": "good", "missed": "bad", "none": "bad"}
VERDICTS = {"met": "met", "missed": "missed", "none": "no verdict"}


def load_tests(evidence: Evidence) -> Section | None:
    if not evidence.loads:
        return None
    return Section(
        "load",
        "Load tests",
        [
            Heading("Set-up"),
            Text(
                "A closed test has users who wait for each answer before their next request; an"
                " open one has arrivals that keep to a schedule whatever became of those before,"
                " and its latency counts from the moment a request was due."
            ),
            *setup_blocks(evidence.loads),
            Heading("Results"),
            Text("In brackets: of the slowest ten seconds and the fastest."),
            results_table(evidence.loads),
            Heading("Latency by percentile"),
            Text(
                "Of all requests together, in ms, from histograms that are exact to 0.1 %."
                " Percentiles of several endpoints are those of their merged histograms. Of fewer"
                " than 10,000 requests p99.99 is the slowest."
            ),
            percentiles_table(evidence.loads),
            Figures(list(latency_figures(evidence.loads))),
            Heading("Requests over time"),
            Text("Shaded is the time before the measurement, when users were still being added."),
            Figures(list(time_figures(evidence.loads))),
            Heading("Targets", "targets"),
            *target_blocks(evidence.loads),
            Heading("What the generator and the server cost"),
            Text(
                "The floor is the same load against a server that does nothing: what was measured"
                " cannot be below it. The lag is how late the generator's own timers were."
                " Processor use is in cores."
            ),
            cost_table(evidence.loads),
            *(block for load in evidence.loads for block in each(load)),
        ],
    )


def setup_blocks(loads: Sequence[Load]) -> Iterator[Block]:
    """Every test's set-up, after the settings that all of them have."""
    if common := common_settings(loads):
        yield Text(f"Settings of every server: {settings(common)}.")
    columns = [
        text_column("load test"), text_column("arrivals"), Column("measured, s"),
        text_column("server"), text_column("settings besides" if common else "settings"),
    ]  # fmt: skip
    rows = [
        Row(
            [
                load.title,
                arrivals(load.result),
                figure(load.result.seconds),
                server(load.result),
                settings(load.result.settings, common),
            ],
            load.where("users, spawn_rate, wait_s, rate, seconds, server, settings"),
        )
        for load in loads
    ]
    yield Table(columns, rows)


def common_settings(loads: Sequence[Load]) -> dict[str, str]:
    """Those that every server had."""
    first, *others = (load.result.settings for load in loads)
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
    }


def settings(those: Mapping[str, str], told: Collection[str] = ()) -> str:
    """Those that were not told yet."""
    found = [f"{name}={value}" for name, value in those.items() if name not in told]
    return ", ".join(found) or NOTHING


def arrivals(result: LoadResult) -> str:
    if result.open:
        return f"open: {figure(result.rate or 0)} a second"
    low, high = result.wait_s
    wait = f"{low:g}" if low == high else f"{low:g}–{high:g}"
    return (
        f"closed: {plural(result.users, 'user')}, {result.spawn_rate:g} more a second,"
        f" {wait} s between requests"
    )


def server(result: LoadResult) -> str:
    where = f" at {result.remote}" if result.remote else ""
    kept = ", ".join(map(str, result.server.cores))
    return f"{result.server.what}{where}" + (f"; kept to core {kept}" if kept else "")


def results_table(loads: Sequence[Load]) -> Table:
    columns = [
        text_column("load test"), Column("requests"), Column("requests/s"), Column("mean, ms"),
        Column("failed"), Column("refused"), Column("MB/s"), text_column("verdict"),
        text_column("why"),
    ]  # fmt: skip
    return Table(columns, [results_row(load) for load in loads])


def results_row(load: Load) -> Row:
    result = load.result
    cells: list[Cell | str] = [
        load.title,
        count(load.requests),
        f"{figure(load.per_second)} ({interval(*load.per_second_between)})",
        figure(load.all.mean),
        Cell(percent(load.failure_rate), "bad" if load.failure_rate > FAILURE_RATE else ""),
        percent(load.refusal_rate),
        figure(load.megabytes_per_second),
        Cell(VERDICTS[result.verdict], TONES[result.verdict]),
        result.why or NOTHING,
    ]
    told = "endpoints[*].requests, failures, refusals, bytes, histogram; seconds; timeline"
    return Row(cells, load.where(told), load.anchor)


def percentiles_table(loads: Sequence[Load]) -> Table:
    columns = [text_column("load test"), *(Column(name(p)) for p in PERCENTILES)]
    rows = [Row([load.title, *latencies(load.all)], load.where(ALL)) for load in loads]
    return Table(columns, rows)


def name(percentile: float) -> str:
    return "max" if percentile == 100 else f"p{percentile:g}"


def latencies(found: Latency, percentiles: Sequence[float] = PERCENTILES) -> list[str]:
    return [figure(found.at(percentile)) for percentile in percentiles]


def latency_figures(loads: Sequence[Load]) -> Iterator[Figure]:
    """One for each profile, the databases and their floors in it."""
    profiles: dict[str, list[Load]] = {}
    for load in loads:
        if load.requests:
            profiles.setdefault(load.result.profile, []).append(load)
    for profile, members in profiles.items():
        lines = {load.stack: load.all for load in members}
        floors = [load.floor for load in members if load.floor.requests]
        title = f"Latency by percentile: {profile}"
        where = "; ".join(load.where(ALL) for load in members)
        yield Figure(title, plots.latency(lines, floors, title), where)


def time_figures(loads: Sequence[Load]) -> Iterator[Figure]:
    for load in loads:
        if load.result.timeline:
            title = f"Requests over time: {load.title}"
            drawn = plots.over_time(load.result.timeline, load.result.measured_from_s, title)
            yield Figure(title, drawn, load.where("timeline"))


def target_blocks(loads: Sequence[Load]) -> Iterator[Block]:
    rows = [
        target_row(load, promise)
        for load in loads
        for promise in targets(load)
    ]  # fmt: skip
    if not rows:
        yield Text("No target was stated.")
        return
    yield Text(
        "Stated before the run. Where the generator was the bottleneck there is no verdict, and"
        " its targets count neither way."
    )
    columns = [
        text_column("target"), Column("limit"), Column("measured"), text_column("met"),
    ]  # fmt: skip
    yield Table(columns, rows)


def target_row(load: Load, promise: Promise) -> Row:
    met = Cell("no verdict", "quiet") if load.result.verdict == "none" else kept(promise)
    return Row([promise.what, exact(promise.limit), figure(promise.measured), met], promise.where)


def kept(promise: Promise) -> Cell:
    if promise.met:
        return Cell("yes", "good")
    by = "" if promise.factor == float("inf") else f": {times(promise.factor)}"
    return Cell(f"missed{by}", "bad")


def cost_table(loads: Sequence[Load]) -> Table:
    columns = [
        text_column("load test"), Column("generator, mean"), Column("peak"),
        Column("processes"), Column("lag p99, ms"), Column("floor, requests/s"),
        Column("floor p99, ms"), Column("server, mean"), Column("server, MB at most"),
    ]  # fmt: skip
    return Table(columns, [cost_row(load) for load in loads])


def cost_row(load: Load) -> Row:
    generator, server = load.result.generator, load.result.server
    cells = [
        load.title,
        figure(generator.cpu_mean),
        figure(generator.cpu_peak),
        count(generator.processes),
        figure(load.lag.at(99)),
        figure(load.floor_per_second),
        figure(load.floor.at(99)),
        figure(server.cpu_mean),
        figure(server.memory_peak_mb),
    ]
    return Row(cells, load.where("generator, floor, server"))


def each(load: Load) -> Iterator[Block]:
    if load.result.freeze:
        freeze = load.result.freeze
        yield Heading(f"Stopped: {load.title}", f"{load.anchor}-endpoints")
        yield Text(
            f"{figure(freeze.at_s)} s into the run the server was stopped for"
            f" {figure(freeze.seconds)} s. Arrivals that do not wait must then see a p99 of"
            f" {figure(freeze.p99_theory_ms)} ms (`freeze` in the file)."
        )
    else:
        yield Heading(f"Slowest endpoints: {load.title}", f"{load.anchor}-endpoints")
        yield endpoints_table(load)
    yield from reasons(load)


def endpoints_table(load: Load) -> Table:
    columns = [
        text_column("endpoint"), Column("requests"), Column("mean, ms"), Column("p50"),
        Column("p95"), Column("p99"), Column("max"), Column("failed"), Column("refused"),
    ]  # fmt: skip
    slowest = load.slowest()
    rows = [
        Row(
            [
                endpoint.name,
                count(endpoint.requests),
                figure(found.mean),
                *latencies(found, (50, 95, 99, 100)),
                count(endpoint.failures),
                count(endpoint.refusals),
            ],
            load.where(f"endpoints[{endpoint.name}]"),
        )
        for endpoint, found in slowest[:ENDPOINTS_SHOWN]
    ]
    more = len(slowest) - ENDPOINTS_SHOWN
    note = f"{plural(more, 'more endpoint')} in {load.file}." if more > 0 else ""
    return Table(columns, rows, note)


def reasons(load: Load) -> Iterator[Block]:
    found = sorted(load.result.failures, key=lambda failure: -failure.count)
    if not found:
        return
    points = [
        Point(f"{count(f.count)} × {f.endpoint}: {f.reason}", load.where("failures"), tone="bad")
        for f in found[:REASONS_SHOWN]
    ]
    yield Points(points)
    if len(found) > REASONS_SHOWN:
        more = plural(len(found) - REASONS_SHOWN, "more reason")
        yield Text(f"{more} in {load.file}.")


# --- Beside what others publish ---------------------------------------------------------------


def published_users(evidence: Evidence) -> Iterator[Block]:
    found = [load for load in evidence.loads if load.result.profile == published.USERS_PROFILE]
    if not found:
        return
    theirs = published.USERS
    yield Heading("100 users, beside a published report")
    yield Text(f"{published.SMALL_API}: 100 users, 10 more a second.")
    columns = [
        text_column("100 users"), Column("measured, s"),
        Column("requests"), Column("requests/s"), Column("mean, ms"),
        Column("failed"), Column("login, mean ms"),
    ]  # fmt: skip
    elsewhere: list[Cell | str] = [
        Cell("published elsewhere"),
        exact(theirs.seconds), count(theirs.requests), exact(theirs.per_second),
        exact(theirs.mean_ms), f"{exact(100 * theirs.failure_rate)} %", exact(theirs.login_ms),
    ]  # fmt: skip
    yield Table(columns, [Row(elsewhere, ""), *(users_row(load) for load in found)])


def users_row(load: Load) -> Row:
    logins = [e.histogram for e in load.result.endpoints if "/auth/login" in e.name]
    cells = [
        f"ours: {load.title}",
        figure(load.result.seconds),
        count(load.requests),
        figure(load.per_second),
        figure(load.all.mean),
        percent(load.failure_rate),
        figure(Latency.of(logins).mean),
    ]
    return Row(cells, load.where("endpoints[*].requests, failures, histogram; seconds"))
