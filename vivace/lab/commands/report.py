"""`vivace lab report`"""

from argparse import ArgumentParser
from pathlib import Path
from shutil import which
from typing import Any

from vivace.lab.commands import ablate, knee, profile
from vivace.lab.commands.arguments import add_results, folder
from vivace.lab.commands.bench import measure as measure_benchmarks
from vivace.lab.commands.load import serve_and_measure
from vivace.lab.commands.terminal import say

HELP = "a page made of the result files"


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument(
        "--no-run", dest="run", action="store_false", help="of what was measured before alone"
    )
    parser.add_argument("--full", action="store_true", help="benchmarks with a million tracks, too")
    parser.add_argument("--html", type=folder, default=".lab/report.html", metavar="PATH")
    parser.add_argument("--markdown", type=folder, default="docs/performance.md", metavar="PATH")


def run(options: dict[str, Any]) -> None:
    from vivace.lab import report

    if options["run"]:
        run_what_is_missing(options["results"], full=options["full"])
    report.write(options["results"], options["html"], options["markdown"])
    say(f"The report: {options['html']} and {options['markdown']}")


def run_what_is_missing(folder: Path, *, full: bool) -> None:
    from vivace.lab import bench
    from vivace.lab.ablation.results import ablation_path
    from vivace.lab.profile_results import profile_path
    from vivace.lab.profiles import PROFILES
    from vivace.lab.results import bench_path, knee_path, load_path

    databases = bench.available()
    if "postgresql" not in databases:
        say("PostgreSQL or Redis is not installed: SQLite alone is measured.")
    for database in databases:
        if not bench_path(folder, database).exists():
            measure_benchmarks([database], folder, full=full)
        missing = [
            profile
            for profile in PROFILES.values()
            if not load_path(folder, profile.name, database).exists()
        ]
        if not profile_path(folder, database).exists():
            profile.measure(database, folder)
        if not ablation_path(folder, database).exists():
            ablate.measure(database, folder)
        if database == "postgresql" and not which("nginx"):
            say("NGINX is not installed: there is no load test on PostgreSQL.")
            continue
        if missing:
            serve_and_measure(missing, database, folder)
        for kept in (True, False):
            if not knee_path(folder, database, kept=kept).exists():
                knee.measure(database, folder, kept=kept)
