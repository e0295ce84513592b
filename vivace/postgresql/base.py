"""The connection of each thread.

A PostgreSQL that recovers, hangs or cannot be reached may let whoever connects wait, and with them
wait all requests behind. So a connection that was lost is looked for by a thread of its own. The
first request waits for it a moment; those that come while there is none do not, and the first to
come after there is one has it.
"""

import math
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Any, ClassVar

import psycopg
from django.db.backends.postgresql import base
from django.db.utils import OperationalError

OLD_SECONDS = 1.0
"""What an attempt failed by may no longer be so after that."""
ALIVE_SECONDS = 0.1
"""A connection that answered is not asked whether it does, for so long."""


class DatabaseWrapper(base.DatabaseWrapper):
    patience: ClassVar[float | None] = None
    """Seconds that a request waits for a connection that was lost; None for as long as it takes.

    The first one of a thread is waited for: a new process serves late rather than refuse.
    """

    is_first = True
    attempt: "Attempt | None" = None
    answered_at = -math.inf
    """By `monotonic`: when it was asked whether it does, or for something past Django's cursors."""
    health_check_done: bool
    """Django's own, of the request at hand."""

    def get_new_connection(self, conn_params: Any) -> Any:
        connect = partial(super().get_new_connection, conn_params)
        if self.is_first or self.patience is None:
            self.is_first = False
            return connect()
        return self.found_soon(connect, self.patience)

    def is_usable(self) -> bool:
        usable: bool = super().is_usable()
        if usable:
            self.answered_at = monotonic()
        return usable

    def close_if_health_check_failed(self) -> None:
        # Django would ask with each request: a third of the time of a page that is made anew.
        self.health_check_done |= monotonic() - self.answered_at <= ALIVE_SECONDS
        super().close_if_health_check_failed()

    def found_soon(self, connect: Callable[[], Any], patience: float) -> Any:
        """Raises `OperationalError`, and what the last attempt failed by."""
        attempt = self.attempt
        if attempt is None or attempt.is_useless():
            attempt = self.attempt = Attempt(connect)
            attempt.ended.wait(patience)
        if not attempt.ended.is_set():
            raise OperationalError("There is no connection yet")
        self.attempt = None
        if attempt.error:
            self.attempt = Attempt(connect)
            raise attempt.error
        return attempt.connection


class Attempt:
    """To connect, while others go on."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.connection: Any = None
        self.error: Exception | None = None
        self.ended = Event()
        self.ended_at = 0.0
        Thread(target=self.run, args=[connect], daemon=True).start()

    def run(self, connect: Callable[[], Any]) -> None:
        try:
            self.connection = connect()
        except Exception as error:  # noqa: BLE001 - it is raised for whoever asks
            self.error = error
        self.ended_at = monotonic()
        self.ended.set()

    def is_useless(self) -> bool:
        """Whether it failed some time ago, or the connection it found was lost since."""
        if not self.ended.is_set() or monotonic() - self.ended_at <= OLD_SECONDS:
            return False
        return self.connection is None or not answers(self.connection)


def answers(connection: Any) -> bool:
    try:
        connection.execute("SELECT 1")
        connection.rollback()  # Django has yet to tell it that there are no transactions
    except psycopg.Error:
        connection.close()
        return False
    return True
