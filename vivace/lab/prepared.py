"""A library of the lab's own for the code in a folder, and processes of that code that read it.

preparing ──→ library, requests ──→ counting, instructions, timing
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from sysconfig import get_path
from tempfile import TemporaryFile
from typing import NamedTuple

from vivace.lab import servers, stacks
from vivace.lab.profile import VIVACE, last_line, own_database
from vivace.lab.results import Database

SAME = {"DJANGO_SETTINGS_MODULE": VIVACE, "PYTHONHASHSEED": "0"}
"""Sets and dicts of two processes are in the same order."""


class TreeError(Exception):
    """The code cannot be measured; the message is one line, the last that its process said."""


class Library(NamedTuple):
    tree: Path
    """Where the code is."""
    folder: Path
    """Where the requests are, and the database, if it is a file."""
    environment: dict[str, str]

    def command(self, what: str) -> list[str]:
        """Of a module of `vivace.lab.profiling`, which the tree holds, too."""
        # Without `site`, which would have the checkout searched for packages as well.
        return [sys.executable, "-S", "-m", f"vivace.lab.profiling.{what}", str(self.folder)]


@contextmanager
def library(tree: Path, database: Database, **settings: str) -> Iterator[Library]:
    """A filled one. Raises `TreeError`, `ServerMissingError`."""
    with own_database(database) as own:
        made = Library(tree, Path(own["VIVACE_DATA_DIR"]), environment(own | settings))
        run(made, made.command("preparing"))
        yield made


@contextmanager
def copied(original: Library, tree: Path) -> Iterator[Library]:
    """One with the same in it, on SQLite, for code that has the same tables."""
    with servers.owned_folder() as folder:
        shutil.copytree(original.folder, folder, dirs_exist_ok=True)
        own = {"VIVACE_DATA_DIR": str(folder)}
        yield Library(tree, folder, original.environment | own)


def environment(own: dict[str, str]) -> dict[str, str]:
    # Every operation does its work: one that is switched off would be counted refusing.
    found = stacks.environment(own | SAME | stacks.UNKEPT | {"VIVACE_REGISTRATION": "on"})
    found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([get_path("purelib"), get_path("platlib")]))
    # It would keep Python from looking for the tree's own package first.
    found.pop("PYTHONSAFEPATH", None)
    return found


def run(made: Library, command: Sequence[str]) -> None:
    """Raises `TreeError`."""
    with TemporaryFile() as said:
        done = subprocess.run(
            command,
            cwd=made.tree,
            env=made.environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            check=False,
        )
        if done.returncode:
            said.seek(0)
            raise TreeError(last_line(said.read()))


def in_the_same_place() -> list[str]:
    """What precedes a command whose memory is to be laid out the same each time, if it can be."""
    command = ["setarch", "-R"]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return [] if done.returncode else command
