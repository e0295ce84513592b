"""`vivace lab`: benchmarks, load tests, and the report on what they measured."""

import re
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

MISSED, NO_VERDICT = 3, 4
"""Exit codes of a load test; 1 stands for one that could not be made at all."""

SPARE_ACCOUNTS = 100
"""Several generator processes may number their users unevenly."""


def seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,5}", text) or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 1 up")
    return float(text)


def folder(text: str) -> Path:
    return Path(text).absolute()


class Command(BaseCommand):
    help = "Measure Vivace: benchmarks, load tests, a report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True, metavar="bench|load|report")
        add_bench(parts.add_parser("bench", help="benchmarks in this process, by pytest-benchmark"))
        add_load(parts.add_parser("load", help="users of a server, by Locust"))
        add_report(parts.add_parser("report", help="a page made of the result files"))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from vivace.lab import results, servers
        except ModuleNotFoundError as error:
            raise CommandError(
                f"The lab needs {error.name}, which comes with `make dev` in a checkout"
            ) from error
        try:
            match options["part"]:
                case "bench":
                    self.bench(options["db"], options["results"], full=options["full"])
                case "load":
                    self.load(**options)
                case "report":
                    self.report(**options)
        except (results.ResultError, servers.ServerMissingError) as error:
            raise CommandError(str(error)) from error
        except servers.ServerFailedError as error:
            raise CommandError(f"A server did not start: {last_line(str(error))}") from error

    # --- Benchmarks ---

    def bench(self, databases: Sequence[Any], folder: Path, *, full: bool) -> None:
        from vivace.lab import bench

        written = bench.run(folder, databases or bench.available(), full=full, say=self.say)
        for path in written:
            terminal().print(bench.table(path))

    # --- Load tests ---

    def load(
        self, *, profiles: Sequence[str], db: Any, host: str | None, results: Path, **options: Any
    ) -> None:
        from vivace.lab import load, stacks
        from vivace.lab.outcome import Test
        from vivace.lab.profiles import PROFILES

        if unknown := [name for name in profiles if name not in PROFILES]:
            raise CommandError(f"There is no profile {unknown[0]!r}, only {', '.join(PROFILES)}")
        chosen = [
            PROFILES[name].altered(options["seconds"], options["rate"])
            for name in profiles or ["assignment"]
        ]
        if host:
            if any(profile.freeze_s for profile in chosen):
                raise CommandError("The lab stops no servers but its own: no frozen with --host")
            load.refuse_strangers(host, allow_remote=options["allow_remote"])
            users = load.Users(options["account"], options["password"])
            server, cores = load.elsewhere(host), stacks.shared_out()
            tests = [Test(profile, "other", server, cores) for profile in chosen]
            verdicts = [self.measure(test, users, results) for test in tests]
        else:
            verdicts = self.serve_and_measure(chosen, db, results)
        if "none" in verdicts:
            sys.exit(NO_VERDICT)
        if "missed" in verdicts:
            sys.exit(MISSED)

    def serve_and_measure(self, profiles: Sequence[Any], db: Any, folder: Path) -> list[str]:
        """The verdicts, of a server of the lab's own."""
        from vivace.lab import load, stacks
        from vivace.lab.outcome import Test

        cores = stacks.shared_out()
        accounts = max(profile.users for profile in profiles) + SPARE_ACCOUNTS
        with stacks.served(db, cores, accounts, self.say) as server:
            tests = [Test(profile, db, server, cores) for profile in profiles]
            return [self.measure(test, load.Users(), folder) for test in tests]

    def measure(self, test: Any, users: Any, folder: Path) -> str:
        """The verdict. The result is written as soon as it is there."""
        from vivace.lab import load, results

        with progress_bar(self.say) as progress:
            found = load.run(test, users, progress)
        path = results.save(folder, found)
        terminal().print(load.table(found))
        self.say(load.summary(found))
        self.say(f"Result: {path}")
        return found.verdict

    # --- The report ---

    def report(
        self, *, results: Path, html: Path, markdown: Path, run: bool, full: bool, **_: Any
    ) -> None:
        from vivace.lab import report

        if run:
            self.run_what_is_missing(results, full=full)
        report.write(results, html, markdown)
        self.say(f"The report: {html} and {markdown}")

    def run_what_is_missing(self, folder: Path, *, full: bool) -> None:
        from vivace.lab import bench
        from vivace.lab.profiles import PROFILES
        from vivace.lab.results import bench_path, load_path

        databases = bench.available()
        if "postgresql" not in databases:
            self.say("PostgreSQL or Redis is not installed: SQLite alone is measured.")
        for database in databases:
            if not bench_path(folder, database).exists():
                self.bench([database], folder, full=full)
            missing = [
                profile
                for profile in PROFILES.values()
                if not load_path(folder, profile.name, database).exists()
            ]
            if missing and database == "postgresql" and not which("nginx"):
                self.say("NGINX is not installed: there is no load test on PostgreSQL.")
            elif missing:
                self.serve_and_measure(missing, database, folder)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def add_results(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=folder, default=".lab", metavar="FOLDER", help="default: %(default)s"
    )


def add_bench(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("--db", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument("--full", action="store_true", help="with a million tracks; takes an hour")


def add_load(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("profiles", nargs="*", metavar="profile", help="default: assignment")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=seconds, help="to measure, instead of the profile's")
    parser.add_argument("--rate", type=seconds, help="arrivals a second of open profiles")
    parser.add_argument(
        "--host", metavar="URL", help="a server that is there, not one of the lab's"
    )
    parser.add_argument("--account", default="demo", help="at that server; {} is a user's number")
    parser.add_argument("--password", default="vivace-demo", help="of the account")
    parser.add_argument("--allow-remote", action="store_true", help="let --host be another machine")


def add_report(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument(
        "--no-run", dest="run", action="store_false", help="of what was measured before alone"
    )
    parser.add_argument("--full", action="store_true", help="benchmarks with a million tracks, too")
    parser.add_argument("--html", type=folder, default=".lab/report.html", metavar="PATH")
    parser.add_argument("--markdown", type=folder, default="docs/performance.md", metavar="PATH")


def terminal() -> Console:
    """The output, wide enough for a table where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=120)


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


@contextmanager
def progress_bar(say: Callable[[str], None]) -> Iterator[Callable[[str, float, float], None]]:
    """Of a load test: a bar on a terminal, else a line for each thing that is begun."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:14}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, now: float, whole: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=whole)
                if not console.is_terminal:
                    say(f"{what}: {whole:.0f} s from {time.strftime('%H:%M:%S')} on")
            bar.update(tasks[what], completed=now)

        yield progress
