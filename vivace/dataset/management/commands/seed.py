"""`vivace seed`: a generated library, the same for the same numbers."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from vivace.dataset.filling import fill, write_lines
from vivace.dataset.library import library


def natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


class Command(BaseCommand):
    help = "Fill the library with generated artists, albums and tracks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--artists", type=natural, required=True, metavar="N")
        parser.add_argument("--albums-per-artist", type=natural, default=2, metavar="N")
        parser.add_argument("--tracks-per-album", type=natural, default=10, metavar="N")
        parser.add_argument("--seed", type=natural, default=1, metavar="N")
        parser.add_argument(
            "--output",
            metavar="PATH",
            help="write JSON Lines there instead, or to - for the output",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rows = library(
            options["artists"],
            options["albums_per_artist"],
            options["tracks_per_album"],
            options["seed"],
        )
        if options["output"] == "-":
            write_lines(rows, sys.stdout.buffer)
        elif options["output"]:
            try:
                with Path(options["output"]).open("wb") as file:
                    write_lines(rows, file)
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}") from error
        else:
            report = fill(rows)
            refused = f", {report.refused:,} refused" if report.refused else ""
            self.stdout.write(
                f"Tracks: {report.added:,} added, {report.changed:,} changed,"
                f" {report.unchanged:,} unchanged{refused}"
            )
