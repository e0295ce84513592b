"""Copies of a database, so that the one that was there is neither written nor slowed."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

OURS = "vivace_lab_"
"""Begins the names of copies."""
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


class CopyError(Exception):
    """No copy can be made; the message is one line and says why."""


@contextmanager
def on_a_copy() -> Iterator[None]:
    """The default database is a copy of itself in the block. Raises `CopyError`."""
    told = connections.databases[DEFAULT_DB_ALIAS]
    with copy_of(connections[DEFAULT_DB_ALIAS]) as wrapper:
        original = told["NAME"]
        connections[DEFAULT_DB_ALIAS].close()
        told["NAME"] = wrapper.settings_dict["NAME"]
        del connections[DEFAULT_DB_ALIAS]
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS].close()
            told["NAME"] = original
            del connections[DEFAULT_DB_ALIAS]


@contextmanager
def copy_of(wrapper: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """A connection to a copy, which goes after the block. Raises `CopyError`."""
    makers = {"sqlite": sqlite_copy, "postgresql": postgresql_copy}
    if wrapper.vendor not in makers:
        raise CopyError(f"a database of {wrapper.display_name} cannot be copied")
    with makers[wrapper.vendor](wrapper.settings_dict) as name:
        copy = type(wrapper)({**wrapper.settings_dict, "NAME": name}, wrapper.alias)
        try:
            yield copy
        finally:
            copy.close()


@contextmanager
def sqlite_copy(told: dict[str, Any]) -> Iterator[str]:
    source = Path(told["NAME"])
    if not source.is_file():
        raise CopyError(f"{source} is not a file, so there is nothing to copy")
    with TemporaryDirectory(prefix="vivace-lab-") as folder:
        target = Path(folder) / "copy.sqlite3"
        try:
            address = f"{source.absolute().as_uri()}?mode=ro"
            with (
                closing(sqlite3.connect(address, uri=True)) as old,
                closing(sqlite3.connect(target)) as new,
            ):
                old.backup(new)
        except sqlite3.Error as error:
            raise CopyError(f"{source} cannot be copied: {error}") from error
        yield str(target)


@contextmanager
def postgresql_copy(told: dict[str, Any]) -> Iterator[str]:
    name = f"{OURS}{os.getpid()}_{os.urandom(3).hex()}"
    source = told["NAME"]
    where = {"host": told["HOST"], "port": told["PORT"], "user": told["USER"]}
    where |= {"password": told["PASSWORD"], "dbname": "postgres"}
    connections[DEFAULT_DB_ALIAS].close()
    try:
        server = psycopg.connect(
            **{key: value for key, value in where.items() if value}, autocommit=True
        )
    except psycopg.Error as error:
        raise CopyError(f"{source} cannot be copied: {one_line(error)}") from error
    with server:
        if source.startswith(OURS):
            # What a request left open would be in the way of a second copy.
            server.execute(END_SESSIONS, [source])
        try:
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(source)
                )
            )
        except psycopg.Error as error:
            raise CopyError(f"{source} cannot be copied: {one_line(error)}") from error
        try:
            yield name
        finally:
            server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def keep_connections() -> None:
    """Have no request close the connection that a transaction around it needs.

    Django's own test client does the same.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)


@contextmanager
def undone() -> Iterator[None]:
    """What is written in the block is undone after it, on every database of the project."""
    with ExitStack() as stack:
        for alias in connections:
            block = transaction.atomic(using=alias)
            # As Django's own TestCase does: what insists on the outermost block may run in it.
            block._from_testcase = True  # type: ignore[attr-defined]
            stack.enter_context(block)
            stack.callback(roll_back, alias)
        yield


def roll_back(alias: str) -> None:
    if connections[alias].in_atomic_block:
        transaction.set_rollback(True, using=alias)
