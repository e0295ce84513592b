"""`vivace export`: the catalogue to the standard output."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from vivace.imports.export import csv_lines, json_lines

FORMATS = {"jsonl": json_lines, "csv": csv_lines}


class Command(BaseCommand):
    help = "Write the catalogue to the standard output, in a stable order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=list(FORMATS), default="jsonl")

    def handle(self, *_args: Any, **options: Any) -> None:
        for line in FORMATS[options["format"]]():
            sys.stdout.buffer.write(line)
