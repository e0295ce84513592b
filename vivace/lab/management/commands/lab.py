"""`vivace lab`: benchmarks, load tests, and the report on what they measured."""

from argparse import ArgumentParser
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError

from vivace.lab.commands import ablate, bench, compare, gate, knee, load, profile, report


class Part(Protocol):
    """A module of `vivace.lab.commands`."""

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, options: dict[str, Any]) -> None: ...


PARTS: dict[str, Part] = {
    "ablate": ablate,
    "bench": bench,
    "compare": compare,
    "gate": gate,
    "knee": knee,
    "load": load,
    "profile": profile,
    "report": report,
}


class Command(BaseCommand):
    help = "Measure Vivace: benchmarks, load tests, a report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True, metavar="|".join(PARTS))
        for name, part in PARTS.items():
            part.add_arguments(parts.add_parser(name, help=part.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from vivace.lab import results, servers
        except ModuleNotFoundError as error:
            raise CommandError(
                f"The lab needs {error.name}, which comes with `make dev` in a checkout"
            ) from error
        try:
            PARTS[options["part"]].run(options)
        except (results.ResultError, servers.ServerMissingError) as error:
            raise CommandError(str(error)) from error
        except servers.ServerFailedError as error:
            raise CommandError(f"A server did not start: {last_line(str(error))}") from error


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
