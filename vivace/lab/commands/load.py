"""`vivace lab load`"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from vivace.lab.commands.arguments import add_results, seconds
from vivace.lab.commands.terminal import progress_bar, say, terminal

HELP = "users of a server, by Locust"

MISSED, NO_VERDICT = 3, 4
"""Exit codes; 1 stands for a test that could not be made at all."""

SPARE_ACCOUNTS = 100
"""Several generator processes may number their users unevenly."""


def add_arguments(parser: ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("profiles", nargs="*", metavar="profile", help="default: assignment")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=seconds, help="to measure, instead of the profile's")
    parser.add_argument("--rate", type=seconds, help="arrivals a second of open profiles")
    parser.add_argument(
        "--host", metavar="URL", help="a server that is there, not one of the lab's"
    )
    parser.add_argument("--account", default="demo", help="at that server; {} is a user's number")
    parser.add_argument("--password", default="vivace-demo", help="of the account")
    parser.add_argument("--allow-remote", action="store_true", help="let --host be another machine")


def run(options: dict[str, Any]) -> None:
    from vivace.lab import load
    from vivace.lab.profiles import PROFILES

    names, host, folder = options["profiles"], options["host"], options["results"]
    if unknown := [name for name in names if name not in PROFILES]:
        raise CommandError(f"There is no profile {unknown[0]!r}, only {', '.join(PROFILES)}")
    chosen = [
        PROFILES[name].altered(options["seconds"], options["rate"])
        for name in names or ["assignment"]
    ]
    if host:
        if any(profile.freeze_s for profile in chosen):
            raise CommandError("The lab stops no servers but its own: no frozen with --host")
        load.refuse_strangers(host, allow_remote=options["allow_remote"])
        verdicts = measure_there(chosen, host, options["account"], options["password"], folder)
    else:
        verdicts = serve_and_measure(chosen, options["db"], folder)
    if "none" in verdicts:
        sys.exit(NO_VERDICT)
    if "missed" in verdicts:
        sys.exit(MISSED)


def measure_there(
    profiles: Sequence[Any], host: str, account: str, password: str, folder: Path
) -> list[str]:
    """The verdicts, of a server that was there before."""
    from vivace.lab import load, stacks
    from vivace.lab.outcome import Test

    users = load.Users(account, password)
    server = load.elsewhere(host)
    tests = [
        Test(profile, "other", server, stacks.shared_out(apart=profile.apart))
        for profile in profiles
    ]
    return [measure(test, users, folder) for test in tests]


def serve_and_measure(profiles: Sequence[Any], db: Any, folder: Path) -> list[str]:
    """The verdicts, of a server of the lab's own."""
    from vivace.lab import load, stacks
    from vivace.lab.outcome import Test

    verdicts = []
    for apart, alike in groupby(profiles, attrgetter("apart")):
        together = [*alike]
        cores = stacks.shared_out(apart=apart)
        accounts = max(profile.users for profile in together) + SPARE_ACCOUNTS
        with stacks.served(db, cores, accounts, say) as server:
            tests = [Test(profile, db, server, cores) for profile in together]
            verdicts += [measure(test, load.Users(), folder) for test in tests]
    return verdicts


def measure(test: Any, users: Any, folder: Path) -> str:
    """The verdict. The result is written as soon as it is there."""
    from vivace.lab import load, results

    with progress_bar() as progress:
        found = load.run(test, users, progress)
    path = results.save(folder, found)
    terminal().print(load.table(found))
    say(load.summary(found))
    say(f"Result: {path}")
    return found.verdict
