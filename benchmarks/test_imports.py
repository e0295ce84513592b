"""A file of a million tracks into an empty library, the same again, and back out as a file."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import commands
from benchmarks.libraries import IMPORTED, TOWN, Size

GOAL_PEAK_MB = 400
NEW_GOAL_S = {"sqlite": 60, "postgresql": 90}
AGAIN_GOAL_S = {"sqlite": 45, "postgresql": 45}
SIZES = [TOWN, pytest.param(IMPORTED, marks=pytest.mark.large)]


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


def import_file(database: str, path: Path) -> tuple[dict[str, Any], int]:
    """The report, and the peak of the memory in MB."""
    done = commands.run(database, "import", "--json", path)
    return msgspec.json.decode(done.last_line), done.peak_mb


@pytest.mark.parametrize("size", SIZES)
def test_import_new(benchmark: BenchmarkFixture, files: Files, size: Size) -> None:
    path, database = files.file(size), files.empty(size)
    report, peak_mb = benchmark.pedantic(import_file, (database, path), rounds=1)
    files.libraries[size] = database
    assert (report["added"], report["refused"]) == (size.tracks, 0)
    benchmark.extra_info.update(
        title=f"Import {size.tracks:,} new tracks",
        rows=size.tracks,
        peak_mb=peak_mb,
        goal_peak_mb=GOAL_PEAK_MB,
        write_lock_ms=report["write_lock_ms"],
    )
    if size is IMPORTED:
        benchmark.extra_info["goal_s"] = NEW_GOAL_S


@pytest.mark.parametrize("size", SIZES)
def test_import_the_same_again(benchmark: BenchmarkFixture, files: Files, size: Size) -> None:
    path, database = files.file(size), files.filled(size)
    report, peak_mb = benchmark.pedantic(import_file, (database, path), rounds=1)
    counts = ("added", "changed", "unchanged", "refused", "write_lock_ms")
    assert [report[name] for name in counts] == [0, 0, size.tracks, 0, 0]
    benchmark.extra_info.update(
        title=f"Import the same {size.tracks:,} again",
        rows=size.tracks,
        peak_mb=peak_mb,
        goal_peak_mb=GOAL_PEAK_MB,
    )
    if size is IMPORTED:
        benchmark.extra_info["goal_s"] = AGAIN_GOAL_S


def test_export(benchmark: BenchmarkFixture, files: Files) -> None:
    database = files.filled(TOWN)
    done = benchmark.pedantic(commands.run, (database, "export"), rounds=1)
    assert done.lines >= TOWN.tracks
    benchmark.extra_info.update(
        title=f"Export {TOWN.tracks:,} tracks", rows=TOWN.tracks, peak_mb=done.peak_mb
    )
