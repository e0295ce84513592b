"""`vivace import`: files of artists, albums, tracks and playlists into the library."""

import gc
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vivace.accounts.models import User
from vivace.accounts.names import is_writable
from vivace.imports import run
from vivace.imports.formats import SUFFIXES, Format
from vivace.imports.report import ImportReport
from vivace.imports.rows import SOURCE_LENGTH, SourceName
from vivace.problems import Problem

NOTHING_WRITTEN = 1
ROWS_REFUSED = 3
ERRORS_SHOWN = 20


class Command(BaseCommand):
    help = "Import JSON Lines or CSV into the library. docs/import.md describes the columns."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or - for the input")
        parser.add_argument("--format", choices=["auto", "jsonl", "csv"], default="auto")
        parser.add_argument(
            "--source", metavar="NAME", type=source_name, help="where source_id comes from"
        )
        parser.add_argument("--owner", metavar="USER", help="whose playlists they become")
        parser.add_argument("--strict", action="store_true", help="all rows of a file or none")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        # A million rows make no cycles, only work for the collector that looks for them.
        gc.disable()
        owner = account(options["owner"])
        reports: list[tuple[str, ImportReport | str]] = []
        for path in options["paths"]:
            try:
                report: ImportReport | str = import_file(path, owner, options)
            except (Problem, OSError) as error:
                report = reason(error)
            except DatabaseError as error:
                if not reports:
                    raise
                report = reason(error)
            reports.append((shown(path), report))
            # At once: the next file may be broken off.
            write_report(self, *reports[-1], as_json=options["json"])
        if options["json"]:
            self.stdout.write(msgspec.json.encode(summed(reports)).decode())
        sys.exit(exit_code([report for _, report in reports], options["strict"]))


def shown(path: str) -> str:
    """As it can be written, whatever bytes a file system takes for a name."""
    return os.fsencode(path).decode(errors="replace")


def source_name(text: str) -> str:
    """As it may be in a row."""
    try:
        return msgspec.convert(text, SourceName)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise ArgumentTypeError(f"it is 1 to {SOURCE_LENGTH} characters that show") from error


def account(name: str | None) -> User | None:
    """The user of that name or email address."""
    if name is None:
        return None
    user = User.objects.named(name) if is_writable(name) else None
    if user is None:
        raise CommandError(f"--owner: there is no user {name!r}", returncode=NOTHING_WRITTEN)
    return user


def import_file(path: str, owner: User | None, options: dict[str, Any]) -> ImportReport:
    suffix: Format = SUFFIXES.get(Path(path).suffix.lower(), "auto")
    with ExitStack() as resources:
        file: BinaryIO = (
            sys.stdin.buffer if path == "-" else resources.enter_context(Path(path).open("rb"))
        )
        return run.import_rows(
            file,
            format=suffix if options["format"] == "auto" else options["format"],
            source=options["source"],
            owner=owner,
            strict=options["strict"],
            dry_run=options["dry_run"],
            progress=resources.enter_context(progress_bar(shown(path))),
        )


def reason(error: Exception) -> str:
    if isinstance(error, Problem):
        return error.detail
    told = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return told.strip().partition("\n")[0]


@contextmanager
def progress_bar(path: str) -> Iterator[run.Progress]:
    """A bar with the rate and the time left, on a terminal; otherwise nothing is shown."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _what, _rows, _done, _total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}% {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{path}: reading", total=None, rate="")

        def show(what: str, rows: int, done: int, total: int) -> None:
            elapsed = bar.tasks[task].elapsed or 0
            rate = f"{rows / elapsed:,.0f} rows/s" if elapsed else ""
            bar.update(task, description=f"{path}: {what}", completed=done, total=total, rate=rate)

        yield show


# --- What is said of it ----------------------------------------------------------------------


def write_report(
    command: BaseCommand, path: str, report: ImportReport | str, *, as_json: bool
) -> None:
    if isinstance(report, str):
        command.stderr.write(f"{path}: {report}")
    elif not as_json:
        command.stdout.write("\n".join(described(path, report)))
        command.stdout.flush()


def described(path: str, report: ImportReport) -> Iterator[str]:
    counts = ("added", "changed", "unchanged", "refused")
    yield f"{path}: " + ", ".join(f"{getattr(report, name):,} {name}" for name in counts)
    if new := [f"{count:,} {kind}" for kind, count in report.created.items() if count]:
        yield f"  new: {', '.join(new)}"
    for error in report.errors[:ERRORS_SHOWN]:
        yield f"  line {error.line}: {error.reason}"
    if (rest := report.refused - ERRORS_SHOWN) > 0:
        yield f"  and {rest:,} more"
    yield from (f"  {note}" for note in report.notes)
    if report.stored:
        yield f"  another writer waited {report.write_lock_ms:,.0f} ms at most"
    else:
        yield "  nothing was written"


def summed(reports: list[tuple[str, ImportReport | str]]) -> dict[str, Any]:
    """The counts of all files together. With several files an error also names its file."""
    done = [(path, report) for path, report in reports if isinstance(report, ImportReport)]
    return {
        **{
            name: sum(getattr(report, name) for _, report in done)
            for name in ("added", "changed", "unchanged", "refused")
        },
        "errors": [
            ({"file": path} if len(reports) > 1 else {}) | msgspec.structs.asdict(error)
            for path, report in done
            for error in report.errors
        ],
        "failed": [
            {"file": path, "reason": report} for path, report in reports if isinstance(report, str)
        ],
        "notes": [note for _, report in done for note in report.notes],
        "created": {
            kind: sum(report.created.get(kind, 0) for _, report in done)
            for kind in ("artists", "albums", "genres")
        },
        "write_lock_ms": round(max((report.write_lock_ms for _, report in done), default=0), 1),
    }


def exit_code(reports: list[ImportReport | str], strict: bool) -> int:
    """0 all rows are in, 1 nothing was written, 3 some rows are in and some are not."""
    done = [report for report in reports if isinstance(report, ImportReport)]
    if len(done) == len(reports) and not any(report.refused for report in done):
        return 0
    went_in = any(
        report.stored
        or (report.added + report.changed + report.unchanged and not (strict and report.refused))
        for report in done
    )
    return ROWS_REFUSED if went_in else NOTHING_WRITTEN
