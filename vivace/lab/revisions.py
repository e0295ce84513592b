"""The code of a revision in a folder of its own, to be measured beside the working tree's."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from vivace.lab.machine import CHECKOUT
from vivace.lab.results import ResultError

WORKING_TREE = "."
PACKAGE, LAB = "vivace", "vivace/lab"
MIGRATIONS = "vivace/*/migrations/0*.py"


@contextmanager
def tree(revision: str) -> Iterator[Path]:
    """A folder with the product as it was at a revision, and the lab as it is now.

    Both sides of a comparison are thus measured by the same lab, and nothing else in the checkout
    is seen. The working tree is copied: what is edited meanwhile does not count. Raises
    `ResultError`.
    """
    commit = "" if revision == WORKING_TREE else commit_of(revision)
    with TemporaryDirectory(prefix="vivace-", ignore_cleanup_errors=True) as folder:
        if commit:
            unpack(commit, Path(folder))
            lay_lab_over(Path(folder))
        else:
            copy_package(PACKAGE, Path(folder))
        yield Path(folder)


def described(revision: str) -> str:
    """`HEAD (1d51ae7)`; `the working tree`. Raises `ResultError`."""
    if revision == WORKING_TREE:
        return "the working tree"
    commit = commit_of(revision)[:7]
    return commit if revision.startswith(commit) else f"{revision} ({commit})"


def commit_of(revision: str) -> str:
    """Its full name. Raises `ResultError`."""
    # Else a revision that looks like an option would be read as one.
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    done = git(*asked)
    if done.returncode:
        raise ResultError(f"{revision}: {why_not()}")
    return done.stdout.decode().strip()


def before_newest_migration() -> str:
    """The full name of the commit before the one that last added a migration.

    Raises `ResultError`, also in a shallow clone that does not reach as far.
    """
    # Where a shallow clone begins, all files seem to be added, by a commit without a parent.
    asked = ["log", "-1", "--diff-filter=A", "--format=%P", "--", MIGRATIONS]
    parents = git(*asked).stdout.decode().split()
    if not parents:
        raise ResultError(f"The commit before the newest migration: {why_not()}")
    return parents[0]


def why_not() -> str:
    if git("rev-parse", "--git-dir").returncode:
        return f"{CHECKOUT} is no checkout of Git's, so there are no revisions"
    return "there is no such revision in this checkout"


def unpack(commit: str, folder: Path) -> None:
    archive = git("archive", "--format=tar", commit, PACKAGE)
    if archive.returncode:
        raise ResultError(f"{commit}: there is no folder {PACKAGE} in it")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def lay_lab_over(folder: Path) -> None:
    shutil.rmtree(folder / LAB, ignore_errors=True)
    copy_package(LAB, folder)


def copy_package(name: str, folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored)


def git(*words: str) -> "subprocess.CompletedProcess[bytes]":
    """What it came to; where there is no Git, as where it refuses."""
    command = ["git", "-C", str(CHECKOUT), *words]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 1, b"", b"")
