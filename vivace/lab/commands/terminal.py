"""What is shown while something is measured, and after."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def terminal(width: int = 120) -> Console:
    """The output, of a width for tables where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=width)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float, float], None]]:
    """A bar for each thing that is begun on a terminal, else a line.

    It is told what is being done, for how many seconds by now and in all.
    """
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:14}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, now: float, whole: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=whole)
                if not console.is_terminal:
                    say(f"{what}: {whole:.0f} s from {time.strftime('%H:%M:%S')} on")
            bar.update(tasks[what], completed=now)

        yield progress
