"""An upgrade while people read, in the order of docs/deploy.md.

    the new version in place → `vivace migrate` with it → node after node reloads

All processes import Vivace from one path. What is there is the old version first, and then the new
one; a process goes on with what it has loaded. Both run on the packages that are installed here.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks.sites import Node, OverSocket, Site
from vivace.lab import front, revisions, servers

OLD, NEW = "old", "new"
MARKS = "vivace/api/static/version"
"""A version has a file with its name there. Static files are found as the application loads, in the
folders of the modules that it consists of, and one that came later is not there: who has the file
has loaded the version. Nothing that runs is changed by it."""


class Upgrade:
    """From one version to another, each in a folder, and what came of it."""

    def __init__(self, current: Path, old: Path, new: Path) -> None:
        self.current, self.new = current, new
        for name, tree in ((OLD, old), (NEW, new)):
            marks = tree / MARKS
            marks.mkdir(parents=True)
            (marks / name).touch()
        current.symlink_to(old)
        self.migrations: set[tuple[str, str]] = set()
        """Apps and names of those that the new version brought."""
        self.not_yet = 0
        """Nodes that were still on the old version when these had been applied."""
        self.upgraded = 0
        """Nodes that were on the new version when they had reloaded."""

    @property
    def environment(self) -> dict[str, str]:
        """Has Python import Vivace from the path, and not from the folder that it is started in."""
        return {"PYTHONPATH": str(self.current), "PYTHONSAFEPATH": "1"}

    def put_in_place(self, at: Site) -> None:
        # A worker that is still loading would get some of each.
        if not all(has_loaded(node, OLD) for node in at.nodes):
            raise RuntimeError("The nodes serve something else than the old version")
        self.switch()

    def switch(self) -> None:
        """At once: there is no moment in which nothing is there."""
        link = self.current.with_name(NEW)
        link.symlink_to(self.new)
        link.replace(self.current)

    def migrate(self, at: Site) -> None:
        before = applied(at.database)
        command = [sys.executable, "-m", "vivace", "migrate"]
        subprocess.run(command, env=at.nodes[0].environment, check=True)
        self.migrations = applied(at.database) - before
        self.not_yet = sum(has_loaded(node, OLD) for node in at.nodes)

    def reload(self, node: Node) -> None:
        node.reload()
        self.upgraded += has_loaded(node, NEW)


@contextmanager
def upgrade(revision: str) -> Iterator[Upgrade]:
    """From a revision to the working tree. Raises `ResultError`."""
    with (
        revisions.tree(revision) as old,
        revisions.tree(revisions.WORKING_TREE) as new,
        servers.owned_folder() as folder,
    ):
        yield Upgrade(folder / "current", old, new)


def applied(database: str) -> set[tuple[str, str]]:
    with psycopg.connect(database) as connection:
        return {*connection.execute("SELECT app, name FROM django_migrations")}


def has_loaded(node: Node, version: str) -> bool:
    """Whether each of its Gunicorns has, which are to have one worker each.

    One that is still loading answers when it has.
    """
    return all(answers(front.socket_of(lane, node.folder), version) for lane in front.LANES)


def answers(socket: Path, version: str) -> bool:
    with closing(OverSocket(socket)) as connection:
        # Not GET: the path leads to the other version by now.
        connection.request("HEAD", f"/static/version/{version}")
        return connection.getresponse().status == 200
