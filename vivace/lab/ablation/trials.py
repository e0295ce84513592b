"""A request, and what switches an optimisation off while it is made.

A trial is prepared once and then asked in turn, with the optimisation and without. What it needs
to be without, such as a copy of the database that lacks an index, is there until it is done.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import unquote_plus

import msgspec
from django.core.handlers.wsgi import WSGIHandler
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.accounts.models import User
from vivace.catalogue import lists
from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import copy_of
from vivace.lab.profiling.indexes import standing_in

API = "/api/v1"
JSON = "application/json"
PAGE, ALL_ARTISTS = "limit=100", "limit=10000"
"""The queries of most requests."""
TOLD = 200
"""Bytes of an unexpected answer that are shown."""

Off = Callable[[], AbstractContextManager[Any]]

read_page = lists.page
"""As the product has it, whatever stands in its place."""


class TrialError(Exception):
    """An optimisation cannot be measured here; the message is one line and says why."""


def nothing() -> None:
    pass


class Trial(NamedTuple):
    request: Request
    off: Off
    """The optimisation is switched off in the block, in this process alone."""
    told: Callable[[bytes], Any] = msgspec.json.decode
    """What came of a request, by its answer: with the optimisation the same as without."""
    fresh: Callable[[], None] = nothing
    """Follows each request, untimed: what that wrote goes."""
    through: Callable[..., Any] | None = None
    """What the request goes through before Django, where it does."""


class Client(NamedTuple):
    """An editor who asks Vivace in this process."""

    handler: WSGIHandler
    account: User
    until_done: ExitStack
    """Ends when the trial that is being prepared is done."""

    def get(self, path: str, query: str = "") -> Request:
        """The request, with a token of its own, which counts for some minutes."""
        kind, _, id_ = path.partition("/")
        operation = f"GET /{kind}/{{id}}" if id_ else f"GET /{kind}"
        return Request(operation, "GET", f"{API}/{path}", query, self.headers())

    def post(self, path: str, content: Any) -> Request:
        body, headers = msgspec.json.encode(content), self.headers()
        return Request(f"POST /{path}", "POST", f"{API}/{path}", "", headers, body, JSON)

    def headers(self) -> dict[str, str]:
        identity = Identity(self.account.pk, self.account.role)
        return {"Authorization": f"Bearer {tokens.issue(identity)}"}

    def answer(self, trial: Trial) -> bytes:
        """The body. Raises `TrialError` where it is no success."""
        request = trial.request
        found = call(trial.through or self.handler, request)
        if not found.is_success:
            raise TrialError(f"{request.operation}: {found.status} {found.body[:TOLD]!r}")
        return found.body

    def copy(self) -> BaseDatabaseWrapper:
        """A connection to a copy of the database. Raises `CopyError`."""
        return self.until_done.enter_context(copy_of(connections[DEFAULT_DB_ALIAS]))

    def connection(self, **told: Any) -> BaseDatabaseWrapper:
        """Another connection to the database, with other settings than the product's."""
        known = connections[DEFAULT_DB_ALIAS]
        other = type(known)({**known.settings_dict, **told}, known.alias)
        self.until_done.callback(other.close)
        return other

    def tuned(self, **options: Any) -> BaseDatabaseWrapper:
        """Another connection to the database, with other options of its driver."""
        known: dict[str, Any] = connection.settings_dict["OPTIONS"]
        return self.connection(OPTIONS={**known, **options})


def shown(request: Request) -> str:
    """Method, path and query as they read; a cursor does not."""
    parts = (part.partition("=") for part in request.query.split("&") if part)
    query = "&".join(
        f"{name}={'…' if name == 'cursor' else unquote_plus(value)}" for name, _, value in parts
    )
    return f"{request.operation}?{query}" if query else request.operation


def first(values: QuerySet[Any, Any], what: str) -> Any:
    """Raises `TrialError` where there is none."""
    for value in values[:1]:
        return value
    raise TrialError(f"the library has no {what}")


def replacing(target: Any, **instead: Any) -> Off:
    """What the target has by these names is something else."""
    return lambda: patch.multiple(target, **instead)


def asking(wrapper: BaseDatabaseWrapper) -> Off:
    """Another connection stands in for that of the product."""
    return lambda: standing_in(wrapper)


def together(*parts: Off) -> Off:
    @contextmanager
    def off() -> Any:
        with ExitStack() as stack:
            for part in parts:
                stack.enter_context(part())
            yield

    return off


COMPILED = [
    name
    for name, found in vars(lists).items()
    if hasattr(found, "cache_info") and name.endswith(("_statement", "_statements"))
]
"""The functions of `lists` that keep the statements which they have compiled."""


def compiled_apart() -> Off:
    """Lists compile statements that are kept for the next such block, and for no other."""
    kept = {name: lru_cache(None)(getattr(lists, name).__wrapped__) for name in COMPILED}
    return replacing(lists, **kept)
