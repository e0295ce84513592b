"""What measurements are taken on, and of which versions."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

import vivace
from vivace.lab.results import Machine, Versions

CHECKOUT = Path(vivace.__file__).parents[1]
CPU_INFO = Path("/proc/cpuinfo")


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


def vivace_version() -> str:
    """The version, with the commit and whether anything was changed since, in a checkout."""
    asked = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=7"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return vivace.__version__
    return f"{vivace.__version__} ({done.stdout.strip()})"


def program_version(program: str, *arguments: str) -> str:
    """The number in what a program says of itself, or else all of that."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    said = (done.stdout or done.stderr).splitlines()[0]
    number = re.search(r"\d+(\.\d+)+", said)
    return number[0] if number else said
