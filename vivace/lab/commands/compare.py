"""`vivace lab compare`"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from vivace.lab.commands.arguments import add_results
from vivace.lab.commands.terminal import say, terminal

HELP = "which operations are faster or slower in one revision, or result, than in another"

SLOWER = 3
"""Exit code where an operation is slower."""


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    for name, which in (("a", "before"), ("b", "after")):
        parser.add_argument(
            name,
            metavar=name.upper(),
            help=f"{which}: a revision, . for the working tree, or a file of `vivace lab bench`",
        )
    parser.add_argument(
        "operations", nargs="*", metavar="operation", help="as 'GET /api/v1/tracks'; default: all"
    )


def run(options: dict[str, Any]) -> None:
    from vivace.lab import compare, compare_results

    result = of_files(options) if is_file(options["a"]) else of_revisions(options)
    path = compare_results.save(
        compare_results.compare_path(options["results"], result.database), result
    )
    terminal().print(compare.table(result))
    for missing in result.missing:
        say(f"Not compared: {missing}")
    say(f"{compare.summary(result)}. Result: {path}")
    if any(each.verdict == "slower" for each in result.operations):
        sys.exit(SLOWER)


def is_file(text: str) -> bool:
    return text.endswith(".json") or Path(text).is_file()


def of_files(options: dict[str, Any]) -> Any:
    from vivace.lab import compare_files

    if not is_file(options["b"]):
        raise CommandError(f"{options['a']} is a result file and {options['b']} is not")
    if options["operations"]:
        raise CommandError("Result files are compared as a whole, without a choice of operations")
    result = compare_files.run(Path(options["a"]), Path(options["b"]))
    say(compare_files.warning(result))
    return result


def of_revisions(options: dict[str, Any]) -> Any:
    from vivace.lab import compare
    from vivace.lab.bench import bar

    if is_file(options["b"]):
        raise CommandError(f"{options['b']} is a result file and {options['a']} is not")
    with bar("compare") as show:
        return compare.run(options["a"], options["b"], options["operations"], say, show)
