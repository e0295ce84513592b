"""What every operation counts to, in the working tree and at a base revision, and what changed.

    revisions ──→ two trees ──counting──→ Counts ──changes──→ GateResult

Counts do not wobble: the same code counts to the same, so whatever differs was changed.
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import msgspec
from msgspec import Struct

from vivace.lab import machine, prepared, revisions
from vivace.lab.bench import Say
from vivace.lab.gate_results import Change, Counts, GateResult
from vivace.lab.machine import program_version
from vivace.lab.prepared import Library, TreeError
from vivace.lab.profile import PACKAGES
from vivace.lab.profiling import counting, instructions
from vivace.lab.profiling.preparing import CHEAP_HASHES
from vivace.lab.results import Database, ResultError
from vivace.lab.wording import count, listed, plural

ACCEPTED = Path(__file__).with_name("accepted.toml")
COUNTS = ("status", "queries", "shapes", "rows", "effort", "bytes", "instructions")
WOBBLE = {"instructions": 0.005}
"""The share by which a count may differ though nothing was changed that it is about: other code
puts other things at other places in memory."""
WHERE_MAX = 3
"""Statements that are named with a change."""


class NoVerdictError(Exception):
    """There is nothing to compare with; the message is one line."""


class Accepted(Struct, kw_only=True):
    """An increase that is meant to be."""

    operation: str
    count: str
    reason: str


def run(base: str, database: Database, *, with_instructions: bool, say: Say) -> GateResult:
    """Raises `ResultError`, `NoVerdictError`, `ServerMissingError`."""
    name, missing = revisions.described(base), []
    accepted = read_accepted(ACCEPTED)
    if with_instructions and (why := why_no_instructions()):
        missing.append(f"{why}: no instructions are counted")
        with_instructions = False
    elif with_instructions:
        missing.append(f"instructions of other operations than {listed(instructions.METHODS)}")
    say(f"Counting on both sides: {name} and the working tree …")
    with revisions.tree(base) as old, revisions.tree(revisions.WORKING_TREE) as new:
        before, after = both(old, new, name, database, with_instructions=with_instructions)
    found = changes(before, after)
    missing += accept(found, accepted)
    return GateResult(
        database=database,
        base=name,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.machine(),
        versions=machine.versions(PACKAGES, **programs(with_instructions=with_instructions)),
        before=before,
        after=after,
        changes=found,
        new=only_in(after, before),
        gone=only_in(before, after),
        missing=missing,
    )


def read_accepted(path: Path) -> list[Accepted]:
    """Raises `ResultError`."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(told.get("accepted", []), list[Accepted])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ResultError(f"{path}: {error}") from error


def why_no_instructions() -> str:
    """Empty where they can be counted."""
    if not which("valgrind"):
        return "valgrind is not installed"
    if not find_spec("pytest_codspeed"):
        return "pytest-codspeed is not installed; `make dev` installs it"
    return ""


def programs(*, with_instructions: bool) -> dict[str, str]:
    return {"valgrind": program_version("valgrind", "--version")} if with_instructions else {}


# --- Counting ---------------------------------------------------------------------------------


def both(
    old: Path, new: Path, base: str, database: Database, *, with_instructions: bool
) -> tuple[list[Counts], list[Counts]]:
    """Of both trees, side by side."""

    def counted(tree: Path) -> list[Counts]:
        return counts(tree, database, with_instructions=with_instructions)

    with ThreadPoolExecutor(2) as pool:
        before, after = pool.submit(counted, old), pool.submit(counted, new)
        return (
            result(before, base, NoVerdictError),
            result(after, "the working tree", ResultError),
        )


def result(future: "Future[list[Counts]]", name: str, failure: type[Exception]) -> list[Counts]:
    try:
        return future.result()
    except TreeError as error:
        raise failure(f"{name} cannot be counted: {error}") from error


def counts(tree: Path, database: Database, *, with_instructions: bool) -> list[Counts]:
    """Of every operation that its OpenAPI document has. Raises `TreeError`."""
    with prepared.library(tree, database, **{CHEAP_HASHES: "yes"}) as library:
        prepared.run(library, library.command("counting"))
        content = counting.counts_path(library.folder).read_bytes()
        found = msgspec.json.decode(content, type=list[Counts])
        if with_instructions:
            for number, taken in count_instructions(library).items():
                found[number].instructions = taken
    return found


def count_instructions(library: Library) -> dict[int, int]:
    """Number of the request → instructions."""
    valgrind = [
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--dump-line=no",
        f"--callgrind-out-file={instructions.out_path(library.folder)}",
    ]
    command = [*prepared.in_the_same_place(), *valgrind, *library.command("instructions")]
    prepared.run(library, command)
    return instructions.read(library.folder)


# --- What changed -----------------------------------------------------------------------------


def changes(before: Iterable[Counts], after: Sequence[Counts]) -> list[Change]:
    """Of operations that both have."""
    by_name = {each.operation: each for each in before}
    return [
        change
        for each in after
        if each.operation in by_name
        for change in changes_of(by_name[each.operation], each)
    ]


def changes_of(before: Counts, after: Counts) -> Iterator[Change]:
    for name in COUNTS:
        old, new = getattr(before, name), getattr(after, name)
        if old is None or new is None or abs(new - old) <= WOBBLE.get(name, 0) * old:
            continue
        where = more_often(before, after) if name in {"queries", "shapes", "rows"} else []
        yield Change(operation=after.operation, count=name, before=old, after=new, where=where)


def more_often(before: Counts, after: Counts) -> list[str]:
    """The statements that are new or run more often, with the line that issues them."""
    times = {each.shape: each.times for each in before.statements}
    return [
        f"{each.place}: {f'{each.times} × ' if each.times > 1 else ''}{each.shape}"
        for each in after.statements
        if each.times > times.get(each.shape, 0)
    ]


def only_in(these: Iterable[Counts], those: Iterable[Counts]) -> list[str]:
    known = {each.operation for each in those}
    return [each.operation for each in these if each.operation not in known]


def accept(found: Sequence[Change], accepted: Iterable[Accepted]) -> list[str]:
    """Note the reason with every increase that is accepted. What is accepted and did not happen."""
    unused = []
    for each in accepted:
        meant = [
            change
            for change in found
            if change.is_increase
            and (change.operation, change.count) == (each.operation, each.count)
        ]
        for change in meant:
            change.accepted = each.reason
        if not meant:
            unused.append(
                f"{ACCEPTED.name}: more {each.count} of {each.operation} are accepted,"
                " but there are no more"
            )
    return unused


def refused(result: GateResult) -> list[Change]:
    """The increases that nobody accepted."""
    return [each for each in result.changes if each.is_increase and not each.accepted]


# --- What is shown of it ----------------------------------------------------------------------


def told(result: GateResult) -> Iterator[str]:
    """A line for each change; one where there is none."""
    for change in result.changes:
        yield line(change, result.database)
    for name in result.new:
        yield f"{name}: new: {summary(one(result.after, name), result.database)}"
    for name in result.gone:
        yield f"{name}: gone"
    for missing in result.missing:
        yield f"Missing: {missing}"
    if not (result.changes or result.new or result.gone):
        yield f"{plural(len(result.after), 'operation')}: {same(result)} as in {result.base}"


def line(change: Change, database: Database) -> str:
    what = (
        f"{word(change.count, database)}: {count(change.after)} instead of {count(change.before)}"
    )
    share = (change.after - change.before) / change.before if change.before else 0
    more = f" ({share:+.1%})" if share and change.count != "status" else ""
    where = "".join(f"\n    {each}" for each in change.where[:WHERE_MAX])
    left = len(change.where) - WHERE_MAX
    others = f"\n    and {plural(left, 'statement')} more" if left > 0 else ""
    accepted = f" — accepted: {change.accepted}" if change.accepted else ""
    return f"{change.operation}: {what}{more}{accepted}{where}{others}"


def word(name: str, database: Database) -> str:
    if name != "effort":
        return name
    return "rows read" if database == "postgresql" else "steps"


def same(result: GateResult) -> str:
    """`the same queries, …, and instructions`, of what was counted."""
    counted = [
        word(name, result.database)
        for name in COUNTS
        if name != "status" and any(getattr(each, name) is not None for each in result.after)
    ]
    return f"as many {listed(counted)}"


def summary(found: Counts, database: Database) -> str:
    parts = [
        f"{word(name, database)} {count(value)}"
        for name in COUNTS
        if name != "status" and (value := getattr(found, name)) is not None
    ]
    return listed(parts)


def one(these: Iterable[Counts], name: str) -> Counts:
    return next(each for each in these if each.operation == name)
