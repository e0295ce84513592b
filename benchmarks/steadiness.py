"""Does `vivace lab gate` count the same code to the same, and see a hundredth more?

python -m benchmarks.steadiness [--pairs 10] [--comparisons 200]

Counts the instructions of this code in so many pairs of runs side by side, each with a library of
its own, and tells how far they are apart. Then each handler of a copy burns 1 % more of them, which
has to be told of each. Then the other counts of this code are set so often beside those of the same
code, where nothing is to be told. Exits with 1 where anything was otherwise.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks.sensitivity import burn, plant
from vivace.lab import gate, prepared, revisions
from vivace.lab.gate_results import Counts
from vivace.lab.profiling.calling import Request
from vivace.lab.profiling.instructions import METHODS
from vivace.lab.profiling.preparing import requests_path

SHARE = 0.01
STEADY = 0.000_005
"""To three places of a percent, nothing."""
LOOPS = 1_000
"""Burned to see how many instructions each takes."""

Instructions = Mapping[str, int]
"""By operation."""


def instructions(counted: Sequence[Counts]) -> Instructions:
    return {each.operation: each.instructions for each in counted if each.instructions}


def counted(old: Path, new: Path, *, with_instructions: bool) -> tuple[list[Counts], list[Counts]]:
    return gate.both(old, new, "the base", "sqlite", with_instructions=with_instructions)


def are_steady(pairs: int) -> bool:
    found: dict[str, set[int]] = {}
    for _ in range(pairs):
        started = time.perf_counter()
        # Trees of their own, as in the gate: code compiled before lies elsewhere in memory.
        with (
            revisions.tree(revisions.WORKING_TREE) as one,
            revisions.tree(revisions.WORKING_TREE) as other,
        ):
            both = counted(one, other, with_instructions=True)
        for counts in both:
            for name, taken in instructions(counts).items():
                found.setdefault(name, set()).add(taken)
        print(f"  two runs side by side: {time.perf_counter() - started:.0f} s", flush=True)
    spreads = {name: max(taken) / min(taken) - 1 for name, taken in found.items()}
    widest = max(spreads, key=lambda name: spreads[name])
    print(f"{2 * pairs} runs of {len(spreads)} operations: the instructions of each are at most"
          f" {spreads[widest]:.4%} apart ({widest})", flush=True)  # fmt: skip
    return spreads[widest] < STEADY


def is_seen(base: Path, burning: Path, requests: Sequence[Request]) -> bool:
    """Whether a hundredth more is told of every operation."""
    burn(base, requests, {})
    burn(burning, requests, {each.operation: LOOPS for each in requests})
    before, after = map(instructions, counted(base, burning, with_instructions=True))
    each_loop = {name: (after[name] - before[name]) / LOOPS for name in before}
    loops = {name: round(SHARE * before[name] / each_loop[name]) for name in before}
    burn(burning, requests, loops)
    changes = gate.changes(*counted(base, burning, with_instructions=True))
    more = {each.operation: each for each in changes if each.count == "instructions"}
    shares = [each.after / each.before - 1 for each in more.values()]
    print(f"{SHARE:.0%} more is told of {len(more)} of {len(before)} operations, as"
          f" {min(shares, default=0):.3%} to {max(shares, default=0):.3%}", flush=True)  # fmt: skip
    return more.keys() == before.keys()


def are_alike(tree: Path, comparisons: int) -> bool:
    alarms = 0
    for number in range(1, comparisons + 1):
        changes = gate.changes(*counted(tree, tree, with_instructions=False))
        alarms += bool(changes)
        for each in changes:
            print(f"  {number}: {gate.line(each, 'sqlite')}", flush=True)
    print(f"{alarms} of {comparisons} comparisons of the same code tell a change")
    return not alarms


def main() -> int:
    options = parsed()
    with ExitStack() as stack:
        tree, base, burning = (
            stack.enter_context(revisions.tree(revisions.WORKING_TREE)) for _ in range(3)
        )
        for each in (base, burning):
            plant(each)
        library = stack.enter_context(prepared.library(tree, "sqlite"))
        content = requests_path(library.folder).read_bytes()
        requests = msgspec.json.decode(content, type=list[Request])
        counting = [each for each in requests if each.method in METHODS]
        as_it_should_be = [
            are_steady(options.pairs),
            is_seen(base, burning, counting),
            are_alike(tree, options.comparisons),
        ]
    return int(not all(as_it_should_be))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--comparisons", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
