"""Trees that the lab compares, with libraries that take a second to make, and made-up ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vivace.lab import revisions
from vivace.lab.machine import git

MAKER = "vivace/lab/profiling/vivace_api.py"
SIZE = "ARTISTS, ALBUMS_PER_ARTIST, TRACKS_PER_ALBUM, SEED = {}, 2, 10, 1"

tree = revisions.tree


@contextmanager
def small(revision: str) -> Iterator[Path]:
    """As `revisions.tree`: what the lab fills is a twentieth as large."""
    with tree(revision) as made:
        maker = made / MAKER
        before, found, after = maker.read_text("utf-8").partition(SIZE.format("1_000"))
        assert found
        maker.write_text(before + SIZE.format("50") + after, "utf-8")
        yield made


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def committed(checkout: Path) -> Path:
    git(checkout, "add", ".")
    someone = [
        "-c",
        "user.name=someone",
        "-c",
        "user.email=someone@example.org",
        "-c",
        "commit.gpgsign=false",
    ]
    git(checkout, *someone, "commit", "--quiet", "--message", "as it is")
    return checkout
