"""The statements of a server under load, by route: what is slow when many ask at once.

    stacks.served, noting ←── load.generate (users) ──→ notes of each process ──→ StatementsResult

Noting costs time, so this is a run of its own and its latencies are not reported.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from msgspec import Struct
from rich.box import SIMPLE
from rich.table import Table

from vivace.lab import load, results, stacks
from vivace.lab.load import Progress
from vivace.lab.machine import machine, versions
from vivace.lab.noting import notes
from vivace.lab.noting.notes import Note
from vivace.lab.outcome import PACKAGES, Test
from vivace.lab.profiles import Profile
from vivace.lab.results import FORMAT, Database, Machine, ResultError, Versions

SHOWN = 20
SPARE_ACCOUNTS = 100


class StatementsResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["statements"] = "statements"
    profile: str
    stack: Database
    started_at: str
    machine: Machine
    versions: Versions
    requests: int
    """That were measured; statements are those of the whole run."""
    statements: list[Note]
    """What took the most time in all first."""


def run(
    profile: Profile, database: Database, say: Callable[[str], None], progress: Progress
) -> StatementsResult:
    """Raises `ServerMissingError`, or `ResultError` where the run broke off."""
    started_at = datetime.now(UTC)
    cores = stacks.shared_out(apart=profile.apart)
    with TemporaryDirectory(prefix="vivace-notes-") as name:
        noting = {notes.FOLDER: name, "DJANGO_SETTINGS_MODULE": "vivace.lab.noting.settings"}
        Path(name).chmod(0o777)
        accounts = profile.users + SPARE_ACCOUNTS
        with stacks.served(database, cores, accounts, say, more=noting) as server:
            command = load.arguments(profile, server.base, load.Users())
            ran = load.generate(command, Test(profile, database, server, cores), progress)
        if ran.broke:
            raise ResultError(ran.broke)
        found = notes.gathered(Path(name))
    return StatementsResult(
        profile=profile.name,
        stack=database,
        started_at=started_at.isoformat(timespec="seconds"),
        machine=machine(),
        versions=versions(PACKAGES),
        requests=ran.merged.requests,
        statements=found,
    )


def statements_path(folder: Path, profile: str, database: Database) -> Path:
    return folder / f"statements-{profile}-{database}.json"


def save(folder: Path, result: StatementsResult) -> Path:
    path = statements_path(folder, result.profile, result.stack)
    return results.write_json(path, result)


def table(result: StatementsResult) -> Table:
    """The statements that took the most time in all."""
    shown = Table(title=f"Slow statements, {result.profile} on {result.stack}", box=SIMPLE)
    shown.add_column("route", no_wrap=True)
    for heading in ("in all, s", "times", "mean, ms", "slowest, ms"):
        shown.add_column(heading, justify="right")
    shown.add_column("statement", overflow="ellipsis", no_wrap=True, max_width=60)
    for note in result.statements[:SHOWN]:
        shown.add_row(
            note.route,
            f"{note.seconds:,.2f}",
            f"{note.times:,}",
            f"{1_000 * note.seconds / note.times:,.2f}",
            f"{1_000 * note.slowest:,.1f}",
            note.shape,
        )
    return shown
