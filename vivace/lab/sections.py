"""The sections of the report in their order. One more is a function here, in `SECTIONS`."""

from collections.abc import Callable

from msgspec.structs import astuple

from vivace.lab import (
    ablation_tables,
    bench_tables,
    knee_tables,
    load_tables,
    profile_tables,
    revision_tables,
    trial_tables,
)
from vivace.lab.evidence import Evidence, File
from vivace.lab.findings import (
    GAINED,
    GRADES,
    RULES,
    TO_GAIN,
    Recommendation,
    findings,
    recommendations,
    verdict,
)
from vivace.lab.loads import Load
from vivace.lab.page import (
    Block,
    Column,
    Grade,
    Heading,
    Point,
    Points,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.results import Data
from vivace.lab.wording import NOTHING, count, exact, figure, listed, plural

HEADLINES = 5
"""Findings that the summary repeats."""


def summary(evidence: Evidence) -> Section:
    found = verdict(evidence)
    kinds = (
        (len(evidence.cases), "benchmark"),
        (len(evidence.loads), "load test"),
        (sum(o.knee is not None for k in evidence.knees for o in k.result.operations), "knee"),
        (len(evidence.trials), "trial"),
        (sum(len(p.result.profiles.operations) for p in evidence.profiles), "profiled operation"),
        (sum(len(found.result.rows) for found in evidence.ablations), "ablation"),
        (sum(len(found.result.operations) for found in evidence.comparisons), "timed operation"),
        (sum(len(found.result.after) for found in evidence.gates), "counted operation"),
    )
    measured = [plural(number, kind) for number, kind in kinds if number] or ["Nothing"]
    blocks: list[Block] = [
        Grade(found.letter, found.text),
        Text(
            f"{listed(measured)} of Vivace {evidence.vivace}, all on one machine. Every figure"
            " stands in a result file, which is named beneath it; nothing here was typed by hand"
            " but what others publish, which is marked so."
        ),
    ]
    worst = [finding for finding in findings(evidence) if finding.tone == "bad"][:HEADLINES]
    if worst:
        points = [Point(f.text, f.where, f.anchor, f.tone) for f in worst]
        blocks += [Heading("What weighs most"), Points(points)]
    return Section("summary", "Summary", [*blocks, *headline(evidence)])


def headline(evidence: Evidence) -> list[Block]:
    return [
        *bench_tables.published_scenarios(evidence),
        *load_tables.published_users(evidence),
    ]


def system(evidence: Evidence) -> Section:
    blocks: list[Block] = [
        machine_table(evidence),
        Heading("Versions"),
        versions_table(evidence),
        *data(evidence),
        Heading("The result files"),
        Text("What this page was made of, to the byte."),
        files_table(evidence),
    ]
    return Section("system", "System, versions and data", blocks)


def machine_table(evidence: Evidence) -> Table:
    machine, first = evidence.machine, evidence.files[0].name
    at = "machine_info.vivace_" if first.startswith("bench-") else ""
    facts = (
        ("processor", machine.cpu, "machine.cpu"),
        ("cores", count(machine.cores), "machine.cores"),
        ("memory", f"{count(machine.memory_mb)} MB", "machine.memory_mb"),
        ("system", machine.system, "machine.system"),
        ("Python", machine.python, "machine.python"),
        ("Vivace", evidence.vivace, "versions.vivace"),
    )
    rows = [Row([what, value], f"{first} › {at}{path}") for what, value, path in facts]
    return Table([text_column("what"), text_column("which")], rows)


def versions_table(evidence: Evidence) -> Table:
    """Of each package; several where files name several."""
    found: dict[str, dict[str, list[str]]] = {}
    for file, versions in evidence.versions.items():
        for package, version in versions.packages.items():
            found.setdefault(package, {}).setdefault(version, []).append(file)
    rows = [
        Row([package, " / ".join(versions)], f"{files[0]} › {versions_path(files[0])}")
        for package, versions in sorted(found.items(), key=lambda pair: pair[0].lower())
        if (files := next(iter(versions.values())))
    ]
    return Table([text_column("package or program"), text_column("version")], rows)


def versions_path(file: str) -> str:
    at = "machine_info.vivace_versions" if file.startswith("bench-") else "versions"
    return f"{at}.packages"


def data(evidence: Evidence) -> list[Block]:
    """The libraries that load tests read; benchmarks name theirs in their titles."""
    found: dict[Data, list[Load]] = {}
    for load in evidence.loads:
        if load.result.data:
            found.setdefault(load.result.data, []).append(load)
    rows = [
        Row(
            [
                listed(load.title for load in loads),
                count(data.artists),
                count(data.albums),
                count(data.tracks),
                str(data.seed),
            ],
            ", ".join(load.file for load in loads) + " › data",
        )
        for data, loads in found.items()
    ]
    if not rows:
        return []
    columns = [
        text_column("load test"), Column("artists"), Column("albums"), Column("tracks"),
        Column("seed"),
    ]  # fmt: skip
    return [Heading("Data"), Text("Generated, the same from the same seed."), Table(columns, rows)]


def files_table(evidence: Evidence) -> Table:
    names = ("file", "measured", "pace, ms", "SHA-256")
    rows = [Row([f.name, f.taken_at, pace(f), f"`{f.digest}`"], "") for f in evidence.files]
    note = "Pace: what the same work took before and after. No machine is as fast at all times."
    return Table([*map(text_column, names)], rows, note)


def pace(file: File) -> str:
    return " – ".join(map(figure, astuple(file.pace))) if file.pace else NOTHING


def beside_others(evidence: Evidence) -> Section | None:
    blocks = list(bench_tables.peers(evidence))
    return Section("elsewhere", "Beside what others measured", blocks) if blocks else None


def all_findings(evidence: Evidence) -> Section:
    points = [Point(f.text, f.where, f.anchor, f.tone) for f in findings(evidence)]
    spoken = {rule: len(list(rule(evidence))) for rule in RULES}
    rules = [Row([says, count(spoken[rule])], "") for rule, says in RULES.items()]
    blocks: list[Block] = [
        Text("Each comes from one of the rules beneath and leads to its data."),
        Points(points) if points else Text("No rule has anything to say."),
        Heading("The rules"),
        Table([text_column("rule"), Column("findings")], rules),
    ]
    return Section("findings", "Findings", blocks)


def advice(evidence: Evidence) -> Section | None:
    gained, to_gain = recommendations(evidence, GAINED), recommendations(evidence, TO_GAIN)
    blocks: list[Block] = []
    if to_gain:
        blocks += [
            Heading("To gain"),
            Text("The largest measured factor first."),
            recommended(to_gain),
        ]
    if gained:
        blocks += [
            Heading("Gained, and to be kept"),
            Text("What the way it is written now is worth, by the pairs of before and after."),
            recommended(gained),
        ]
    return Section("recommendations", "Recommendations", blocks) if blocks else None


def recommended(found: list[Recommendation]) -> Points:
    points = [Point(each.text, each.where, each.anchor) for each in found]
    return Points(points, ordered=True)


def conclusion(evidence: Evidence) -> Section:
    found = verdict(evidence)
    rows = [
        Row(
            [
                grade.letter,
                f"at least {exact(100 * grade.promises_met)} %" if grade.promises_met else "any",
                f"at most {exact(100 * grade.failure_rate)} %" if grade.failure_rate < 1 else "any",
            ],
            "",
        )
        for grade in GRADES
    ]
    columns = [text_column("grade"), Column("goals and targets met"), Column("requests failed")]
    return Section(
        "conclusion",
        "Conclusion",
        [
            Grade(found.letter, found.text),
            Text(
                "The grade is the best of these whose two conditions both hold. Every goal of a"
                " benchmark on a database, of time or of memory, counts once, and so does every"
                " target of a load test that came to a verdict and every goal of a trial. Failures"
                " are those of all load tests in which nobody stopped the server."
            ),
            Table(columns, rows),
        ],
    )


METHOD = """\
The thing is timed and not its fixture. Data is generated from a seed and made once; a write finds
a fresh state in each round.

Benchmarks run in one process, from the WSGI environment to the last byte: without a socket, a
server or a second request beside them. The load tests have all of these.

Before and after run in alternate rounds, so that what slows the machine slows both. The ratio's
interval is a bootstrap over the pairs with a fixed seed, and an A/A control beside it shows what
this machine calls a difference when there is none.

Load comes in two ways. Closed: users wait for each answer, so a slow server gets fewer requests
and an outage hides. Open: arrivals keep to a schedule, and latency counts from the moment a
request was due.

Percentiles come from HDR histograms, exact to 0.1 %, of every single request; those of several
endpoints from merged histograms, never from averages of percentiles.

The generator has a cost. Each run names its processor use, the lag of its timers and its floor
against a server that does nothing; where it was the bottleneck there is no verdict.

Server and generator share one machine. They are kept to cores of their own where the set-up names
the server's; there is no network between them.

PostgreSQL is the lab's own, in a folder that goes with it, and started with `fsync`,
`synchronous_commit` and `full_page_writes` off: its writes do not wait for the disk, as those of
a server that keeps its data must.

Ratios travel, absolute times do not. Figures of other machines stand beside ours to say where the
bar is, and prove nothing.

To follow a figure: `jq '.benchmarks[] | select(.fullname == $name) | .stats.median' --arg name
NAME FILE` for a benchmark, `jq '.endpoints[] | select(.name == $name)' --arg name NAME FILE` for
an endpoint; `vivace.lab.histogram.decode` reads its histogram, as do the tools of HdrHistogram.
Times in the files of benchmarks are seconds. The HTML page says `FILE › test_x.py::test_y` for
`FILE › benchmarks[benchmarks/test_x.py::test_y] › stats.median`, and the file alone for a figure of
a trial, `FILE › measured[FIGURE]`.
"""


def method(evidence: Evidence) -> Section:
    points = Points([Point(text) for text in METHOD.split("\n\n")])
    return Section("method", "Method and limits", [points])


SECTIONS: tuple[Callable[[Evidence], Section | None], ...] = (
    summary,
    system,
    bench_tables.performance,
    bench_tables.before_and_after,
    ablation_tables.ablation,
    bench_tables.growth,
    beside_others,
    load_tables.load_tests,
    knee_tables.knees,
    trial_tables.trials,
    profile_tables.profiles,
    revision_tables.revisions,
    all_findings,
    advice,
    conclusion,
    method,
)
"""What has nothing to show is left out, its heading too."""
