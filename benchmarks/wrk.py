"""wrk: as many requests over so many connections as a server answers."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from vivace.lab import servers

ERRORS = r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"


class Answered(NamedTuple):
    answers: int
    refused: int
    """Of these, with a status of 400 or more."""
    broken: int
    """Connections that were lost, and answers that took too long."""
    seconds: float

    @property
    def right_per_second(self) -> float:
        return (self.answers - self.refused) / self.seconds

    @property
    def wrong(self) -> int:
        return self.refused + self.broken


def asked(
    url: str,
    connections: int,
    seconds: int,
    *,
    threads: int = 1,
    headers: Mapping[str, str] = MappingProxyType({}),
    script: Path | None = None,
) -> Answered:
    """Raises `ServerMissingError`, and `CalledProcessError` where nothing listens there."""
    command = [servers.program("wrk"), f"-t{threads}", f"-c{connections}", f"-d{seconds}s"]
    command += [f"-H{name}: {value}" for name, value in headers.items()]
    command += [f"-s{script}"] if script else []
    return read(subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout)


def read(told: str) -> Answered:
    """Of what wrk says at its end."""
    summary = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)\b", told)
    if not summary:
        raise ValueError(f"wrk says nothing that is known: {told!r}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(ERRORS, told)
    unit = {"ms": 0.001, "s": 1.0, "m": 60.0}[summary[3]]
    return Answered(
        answers=int(summary[1]),
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, broken.groups())) if broken else 0,
        seconds=float(summary[2]) * unit,
    )
