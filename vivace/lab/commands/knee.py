"""`vivace lab knee`"""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from vivace.lab.commands.arguments import add_results
from vivace.lab.commands.load import NO_VERDICT
from vivace.lab.commands.terminal import progress_bar, say, terminal

HELP = "the highest rates of arrivals that keep p99 under a target"

P99_MS = 100.0
"""Of the usual target."""


def milliseconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,5}", text) or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a number of milliseconds from 1 up")
    return float(text)


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument(
        "operations",
        nargs="*",
        metavar="operation",
        help="as the load tests name it: 'GET /tracks (page)'",
    )
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument(
        "--p99", type=milliseconds, default=P99_MS, metavar="MS", help="default: %(default)g"
    )
    parser.add_argument(
        "--unkept", action="store_true", help="of a server that makes each answer anew"
    )


def run(options: dict[str, Any]) -> None:
    from vivace.lab import knee

    operations = list(dict.fromkeys(options["operations"])) or knee.USUAL
    if unknown := [name for name in operations if name not in knee.OPERATIONS]:
        raise CommandError(
            f"There is no operation {unknown[0]!r}, only {', '.join(knee.OPERATIONS)}"
        )
    kept = not options["unkept"]
    if not measure(options["db"], options["results"], operations, options["p99"], kept=kept):
        sys.exit(NO_VERDICT)


def measure(
    database: Any,
    folder: Path,
    operations: Sequence[str] = (),
    p99_ms: float = P99_MS,
    *,
    kept: bool = True,
) -> bool:
    """Whether all knees were found, of the usual operations where none is named."""
    from vivace.lab import knee, load, probes, results, stacks

    cores = stacks.shared_out()
    more = {} if kept else stacks.UNKEPT
    with (
        stacks.served(database, cores, probes.ACCOUNTS, say, more) as server,
        progress_bar() as progress,
    ):
        sought = probes.Sought([*operations] or knee.USUAL, p99_ms, database, server, cores, kept)
        found = probes.run(sought, load.Users(), progress)
    path = results.save(folder, found)
    terminal().print(probes.table(found))
    if why := probes.summary(found):
        say(why)
    say(f"Result: {path}")
    return all(each.knee for each in found.operations)
