"""Profiles of every operation: a process of the project, and what is made of what it tells.

profiling (in the project's process) ──lines──→ Profiles ──explained──→ profile-sqlite.json
"""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

import msgspec
from msgspec import Struct
from rich.box import SIMPLE
from rich.table import Table

from vivace.lab import machine, servers, stacks
from vivace.lab.bench import Show
from vivace.lab.profile_results import Found, Operation, ProfileResult, Profiles
from vivace.lab.profiling.indexes import Trial
from vivace.lab.profiling.tasks import Begun, Chosen, Done, Failed, Line, Task
from vivace.lab.ratios import ratio
from vivace.lab.results import Database, ResultError
from vivace.lab.wording import NOTHING, figure, milliseconds, plural

VIVACE = "vivace.settings"
EXPLAINED = Path(__file__).with_name("explained.toml")
PACKAGES = ("Django", "django-modern-rest", "msgspec", "psycopg", "djangorestframework")


class Explained(Struct, kw_only=True):
    """What a rule finds and is meant to be so."""

    rule: str
    operation: str
    reason: str
    database: str = ""
    """Where it is found on one alone."""


def of_vivace(database: Database, operations: Sequence[str], show: Show) -> ProfileResult:
    """Of Vivace, on a library of the lab's own. Raises `ResultError`, `ServerMissingError`."""
    with own_database(database) as own:
        task = Task(is_vivace=True, operations=[*operations])
        environment = stacks.environment(own | stacks.UNKEPT | {"DJANGO_SETTINGS_MODULE": VIVACE})
        profiles = run(task, environment, show)
    return described(VIVACE, explain(profiles, EXPLAINED, all_asked=not operations))


@contextmanager
def own_database(database: Database) -> Iterator[dict[str, str]]:
    """The environment of a Vivace on an empty database, which goes after the block."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.owned_folder())
        own = {"VIVACE_DATA_DIR": str(folder), "VIVACE_SECRET_KEY": stacks.SECRET_KEY}
        own |= {"VIVACE_LOGIN_LIMIT": "100000/300", "VIVACE_REGISTRATION": "on"}
        if database == "postgresql":
            own["DATABASE_URL"] = stacks.created(stack.enter_context(servers.postgresql_server()))
        yield own


def of_project(
    settings: str,
    paths: Sequence[str],
    headers: dict[str, str],
    explained: Path | None,
    show: Show,
) -> ProfileResult:
    """Of another Django project, found from here, on a copy of its database.

    Raises `ResultError`.
    """
    task = Task(is_vivace=False, operations=[*paths], headers=headers)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": settings}
    profiles = run(task, environment, show)
    return described(settings, explain(profiles, explained, all_asked=not paths))


def run(task: Task, environment: dict[str, str], show: Show) -> Profiles:
    """What the project's process tells at its end. Raises `ResultError`."""
    command = [sys.executable, "-m", "vivace.lab.profiling", msgspec.json.encode(task).decode()]
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
        profiles = followed(process.stdout or (), show)
        process.wait()
        if profiles is None:
            said.seek(0)
            raise ResultError(f"the project did not start: {last_line(said.read())}")
    return profiles


def followed(lines: Iterable[bytes], show: Show) -> Profiles | None:
    """None where it breaks off. Raises `ResultError` where it gives up."""
    count, begun = 0, 0
    for line in lines:
        match msgspec.json.decode(line, type=Line):
            case Chosen(chosen):
                count = chosen
            case Begun(operation):
                show(begun, count, operation)
                begun += 1
            case Failed(why):
                raise ResultError(why)
            case Done(profiles):
                return profiles
    return None


def last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def explain(profiles: Profiles, path: Path | None, *, all_asked: bool) -> Profiles:
    """With the reason of each finding that has one; a reason that explains nothing is missing one.

    Raises `ResultError`.
    """
    for each in explanations(path) if path else ():
        if each.database not in {"", profiles.database}:
            continue
        meant = [f for f in profiles.found if (f.rule, f.operation) == (each.rule, each.operation)]
        for found in meant:
            found.explained = each.reason
        if all_asked and not meant:
            profiles.missing.append(
                f"{path}: {each.rule} of {each.operation} is explained, but not found any more"
            )
    return profiles


def explanations(path: Path) -> list[Explained]:
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(told.get("explained", []), list[Explained])
    except FileNotFoundError as error:
        raise ResultError(f"{path}: there is no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ResultError(f"{path}: {error}") from error


def described(project: str, profiles: Profiles) -> ProfileResult:
    return ProfileResult(
        project=project,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.machine(),
        versions=machine.versions(PACKAGES),
        profiles=profiles,
    )


# --- What is shown of it ----------------------------------------------------------------------


def table(result: ProfileResult) -> Table:
    """A line for each operation."""
    shown = Table(title=f"{result.project} on {result.profiles.database}", box=SIMPLE)
    shown.add_column("operation", no_wrap=True)
    headings = ("cold, ms", "warm", "database", "Python", "rendering", "queries", "shapes", "rows")
    for heading in (*headings, effort_name(result), "bytes", "findings"):
        shown.add_column(heading, justify="right")
    for each in result.profiles.operations:
        shown.add_row(*row(each))
    return shown


def effort_name(result: ProfileResult) -> str:
    return "read" if result.profiles.database == "postgresql" else "steps"


def row(each: Operation) -> list[str]:
    warm, effort = each.warm, each.rows_read if each.rows_read is not None else each.steps
    times = (each.cold.total, warm.total, warm.database, warm.python, warm.rendering)
    open_ = [found for found in each.found if not found.explained]
    return [
        each.name,
        *(figure(1_000 * seconds) for seconds in times),
        str(warm.queries),
        str(each.shapes),
        f"{each.rows:,}",
        NOTHING if effort is None else f"{effort:,}",
        f"{each.bytes:,}",
        str(len(open_)) if open_ else NOTHING,
    ]


def told(found: Found) -> str:
    """A finding in a line, with the file and line in front where there is one."""
    at = f"{found.place}: " if found.place else ""
    gained = f" ({gain(found.trial)})" if found.trial else ""
    reason = f" — meant so: {found.explained}" if found.explained else ""
    return f"{at}{found.rule}: {found.operation}: {found.text}{gained}{reason}"


def gain(trial: Trial) -> str:
    """What the index that was tried came to."""
    without, with_it, _ = zip(*trial.pairs, strict=True)
    gained = ratio(without, with_it)
    bulk_without, bulk_with, _ = zip(*trial.bulk_pairs, strict=True)
    added = ratio(bulk_with, bulk_without)
    return (
        f"on a copy it is {figure(gained.ratio)} times as fast"
        f" ({figure(gained.low)} to {figure(gained.high)}), built in"
        f" {milliseconds(trial.build_seconds)}, {trial.bytes / 1e6:.1f} MB; a bulk insert of"
        f" {plural(trial.bulk_rows, 'row')} takes {figure(added.ratio)} times as long"
    )
