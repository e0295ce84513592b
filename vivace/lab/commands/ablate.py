"""`vivace lab ablate`"""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from vivace.lab.commands.arguments import add_results
from vivace.lab.commands.terminal import say, terminal

HELP = "what each optimisation is worth, switched off alone and on again"


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument(
        "optimisations", nargs="*", metavar="optimisation", help="as keyset; default: all"
    )
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")


def run(options: dict[str, Any]) -> None:
    measure(options["db"], options["results"], options["optimisations"])


def measure(database: Any, folder: Path, names: Sequence[str] = ()) -> None:
    """Those of the names, or all."""
    from vivace.lab import ablate
    from vivace.lab.ablation.optimisations import chosen
    from vivace.lab.ablation.results import save
    from vivace.lab.bench import bar

    try:
        optimisations = chosen(names, database)
    except LookupError as error:
        raise CommandError(str(error)) from error
    with bar("ablate") as show:
        result = ablate.run(database, optimisations, show)
    path = save(folder, result)
    terminal().print(ablate.table(result))
    for line in result.missing:
        say(f"Missing: {line}")
    say(f"Result: {path}")
