"""`vivace lab gate`"""

import sys
from argparse import ArgumentParser
from typing import Any

from vivace.lab.commands.arguments import add_results
from vivace.lab.commands.load import NO_VERDICT
from vivace.lab.commands.terminal import say

HELP = "what every operation counts to, beside what it did at another revision"

MORE = 3
"""Exit code where an operation takes more of something."""


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("--base", default="HEAD", metavar="REVISION", help="default: %(default)s")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument(
        "--no-instructions",
        dest="instructions",
        action="store_false",
        help="count queries, shapes, rows, effort and bytes alone, in a few seconds",
    )


def run(options: dict[str, Any]) -> None:
    from vivace.lab import gate, gate_results

    try:
        result = gate.run(
            options["base"], options["db"], with_instructions=options["instructions"], say=say
        )
    except gate.NoVerdictError as error:
        say(f"Nothing to compare with: {error}")
        sys.exit(NO_VERDICT)
    path = gate_results.save(gate_results.gate_path(options["results"], result.database), result)
    for line in gate.told(result):
        say(line)
    say(f"Result: {path}")
    if gate.refused(result):
        sys.exit(MORE)
