"""What several parts of `vivace lab` ask for in the same words."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path


def seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,5}", text) or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 1 up")
    return float(text)


def folder(text: str) -> Path:
    return Path(text).absolute()


def add_results(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=folder, default=".lab", metavar="FOLDER", help="default: %(default)s"
    )
