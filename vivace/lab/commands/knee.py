"""`vivace lab knee`"""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from vivace.lab.commands.arguments import add_results
from vivace.lab.commands.load import NO_VERDICT
from vivace.lab.commands.terminal import progress_bar, say, terminal

HELP = "the highest rates of arrivals that keep p99 under a target"


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
        "--p99", type=milliseconds, default="100", metavar="MS", help="default: %(default)s"
    )


def run(options: dict[str, Any]) -> None:
    from vivace.lab import knee, load, probes, results, stacks

    operations = list(dict.fromkeys(options["operations"])) or knee.USUAL
    if unknown := [name for name in operations if name not in knee.OPERATIONS]:
        raise CommandError(
            f"There is no operation {unknown[0]!r}, only {', '.join(knee.OPERATIONS)}"
        )
    db, cores = options["db"], stacks.shared_out()
    with stacks.served(db, cores, probes.ACCOUNTS, say) as server, progress_bar() as progress:
        sought = probes.Sought(operations, options["p99"], db, server, cores)
        found = probes.run(sought, load.Users(), progress)
    path = results.save(options["results"], found)
    terminal().print(probes.table(found))
    if why := probes.summary(found):
        say(why)
    say(f"Result: {path}")
    if not all(each.knee for each in found.operations):
        sys.exit(NO_VERDICT)
