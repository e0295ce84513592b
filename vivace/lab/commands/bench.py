"""`vivace lab bench`"""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vivace.lab.commands.arguments import add_results
from vivace.lab.commands.terminal import say, terminal

HELP = "benchmarks in this process, by pytest-benchmark"


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("--db", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument(
        "--full", action="store_true", help="with a million tracks; 20 minutes a database"
    )


def run(options: dict[str, Any]) -> None:
    measure(options["db"], options["results"], full=options["full"])


def measure(databases: Sequence[Any] | None, folder: Path, *, full: bool) -> None:
    from vivace.lab import bench

    written = bench.run(folder, databases or bench.available(), full=full, say=say)
    for path in written:
        terminal().print(bench.table(path))
