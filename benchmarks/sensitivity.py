"""Does `vivace lab compare` find what is slower, and nothing else?

python -m benchmarks.sensitivity [--slowdowns 30] [--identical 100] [--operations 3] [--seed 1]

Each comparison has three processes of its own and looks at a few operations, drawn by chance. For
a slowdown, a handler of a copy of this code burns 5 to 20 % of the processor time of one of them;
it has to be found, and no other. Of identical pairs both sides are this code. Exits with 1 when a
slowdown was missed, or more than one identical pair in a hundred was called different.
"""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import msgspec

from vivace.lab import compare, prepared, revisions
from vivace.lab.compare_results import Compared
from vivace.lab.prepared import Library
from vivace.lab.profiling.calling import Request
from vivace.lab.profiling.preparing import requests_path
from vivace.lab.profiling.timing import Visit

SMALLEST, LARGEST = 0.05, 0.20
IDENTICAL_MAX = 0.01
CALIBRATED = 60
"""Requests whose median tells how much a share of an operation is."""
LOOPS = 200_000

BURNING = """
import json
from itertools import repeat
from pathlib import Path

LOOPS = json.loads(Path(__file__).with_suffix(".json").read_text())

def burning(get_response):
    def burn(request):
        for _ in repeat(None, LOOPS.get(f"{request.method} {request.path}", 0)):
            pass
        return get_response(request)
    return burn
"""
SETTING = '\nMIDDLEWARE = [*MIDDLEWARE, "vivace.burning.burning"]\n'


class Lab(NamedTuple):
    """What all comparisons share."""

    library: Library
    slowed: Path
    """The tree whose handlers burn what is written in it."""
    requests: list[Request]


class Trial(NamedTuple):
    operations: list[str]
    slowed: str = ""
    share: float = 0.0
    """Of the processor time of an operation, that it burns in addition."""


@contextmanager
def prepared_lab() -> Iterator[Lab]:
    with (
        revisions.tree(revisions.WORKING_TREE) as tree,
        revisions.tree(revisions.WORKING_TREE) as slowed,
        prepared.library(tree, "sqlite") as library,
    ):
        plant(slowed)
        content = requests_path(library.folder).read_bytes()
        yield Lab(library, slowed, msgspec.json.decode(content, type=list[Request]))


def plant(tree: Path) -> None:
    """Have the handlers of a tree burn what `burn` writes down."""
    (tree / "vivace" / "burning.py").write_text(BURNING)
    with (tree / "vivace" / "settings.py").open("a") as settings:
        settings.write(SETTING)


def burn(tree: Path, requests: Iterable[Request], loops: Mapping[str, int]) -> None:
    """Write down how many empty loops the operations burn that are named."""
    named = {f"{each.method} {each.path}": loops.get(each.operation, 0) for each in requests}
    (tree / "vivace" / "burning.json").write_text(json.dumps(named))


def compared(lab: Lab, trial: Trial) -> list[Compared]:
    """As `vivace lab compare` does, but that the libraries are copies of one."""
    numbers = {each.operation: number for number, each in enumerate(lab.requests)}
    burn(lab.slowed, lab.requests, loops_of(lab, trial))
    tree = lab.slowed if trial.slowed else lab.library.tree
    with ExitStack() as stack:
        libraries = [
            stack.enter_context(prepared.copied(lab.library, each))
            for each in (lab.library.tree, tree, lab.library.tree)
        ]
        chosen = {name: (numbers[name], numbers[name]) for name in trial.operations}
        return compare.timed(libraries, chosen, lambda _done, _count, _name: None)


def loops_of(lab: Lab, trial: Trial) -> dict[str, int]:
    """How many empty loops are the share of the operation that is slowed."""
    slowed = (each for each in lab.requests if each.operation == trial.slowed)
    return {
        each.operation: math.ceil(trial.share * processor_seconds(lab, each) / loop_seconds())
        for each in slowed
    }


def processor_seconds(lab: Lab, request: Request) -> float:
    with (
        prepared.copied(lab.library, lab.library.tree) as library,
        compare.standing(library) as ask,
    ):
        number = lab.requests.index(request)
        ask(Visit(number, compare.WARMUPS))
        return ask(Visit(number, CALIBRATED)).processor


def loop_seconds() -> float:
    """The least of a few, since whatever comes between makes it longer."""
    return min(looped() for _ in range(20)) / LOOPS


def looped() -> float:
    started = time.process_time()
    for _ in repeat(None, LOOPS):
        pass
    return time.process_time() - started


def trials(lab: Lab, options: argparse.Namespace) -> Iterator[Trial]:
    randomness = random.Random(options.seed)
    names = [each.operation for each in lab.requests]
    for number in range(options.slowdowns):
        operations = randomness.sample(names, options.operations)
        share = SMALLEST + (LARGEST - SMALLEST) * number / max(1, options.slowdowns - 1)
        yield Trial(operations, operations[0], share)
    for _ in range(options.identical):
        yield Trial(randomness.sample(names, options.operations))


def faults(trial: Trial, found: Sequence[Compared]) -> list[str]:
    """What was said wrongly."""
    return [
        f"{each.operation} is called {each.verdict}: {compare.signed(each.change.ratio)},"
        f" {compare.signed(each.change.low)} to {compare.signed(each.change.high)}"
        for each in found
        if each.verdict != ("slower" if each.operation == trial.slowed else "none")
    ]


def main() -> int:
    options = parsed()
    missed, alarms = 0, 0
    with prepared_lab() as lab:
        for number, trial in enumerate(trials(lab, options), 1):
            started = time.perf_counter()
            found = compared(lab, trial)
            wrong = faults(trial, found)
            what = f"{trial.share:.1%} of {trial.slowed}" if trial.slowed else "identical"
            rounds = sum(len(each.rounds) for each in found)
            seconds = time.perf_counter() - started
            print(f"{number:3} {what}: {'; '.join(wrong) or 'as it should be'}"
                  f" ({rounds} rounds, {seconds:.0f} s)", flush=True)  # fmt: skip
            missed += bool(wrong and trial.slowed)
            alarms += bool(wrong and not trial.slowed)
    print(f"{options.slowdowns - missed} of {options.slowdowns} slowdowns found, and nothing else;"
          f" {alarms} of {options.identical} identical pairs called different")  # fmt: skip
    return int(missed > 0 or alarms > IDENTICAL_MAX * options.identical)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--slowdowns", type=int, default=30)
    parser.add_argument("--identical", type=int, default=100)
    parser.add_argument("--operations", type=int, default=3, help="that a comparison looks at")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
