"""The process of a project that is profiled, under its own settings.

a `Task` as the argument ──→ lines of `Line` on standard output, the last with the profiles
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import django
import msgspec
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection

from vivace.lab.profile_results import Found, Operation, Profiles, Run, Statement
from vivace.lab.profiling import asking, databases, indexes, rules, schema, vivace_api
from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import CopyError, undone
from vivace.lab.profiling.plans import indexes_of
from vivace.lab.profiling.profiled import Profiled, profile
from vivace.lab.profiling.rules import Finding
from vivace.lab.profiling.tasks import Begun, Chosen, Done, Failed, Task
from vivace.lab.profiling.tracing import Trace

# What the project itself prints must not come between.
TOLD = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def tell(line: Chosen | Begun | Done | Failed) -> None:
    TOLD.write(msgspec.json.encode(line) + b"\n")
    TOLD.flush()


def main() -> None:
    task = msgspec.json.decode(sys.argv[1], type=Task)
    django.setup()
    if task.is_vivace:
        try:
            refuse_unknown(task.operations)
        except LookupError as error:
            tell(Failed(str(error)))
            return
        vivace_api.fill()
    databases.keep_connections()
    profiles = Profiles(database=connection.vendor)
    with on_a_copy_where_possible(profiles.missing) as is_copy:
        handler = WSGIHandler()
        try:
            requests = chosen(handler, task, profiles)
        except LookupError as error:
            tell(Failed(str(error)))
            return
        requests = [each for each in requests if is_copy or each.method == "GET"]
        tell(Chosen(len(requests)))
        for request in requests:
            tell(Begun(request.operation))
            found = profile(handler, request)
            told = operation(found, rules.findings(found))
            if told.status >= HTTPStatus.BAD_REQUEST:
                why = found.warm.error or found.warm.body[:200].decode(errors="replace")
                profiles.missing.append(f"{told.name} is answered with {told.status}: {why}")
            if is_copy:
                try_indexes(handler, request, told, profiles.missing)
            profiles.operations.append(told)
        profiles.schema = [told_finding(each) for each in schema.findings()]
        profiles.unused_indexes = [*unused_indexes(profiles)]
    tell(Done(profiles))


@contextmanager
def on_a_copy_where_possible(missing: list[str]) -> Iterator[bool]:
    """Whether there is one."""
    try:
        with databases.on_a_copy():
            yield True
    except CopyError as error:
        missing.append(
            f"{error}: it is read where it is, no request that writes is made and no index is tried"
        )
        yield False


def chosen(handler: WSGIHandler, task: Task, profiles: Profiles) -> Sequence[Request]:
    """Raises `LookupError` for an operation that is not there."""
    if not task.is_vivace:

        def answers(request: Request) -> bool:
            with undone():
                return call(handler, request).is_success

        asked = asking.of_project(task.operations, answers, task.headers)
        profiles.skipped = asked.skipped
        return asked.requests
    every = vivace_api.requests(handler)
    if not task.operations:
        return every
    names = {each.operation for each in every}
    wanted = {found for name in task.operations for found in matching(name, names)}
    return [each for each in every if each.operation in wanted]


def refuse_unknown(asked: Sequence[str]) -> None:
    """Before a library is made for nothing. Raises `LookupError`."""
    names = vivace_api.operations()
    for name in asked:
        if not matching(name, names):
            raise LookupError(f"there is no operation {name!r}, but {', '.join(sorted(names))}")


def matching(name: str, names: set[str]) -> set[str]:
    """The operation of that name, or all of that path."""
    return {each for each in names if name in {each, each.partition(" ")[2]}}


# --- What is told of it -----------------------------------------------------------------------


def operation(about: Profiled, findings: list[Finding]) -> Operation:
    request, timing = about.request, about.timing
    plans = [
        (about.plans[shape], len(group))
        for shape, group in about.by_shape.items()
        if shape in about.plans
    ]

    def total(name: str) -> int | None:
        counted = [(getattr(plan, name), times) for plan, times in plans]
        known = [(count, times) for count, times in counted if count is not None]
        return sum(count * times for count, times in known) if known else None

    return Operation(
        name=request.operation,
        asked=f"{request.method} {request.path}{f'?{request.query}' if request.query else ''}",
        status=about.warm.status,
        cold=run_of(about.cold),
        warm=Run(**timing._asdict(), queries=len(about.warm.executed)),
        shapes=len(about.by_shape),
        rows=sum(each.rows for each in about.warm.executed),
        rows_read=total("rows_read"),
        blocks=total("blocks"),
        steps=total("steps"),
        bytes=len(about.warm.body),
        statements=[*statements(about)],
        found=[told_finding(each) for each in findings],
    )


def run_of(trace: Trace) -> Run:
    return Run(
        total=trace.seconds,
        database=trace.database_seconds,
        python=trace.python_seconds,
        rendering=trace.rendering_seconds,
        idle=trace.idle_seconds,
        computed=trace.computed_seconds,
        queries=len(trace.executed),
    )


def statements(about: Profiled) -> Iterator[Statement]:
    for shape, group in about.by_shape.items():
        first = group[0]
        yield Statement(
            shape=shape,
            times=len(group),
            seconds=sum(each.seconds for each in group),
            rows=sum(each.rows for each in group),
            bytes=sum(sum(each.widths) for each in group),
            through=[str(place) for place in first.through],
            template=str(first.template or ""),
            plan=about.plans.get(shape),
        )


def told_finding(found: Finding) -> Found:
    proposal = found.proposal
    return Found(
        rule=found.rule,
        operation=found.operation,
        text=found.text,
        place=str(found.place or ""),
        index=[proposal.table, *proposal.columns] if proposal else [],
    )


def try_indexes(
    handler: WSGIHandler, request: Request, told: Operation, missing: list[str]
) -> None:
    for found in told.found:
        if found.index:
            table, *columns = found.index
            try:
                found.trial = indexes.trial(handler, request, rules.Proposal(table, tuple(columns)))
            except CopyError as error:
                missing.append(f"{told.name}: no index could be tried: {error}")


def unused_indexes(profiles: Profiles) -> Iterator[str]:
    """Of tables that were read, but for those that hold a rule."""
    used = {
        name
        for each in profiles.operations
        for statement in each.statements
        if statement.plan
        for name in statement.plan.indexes
    }
    for table in schema.tables():
        for name, index in indexes_of(connection, table).items():
            if not index.is_unique and name not in used:
                yield f"{table}.{name}"


if __name__ == "__main__":
    main()
