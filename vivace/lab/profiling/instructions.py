"""How many instructions a request takes, in a process of the tree that runs under valgrind.

valgrind --tool=callgrind --instr-atstart=no … \\
    python -m vivace.lab.profiling.instructions FOLDER    asks what was prepared there

Callgrind writes a file for each request, named in it by its number.
"""

import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from vivace.lab.profiling.calling import call
from vivace.lab.profiling.databases import undone
from vivace.lab.profiling.preparing import ask, ready

WARMUPS = 10
"""The interpreter adapts its instructions to what they meet, until about the ninth run."""

METHODS = ("GET", "POST")
"""Of the others, queries, rows and steps say enough; all together take more than a minute."""

DUMPED = re.compile(r"^desc: Trigger: Client Request: (\d+)$", re.MULTILINE)
FUNCTION = re.compile(r"fn=\((\d+)\)(?: (.+?)(?:'\d+)?)?$")

ELSEWHERE = re.compile(
    r"_?_?(?:int_|libc_)?(?:malloc|calloc|realloc|free)(?:_consolidate)?|unlink_chunk.*|sysmalloc"
    r"|systrim.*|alloc_perturb|_PyObject_(?:Malloc|Calloc|Realloc|Free)|allocate_from_new_pool"
    r"|new_arena|find_name_in_mro|assign_version_tag.*|_PyType_Lookup"
)
"""Functions of which more or less is needed as memory was used before: those that look for a free
place, and Python's cache of attributes, which goes by addresses."""


def out_path(folder: Path) -> Path:
    return folder / "callgrind.out"


def main() -> None:
    handler, requests = ready()
    chosen = [(n, request) for n, request in enumerate(requests) if request.method in METHODS]
    for _, request in chosen:
        for _ in range(WARMUPS):
            ask(handler, request)
    callgrind = Callgrind()
    for number, request in chosen:
        with undone():
            callgrind.begin()
            call(handler, request)
            callgrind.end(number)


class Callgrind:
    """What counts, switched on once and never off: each time, all code would be translated anew."""

    def __init__(self) -> None:
        # It comes with `make dev`; whoever reads the files alone does without.
        self.hooks = import_module("pytest_codspeed.instruments.hooks.dist_instrument_hooks")
        self.handle = self.hooks.instrument_hooks_init()
        self.hooks.callgrind_start_instrumentation()

    def begin(self) -> None:
        """Count from zero."""
        self.hooks.instrument_hooks_start_benchmark(self.handle)

    def end(self, number: int) -> None:
        """Write down the count, by this number."""
        name = str(number).encode()
        self.hooks.instrument_hooks_set_executed_benchmark(self.handle, os.getpid(), name)


def read(folder: Path) -> dict[int, int]:
    """Number of the request → instructions, from the files that callgrind wrote."""
    return dict(dumps(folder))


def dumps(folder: Path) -> Iterator[tuple[int, int]]:
    out = out_path(folder)
    for path in out.parent.glob(f"{out.name}.*"):
        content = path.read_text("utf-8", errors="replace")
        if dumped := DUMPED.search(content):
            yield int(dumped[1]), counted(content)


def counted(content: str) -> int:
    """The instructions of all functions but those of `ELSEWHERE`.

    A line of a function holds a position and a count; behind `calls=` comes the count of the
    function that was called, which stands there itself as well.
    """
    names: dict[str, str] = {}
    total, leaves_out, is_of_called = 0, False, False
    for line in content.splitlines():
        if line and line[0] in "0123456789+-*":
            if not (leaves_out or is_of_called):
                total += int(line.rpartition(" ")[2])
            is_of_called = False
        elif line.startswith("calls="):
            is_of_called = True
        elif found := FUNCTION.search(line):
            number, name = found[1], found[2] or names[found[1]]
            names[number] = name
            if line.startswith("fn="):
                leaves_out = bool(ELSEWHERE.fullmatch(name))
    return total


if __name__ == "__main__":
    main()
