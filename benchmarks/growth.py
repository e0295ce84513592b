"""Do answers take as long from a library of 1,000,000 tracks as from one of 10,000?

python -m benchmarks.growth [--db postgresql] [--many 1000000] [--rate 40] [--pairs 6]

Two servers that make each answer anew, one of either library, are asked for the same in turn: some
seconds of arrivals at random moments, the same for both, an operation after the other. They are for
the few hundred pages and things that ten people come across: what is compared is p99 of these, from
when a request was due. Exits with 1 where p99 of the large library is more than 1.5 times that of
the small one, or a request failed or was refused.
"""

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from benchmarks.trials import Trial
from vivace.lab import knee, load, probes, ratios, stacks
from vivace.lab.commands.knee import P99_MS
from vivace.lab.commands.terminal import say
from vivace.lab.knee import Ask
from vivace.lab.probed import Order, Sent
from vivace.lab.results import DATABASES, Data, Database
from vivace.lab.stacks import Cores, Served
from vivace.lab.trials import Measured
from vivace.lab.wording import count, figure

AT_MOST = 1.5
FEW = 10_000
SPOILT_SHARE = 0.1
"""Of the probes in which the generator may have been late; a median does not mind so few."""
SETTLE_S, SECONDS = 0.5, 5.0
OPERATIONS = (
    "GET /tracks (page)",
    "GET /tracks (genre)",
    "GET /albums/{id}/tracks",
    "GET /tracks/{id}",
    "GET /artists (page)",
    "GET /search",
)


class Pair(NamedTuple):
    """What came of the same arrivals at both."""

    few: Sent
    many: Sent


def library(tracks: int) -> Data:
    """Of the proportions of the library of load tests."""
    usual = stacks.LIBRARY
    return Data(
        artists=tracks * usual.artists // usual.tracks,
        albums=tracks * usual.albums // usual.tracks,
        tracks=tracks,
        seed=usual.seed,
    )


def asked(
    few: probes.Sender, many: probes.Sender, rate: float, pairs: int
) -> Mapping[str, list[Pair]]:
    found: dict[str, list[Pair]] = {operation: [] for operation in OPERATIONS}
    for seed in range(pairs + 1):
        for operation in OPERATIONS:
            order = probes.ordered(operation, Ask(rate, SETTLE_S, SECONDS, seed), P99_MS)
            order.clump = 0
            pair = asked_of_both(few, many, order)
            # People log in and look around before the first.
            if seed:
                found[operation].append(pair)
                print(
                    f"{seed:3}  {operation:<26} p99 {pair.few.p99_ms:8.2f} ms of few"
                    f" {pair.many.p99_ms:8.2f} ms of many",
                    flush=True,
                )
    return found


def asked_of_both(few: probes.Sender, many: probes.Sender, order: Order) -> Pair:
    """Now one first, now the other."""
    if random.random() < 0.5:
        of_few = few.send(order)
        return Pair(of_few, many.send(order))
    of_many = many.send(order)
    return Pair(few.send(order), of_many)


def figures(found: Mapping[str, Sequence[Pair]]) -> Iterator[Measured]:
    for operation, pairs in found.items():
        few = [pair.few.p99_ms for pair in pairs]
        times = ratios.ratio([pair.many.p99_ms for pair in pairs], few)
        is_known = len(pairs) > 1
        yield Measured(
            what=f"p99 of {operation}, the large library by the small", at_most=AT_MOST,
            value=times.ratio, low=times.low if is_known else None,
            high=times.high if is_known else None,
        )  # fmt: skip
        yield Measured(what=f"p99 of {operation}, the small library", value=median(few), unit="ms")
    lost = sum(each.failures + each.refusals for each in every(found))
    yield Measured(what="requests that failed or were refused", value=lost, at_most=0)


def every(found: Mapping[str, Sequence[Pair]]) -> list[Sent]:
    return [sent for pairs in found.values() for pair in pairs for sent in pair]


def faults(found: Mapping[str, Sequence[Pair]]) -> list[str]:
    spoilt = sum(map(knee.generator_spoilt, every(found)))
    if spoilt > SPOILT_SHARE * len(every(found)):
        return [f"the generator was the bottleneck in {spoilt} of {len(every(found))} probes"]
    return []


def served(stack: ExitStack, database: Database, cores: Cores, tracks: int) -> Served:
    return stack.enter_context(
        stacks.served(database, cores, probes.ACCOUNTS, say, stacks.UNKEPT, data=library(tracks))
    )


def main() -> int:
    trial = Trial("growth", __doc__)
    trial.parser.add_argument("--db", choices=DATABASES, default="sqlite")
    trial.parser.add_argument("--many", type=int, default=1_000_000)
    trial.parser.add_argument("--rate", type=float, default=40)
    trial.parser.add_argument("--pairs", type=int, default=6)
    options = trial.parsed()
    cores, users = stacks.shared_out(), load.Users()
    with ExitStack() as stack:
        few, many = (served(stack, options.db, cores, tracks) for tracks in (FEW, options.many))
        of_few, of_many = (
            stack.enter_context(probes.sender(each.base, cores, *users.options))
            for each in (few, many)
        )
        found = asked(of_few, of_many, options.rate, options.pairs)
    server = (
        f"{many.what}, of each library: {count(FEW)} and {count(options.many)} tracks,"
        f" {figure(options.rate)} arrivals a second"
    )
    return trial.concluded(
        options.db, server, [*figures(found)], faults(found), programs=many.programs
    )


if __name__ == "__main__":
    sys.exit(main())
