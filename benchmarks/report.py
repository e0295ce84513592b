"""`docs/performance.md`, from the result files of a run alone, one or more of each database.

python -m benchmarks.report .benchmarks/sqlite.json .benchmarks/postgresql.json
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

TARGET = Path(__file__).parent.parent / "docs" / "performance.md"
KINDS = ("sqlite", "postgresql")

INTRODUCTION = """\
# Performance

Written by `make bench-full` from its result files; every figure is measured. A time is the median
of its rounds, in process from the WSGI environment to the last byte unless it says otherwise;
nothing is stored between requests. `±` is half the range between the quartiles.
"""


def rows(results: dict[str, dict[str, Any]]) -> list[str]:
    """A line of the table for each benchmark, in the order they ran."""
    titles: dict[str, dict[str, dict[str, Any]]] = {}
    for kind, result in results.items():
        for benchmark in result["benchmarks"]:
            titles.setdefault(benchmark["extra_info"]["title"], {})[kind] = benchmark
    return [row(title, found) for title, found in titles.items()]


def row(title: str, found: dict[str, dict[str, Any]]) -> str:
    goals = next(iter(found.values()))["extra_info"]
    cells = [cell(found[kind]) if kind in found else "–" for kind in KINDS]
    return f"| {title} | {' | '.join(cells)} | {goal(goals)} |"


def cell(benchmark: dict[str, Any]) -> str:
    """`0.91 ms ± 0.02, 1 query, 120 MB`, with what was measured of it."""
    stats, info = benchmark["stats"], benchmark["extra_info"]
    parts = [duration(stats["median"])]
    if stats["rounds"] > 1:
        parts[0] += f" ± {duration(stats['iqr'] / 2)}"
    if "queries" in info:
        parts.append(f"{info['queries']} " + ("query" if info["queries"] == 1 else "queries"))
    for name, label in (("peak_mb", "peak"), ("peak_over_idle_mb", "over idle")):
        if name in info:
            parts.append(f"{info[name]:.0f} MB {label}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.1f} s"


def goal(info: dict[str, Any]) -> str:
    """What it was to reach, on SQLite and on PostgreSQL."""
    parts = []
    for name, unit in (("goal_ms", "ms"), ("goal_s", "s")):
        if name in info:
            values = list(dict.fromkeys(info[name][kind] for kind in KINDS))
            parts.append(" / ".join(str(value) for value in values) + f" {unit}")
    if "goal_peak_mb" in info:
        parts.append(f"{info['goal_peak_mb']} MB")
    return ", ".join(parts)


def machine(results: dict[str, dict[str, Any]]) -> str:
    info = next(iter(results.values()))["machine_info"]
    cpu = info["cpu"].get("brand_raw", "unknown processor")
    return f"{cpu}, {info['cpu']['count']} cores, {info['system']}, Python {info['python_version']}"


def depth(results: dict[str, dict[str, Any]]) -> list[str]:
    """How the last page compares with the first, where both were measured."""
    lines = []
    for kind, result in results.items():
        ends = {
            benchmark["params"]["page"]: benchmark["stats"]["median"]
            for benchmark in result["benchmarks"]
            if benchmark["extra_info"].get("pair") == "depth"
        }
        if len(ends) == 2:
            ratio = ends["last"] / ends["first"]
            lines.append(
                f"On {kind} the last page of 2,000,000 tracks takes {ratio:.2f} times as long as"
                " the first (goal: at most 1.3)."
            )
    return lines


def main(paths: list[str]) -> None:
    results: dict[str, dict[str, Any]] = {}
    for path in paths:
        result = msgspec.json.decode(Path(path).read_bytes())
        kind = result["machine_info"]["database"]
        if kind in results:
            results[kind]["benchmarks"] += result["benchmarks"]
        else:
            results[kind] = result
    lines = [
        INTRODUCTION,
        f"Machine: {machine(results)}.\n",
        "| work | SQLite | PostgreSQL | to reach |",
        "|---|---|---|---|",
        *rows(results),
        "",
        *depth(results),
    ]
    TARGET.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
