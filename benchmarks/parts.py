"""A plugin of pytest's that writes down each benchmark as it is measured: `--part PATH`.

`vivace.lab.bench` runs the benchmarks with it, shows from these lines how far they are, and makes
the result file of them. What a run that dies has measured is in them, too.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vivace.lab.bench import About, Begun, Failed, Line, Measured

NANOSECOND = 9
"""Decimals of a second: what the clock tells apart."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", type=Path, help="where each benchmark is written as it is measured")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--part"):
        config.pluginmanager.register(Part(path, config), "vivace-part")


class Part:
    def __init__(self, path: Path, config: pytest.Config) -> None:
        self.file = path.open("wb", buffering=0)
        config.add_cleanup(self.file.close)
        self.config = config
        self.failed = False
        self.parent = os.getppid()

    @property
    def measured(self) -> list[Any]:
        """Of pytest-benchmark's: all that ran so far."""
        benchmarks: list[Any] = self.session.benchmarks
        return benchmarks

    @property
    def session(self) -> Any:
        return self.config._benchmarksession  # type: ignore[attr-defined]

    def tell(self, line: Line) -> None:
        self.file.write(msgspec.json.encode(line, enc_hook=str) + b"\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:
            self.tell(About(len(session.items), self.results([])))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if os.getppid() != self.parent:
            pytest.exit("nobody is there any more to read what is measured")
        self.told = len(self.measured)
        self.failed = False
        self.tell(Begun(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = True
            self.tell(Failed(report.nodeid))

    def pytest_runtest_logfinish(self) -> None:
        """A benchmark whose test fails is not told: it timed something wrong."""
        if not self.failed:
            for made in rounded(self.results(self.measured[self.told :])):
                self.tell(Measured(made))

    def results(self, benchmarks: list[Any]) -> dict[str, Any]:
        """As pytest-benchmark writes them, the machine only where there is no benchmark."""
        found: dict[str, Any] = self.config.hook.pytest_benchmark_generate_json(
            config=self.config,
            benchmarks=benchmarks,
            include_data=True,
            machine_info={} if benchmarks else self.session.get_machine_info(),
            commit_info={},
        )
        return found


def rounded(results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for benchmark in results["benchmarks"]:
        stats = benchmark["stats"]
        stats["data"] = [round(seconds, NANOSECOND) for seconds in stats["data"]]
        yield benchmark
