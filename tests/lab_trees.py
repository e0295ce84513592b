"""Trees that the lab compares, with libraries that take a second to make."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vivace.lab import revisions

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
