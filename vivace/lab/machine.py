"""What measurements are taken on, and of which versions."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

import vivace
from vivace.lab.results import Machine, Versions

CHECKOUT = Path(vivace.__file__).parents[1]
CPU_INFO = Path("/proc/cpuinfo")
MEASURED = ["vivace", "deploy", "requirements/base.txt", ":(exclude)vivace/lab"]
"""Paths of a checkout."""


def machine() -> Machine:
    """This one."""
    return Machine(
        cpu=cpu(),
        cores=os.cpu_count() or 1,
        memory_mb=psutil.virtual_memory().total >> 20,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def cpu() -> str:
    """The name that the processor gives itself."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def versions(packages: Sequence[str], **programs: str) -> Versions:
    """Of Vivace, of packages by their names, and of programs as they call themselves."""
    found = {name: found for name in packages if (found := package_version(name))}
    return Versions(vivace=vivace_version(), packages={**found, **programs})


def package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def vivace_version(checkout: Path = CHECKOUT) -> str:
    """The version; in a checkout with the last commit that changed what is measured.

    `-dirty` follows where that was changed since, and what tells such changes apart. What is
    written about it, and the lab itself, may change: measurements stay those of one product.
    """
    try:
        commit = git(checkout, "log", "-1", "--abbrev=7", "--format=%h", "--", *MEASURED)
        changed = git(checkout, "diff", "HEAD", "--", *MEASURED)
        changed += git(checkout, "ls-files", "--others", "--exclude-standard", "--", *MEASURED)
    except (OSError, subprocess.CalledProcessError):
        return vivace.__version__
    if not commit:
        # It is installed within somebody else's repository.
        return vivace.__version__
    dirty = f"-dirty-{sha256(changed.encode()).hexdigest()[:7]}" if changed else ""
    return f"{vivace.__version__} ({commit}{dirty})"


def git(checkout: Path, *arguments: str) -> str:
    """What git says. Raises `CalledProcessError`, and `OSError` where there is none."""
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def program_version(program: str, *arguments: str) -> str:
    """The number in what a program says of itself, or else all of that."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    said = (done.stdout or done.stderr).splitlines()[0]
    number = re.search(r"\d+(\.\d+)+", said)
    return number[0] if number else said
