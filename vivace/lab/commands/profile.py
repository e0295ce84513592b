"""`vivace lab profile`"""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from vivace.lab.commands.arguments import add_results, folder
from vivace.lab.commands.terminal import progress_bar, say, terminal

HELP = "the statements of every operation, their plans, and what is wrong with them"

TABLE_WIDTH = 150
FOUND = 3
"""Exit code where something is wrong that nobody explained."""


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ArgumentTypeError(f"{text!r} is not a header, as 'Authorization: Bearer …'")
    return name.strip(), value.strip()


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument(
        "operations", nargs="*", metavar="operation", help="as GET /api/v1/tracks; default: all"
    )
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument(
        "--project",
        metavar="SETTINGS",
        help="another Django project, by its settings module; operations are then paths",
    )
    parser.add_argument(
        "--header", type=header, action="append", default=[], help="sent to that project"
    )
    parser.add_argument(
        "--explained", type=folder, metavar="TOML", help="what is meant to be so in that project"
    )
    parser.add_argument(
        "--under-load",
        metavar="PROFILE",
        help="the slow statements by route, of a load test's profile, instead",
    )


def run(options: dict[str, Any]) -> None:
    if options["under_load"]:
        statements_under_load(options["under_load"], options["db"], options["results"])
    else:
        profile_operations(options)


def statements_under_load(name: str, database: Any, results: Path) -> None:
    from vivace.lab import under_load
    from vivace.lab.profiles import PROFILES

    if name not in PROFILES:
        raise CommandError(f"There is no profile {name!r}, only {', '.join(PROFILES)}")
    with progress_bar() as progress:
        result = under_load.run(PROFILES[name], database, say, progress)
    path = under_load.save(results, result)
    terminal(TABLE_WIDTH).print(under_load.table(result))
    say(f"Result: {path}")


def profile_operations(options: dict[str, Any]) -> None:
    from vivace.lab import profile
    from vivace.lab.bench import bar

    project, operations = options["project"], options["operations"]
    if not project:
        result = measure(options["db"], options["results"], operations)
    else:
        with bar("profile") as show:
            result = profile.of_project(
                project, operations, dict(options["header"]), options["explained"], show
            )
        tell(result, options["results"], project)
    if any(not found.explained for found in result.profiles.found):
        sys.exit(FOUND)


def measure(database: Any, folder: Path, operations: Sequence[str] = ()) -> Any:
    """The profile of Vivace's operations of those names, or of all."""
    from vivace.lab import profile
    from vivace.lab.bench import bar

    with bar("profile") as show:
        result = profile.of_vivace(database, operations, show)
    tell(result, folder)
    return result


def tell(result: Any, folder: Path, project: str = "") -> None:
    from vivace.lab import profile, profile_results

    path = profile_results.profile_path(folder, result.profiles.database, project)
    profile_results.save(path, result)
    terminal(TABLE_WIDTH).print(profile.table(result))
    for found in result.profiles.found:
        say(profile.told(found))
    for line in result.profiles.missing:
        say(f"Missing: {line}")
    for operation, why in result.profiles.skipped.items():
        say(f"Left out: {operation}: {why}")
    say(f"Result: {path}")
