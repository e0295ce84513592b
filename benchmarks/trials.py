"""What a script asks, what it found out, and whether that is as it should be: told and kept.

    trial = Trial("overload", __doc__)
    options = trial.parsed()
    return trial.concluded(database, server, measured)

The report has what is kept (`vivace.lab.trials`).
"""

from argparse import ArgumentParser, Namespace, RawTextHelpFormatter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from msgspec.structs import replace

from vivace.lab import pace, trials
from vivace.lab.commands.arguments import add_results
from vivace.lab.machine import machine, versions
from vivace.lab.outcome import PACKAGES
from vivace.lab.results import Database
from vivace.lab.trials import Measured, TrialResult
from vivace.lab.wording import interval


class Trial:
    """One run of a script, whose docstring begins with what it asks."""

    def __init__(self, name: str, about: str | None) -> None:
        self.name, self.asks = name, (about or "").partition("\n")[0]
        self.program = f"python -m benchmarks.{name}"
        self.started_at = datetime.now(UTC)
        self.versions = versions(PACKAGES)
        self.parser = ArgumentParser(
            prog=self.program, description=about, formatter_class=RawTextHelpFormatter
        )
        add_results(self.parser)

    def parsed(self, arguments: Sequence[str] | None = None) -> Namespace:
        """What the command line says, once the script has told its own options to `parser`."""
        self.options = self.parser.parse_args(arguments)
        self.before_ms = pace.work_ms()
        return self.options

    @property
    def command(self) -> str:
        """As somebody would type it, without what is as usual and where results go."""
        told = {
            name: value
            for name, value in vars(self.options).items()
            if name != "results" and value != self.parser.get_default(name)
        }
        words = (f"--{name}{'' if value is True else f' {value}'}" for name, value in told.items())
        return " ".join([self.program, *words])

    def concluded(
        self,
        database: Database,
        server: str,
        measured: Sequence[Measured],
        wrong: Sequence[str] = (),
        *,
        of: str = "",
        programs: Mapping[str, str] = MappingProxyType({}),
    ) -> int:
        """The exit code: 1 where a promise was not kept, or something is wrong with the trial.

        Prints a line for each figure and keeps them, under the script's name and what it was a
        trial of, where one script makes several.
        """
        packages = {**self.versions.packages, **programs}
        result = TrialResult(
            name=f"{self.name}-{of}" if of else self.name,
            asks=self.asks,
            command=self.command,
            database=database,
            server=server,
            started_at=self.started_at.isoformat(timespec="seconds"),
            machine=machine(),
            pace=pace.since(self.before_ms),
            versions=replace(self.versions, packages=packages),
            measured=[*measured],
            wrong=[*wrong],
        )
        print(*map(line, measured), *wrong, sep="\n")
        print(f"Result: {trials.save(self.options.results, result)}", flush=True)
        return int(bool(wrong) or not all(each.met for each in measured))


def line(each: Measured) -> str:
    between = f" ({interval(*each.interval)})" if each.interval else ""
    promised = f", {each.bound}: {'met' if each.met else 'MISSED'}" if each.bound else ""
    return f"{each.what}: {each.told}{between}{promised}"
