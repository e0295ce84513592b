"""A file of a million tracks into an empty library, the same again, and back out as a file."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import commands
from benchmarks.libraries import IMPORTED, TOWN, Size, sized
from benchmarks.measuring import Group, describe

GOAL_PEAK_MB = 400
NEW_GOAL_S = {"sqlite": 60, "postgresql": 90}
AGAIN_GOAL_S = {"sqlite": 45, "postgresql": 45}
of_each_size = sized("size", TOWN, IMPORTED)


class Files:
    """Generated files and libraries that hold them, each made once."""

    def __init__(self, folder: Path, resources: ExitStack) -> None:
        self.folder, self.resources = folder, resources
        self.libraries: dict[Size, str] = {}

    def file(self, size: Size) -> Path:
        path = self.folder / f"{size.tracks}.jsonl"
        if not path.exists():
            commands.run(
                "sqlite:////dev/null", "seed", "--artists", str(size.artists),
                "--albums-per-artist", str(size.albums_per_artist),
                "--tracks-per-album", str(size.tracks_per_album), "--output", path,
            )  # fmt: skip
        return path

    def empty(self, size: Size) -> str:
        name = f"imported_{size.tracks}_{len(self.libraries)}"
        return self.resources.enter_context(commands.empty_library(name))

    def filled(self, size: Size) -> str:
        """A library that holds the file; `test_import_new` leaves one."""
        if size not in self.libraries:
            database = self.empty(size)
            import_file(database, self.file(size))
            self.libraries[size] = database
        return self.libraries[size]


@pytest.fixture(scope="module")
def files(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    with ExitStack() as resources:
        yield Files(tmp_path_factory.mktemp("files"), resources)


def describe_at(
    benchmark: BenchmarkFixture,
    title: str,
    operation: str,
    group: Group,
    size: Size,
    *,
    peak_mb: int,
) -> None:
    describe(
        benchmark,
        title,
        group,
        rows=size.tracks,
        operation=operation,
        records=size.tracks,
        peak_mb=peak_mb,
    )


def import_file(database: str, path: Path) -> tuple[dict[str, Any], int]:
    """The report, and the peak of the memory in MB."""
    done = commands.run(database, "import", "--json", path)
    return msgspec.json.decode(done.last_line), done.peak_mb


@of_each_size
def test_import_new(benchmark: BenchmarkFixture, files: Files, size: Size) -> None:
    path, database = files.file(size), files.empty(size)
    report, peak_mb = benchmark.pedantic(import_file, (database, path), rounds=1)
    files.libraries[size] = database
    assert (report["added"], report["refused"]) == (size.tracks, 0)
    title = f"Import {size.tracks:,} new tracks"
    describe_at(benchmark, title, "Import of new tracks", "import", size, peak_mb=peak_mb)
    benchmark.extra_info["goal_peak_mb"] = GOAL_PEAK_MB
    benchmark.extra_info["write_lock_ms"] = report["write_lock_ms"]
    if size is IMPORTED:
        benchmark.extra_info["goal_s"] = NEW_GOAL_S


@of_each_size
def test_import_the_same_again(benchmark: BenchmarkFixture, files: Files, size: Size) -> None:
    path, database = files.file(size), files.filled(size)
    report, peak_mb = benchmark.pedantic(import_file, (database, path), rounds=1)
    counts = ("added", "changed", "unchanged", "refused", "write_lock_ms")
    assert [report[name] for name in counts] == [0, 0, size.tracks, 0, 0]
    title = f"Import the same {size.tracks:,} again"
    describe_at(benchmark, title, "Import of the same again", "import", size, peak_mb=peak_mb)
    benchmark.extra_info["goal_peak_mb"] = GOAL_PEAK_MB
    if size is IMPORTED:
        benchmark.extra_info["goal_s"] = AGAIN_GOAL_S


@of_each_size
def test_export(benchmark: BenchmarkFixture, files: Files, size: Size) -> None:
    database = files.filled(size)
    done = benchmark.pedantic(commands.run, (database, "export"), rounds=1)
    assert done.lines >= size.tracks
    title = f"Export {size.tracks:,} tracks"
    describe_at(benchmark, title, "Export", "export", size, peak_mb=done.peak_mb)
