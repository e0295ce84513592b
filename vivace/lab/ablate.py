"""Optimisations switched off: a process of Vivace's own, and what is made of what it tells.

ablation (in that process) ──lines──→ rows ──→ ablation-sqlite.json
"""

import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from tempfile import TemporaryFile

import msgspec
from rich.box import SIMPLE
from rich.table import Table

from vivace.lab import machine, pace, servers, stacks
from vivace.lab.ablation.optimisations import Optimisation
from vivace.lab.ablation.results import Ablated, AblationResult
from vivace.lab.ablation.tasks import Begun, Done, Line, Measured, Missed, Task
from vivace.lab.bench import Show, duration
from vivace.lab.cases import change
from vivace.lab.profile import VIVACE, last_line, own_database
from vivace.lab.results import Data, Database, ResultError
from vivace.lab.wording import STACK_NAMES, count, interval, times

LIBRARY = Data(artists=10_000, albums=20_000, tracks=200_000, seed=1)
PACKAGES = ("Django", "django-modern-rest", "msgspec", "psycopg", "argon2-cffi")


def run(
    database: Database,
    optimisations: Sequence[Optimisation],
    show: Show,
    *,
    data: Data = LIBRARY,
    pairs: int = 0,
) -> AblationResult:
    """Of each of the optimisations. Raises `ResultError`, `ServerMissingError`."""
    task = Task(names=[each.name for each in optimisations], data=data, pairs=pairs)
    before_ms = pace.work_ms()
    with own_database(database) as own:
        environment = stacks.environment(own | {"DJANGO_SETTINGS_MODULE": VIVACE})
        rows, missing = told(task, environment, show)
    return AblationResult(
        database=database,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.machine(),
        pace=pace.since(before_ms),
        versions=machine.versions(PACKAGES, **programs(database)),
        data=data,
        rows=rows,
        missing=missing,
    )


def told(task: Task, environment: dict[str, str], show: Show) -> tuple[list[Ablated], list[str]]:
    """What the process measured, and what it could not. Raises `ResultError`."""
    command = [sys.executable, "-m", "vivace.lab.ablation", msgspec.json.encode(task).decode()]
    with (
        TemporaryFile() as said,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):
        found = followed(process.stdout or (), len(task.names), show)
        process.wait()
        if found is None:
            said.seek(0)
            raise ResultError(f"the process broke off: {last_line(said.read())}")
    return found


def followed(
    lines: Iterable[bytes], count: int, show: Show
) -> tuple[list[Ablated], list[str]] | None:
    """None where it breaks off."""
    rows: list[Ablated] = []
    missing: list[str] = []
    show(0, count, "a library")
    for line in lines:
        match msgspec.json.decode(line, type=Line):
            case Begun(name):
                show(len(rows) + len(missing), count, name)
            case Measured(row):
                rows.append(row)
            case Missed(why):
                missing.append(why)
            case Done():
                return rows, missing
    return None


def programs(database: Database) -> dict[str, str]:
    if database == "sqlite":
        return {"SQLite": sqlite3.sqlite_version}
    server = str(servers.postgresql_bin() / "postgres")
    return {"PostgreSQL": machine.program_version(server, "-V")}


def table(result: AblationResult) -> Table:
    """A line for each optimisation."""
    title = f"{STACK_NAMES[result.database]}, {count(result.data.tracks)} tracks"
    shown = Table(title=title, box=SIMPLE)
    shown.add_column("optimisation")
    shown.add_column("on", overflow="fold")
    for heading in ("without", "with", "times as fast", "95 % interval", "A/A control", "pairs"):
        shown.add_column(heading, justify="right")
    for each in result.rows:
        shown.add_row(*line_of(each))
    return shown


def line_of(each: Ablated) -> list[str]:
    found = change(each.pairs)
    return [
        each.name,
        each.asked,
        duration(found.before_s),
        duration(found.after_s),
        times(found.ratio.ratio),
        interval(found.ratio.low, found.ratio.high),
        interval(found.control.low, found.control.high),
        str(found.pairs),
    ]
