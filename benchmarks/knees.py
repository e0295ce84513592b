"""Does `vivace lab knee` find the same knees twice?

python -m benchmarks.knees [--db sqlite] [--apart 0.05]

Looks twice for the knee of each of three operations, of one server that makes each answer anew. The
two searches know nothing of each other and take turns, a probe each: a machine that is slower for
a while is so for both, and what parts them is the method. Exits with 1 where a knee is further
apart than allowed, or was not found, or where generator and server share a core.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NamedTuple

from vivace.lab import knee, load, probes, stacks
from vivace.lab.commands.knee import P99_MS
from vivace.lab.commands.terminal import progress_bar, say, terminal
from vivace.lab.results import Database, Knee, KneeResult

TIMES = 2


class Twice(NamedTuple):
    """The two findings of one operation."""

    operation: str
    found: Sequence[Knee]

    @property
    def apart(self) -> float | None:
        """By which share the higher is above the lower; None where one was not found."""
        rates = [each.knee for each in self.found if each.knee]
        return max(rates) / min(rates) - 1 if len(rates) == TIMES else None


def searched(database: Database) -> KneeResult:
    cores = stacks.shared_out()
    if not cores.apart:
        sys.exit("The generator needs a core of its own.")
    operations = [operation for operation in knee.USUAL for _ in range(TIMES)]
    with (
        stacks.served(database, cores, probes.ACCOUNTS, say, stacks.UNKEPT) as server,
        progress_bar() as progress,
    ):
        sought = probes.Sought(operations, P99_MS, database, server, cores, kept=False)
        return probes.run(sought, load.Users(), progress)


def twice(found: KneeResult) -> list[Twice]:
    return [
        Twice(operation, [each for each in found.operations if each.operation == operation])
        for operation in knee.USUAL
    ]


def said(each: Twice) -> str:
    if each.apart is None:
        return f"{each.operation}: {' '.join(knee.why for knee in each.found if knee.why)}"
    rates = " and ".join(f"{found.knee:,.0f}" for found in each.found)
    return f"{each.operation}: {rates} a second, {each.apart:.1%} apart"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.knees")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--apart", type=float, default=0.05, metavar="SHARE")
    options = parser.parse_args()

    found = searched(options.db)
    terminal().print(probes.table(found))
    both = twice(found)
    for each in both:
        print(said(each))
    if any(each.apart is None or each.apart > options.apart for each in both):
        sys.exit(1)


if __name__ == "__main__":
    main()
