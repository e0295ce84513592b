"""What came of a file."""

import msgspec
from msgspec import Struct

from vivace.imports.rows import RowError

ERRORS_KEPT = 1_000


class ImportReport(Struct):
    """What came of a file. Rows that are tracks or playlists are counted."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[RowError] = msgspec.field(default_factory=list)
    """The first of those refused, up to `ERRORS_KEPT`."""
    notes: list[str] = msgspec.field(default_factory=list)
    created: dict[str, int] = msgspec.field(default_factory=dict)
    """How many artists, albums and genres are new."""
    stored: bool = False
    write_lock_ms: float = 0.0
    """How long another writer may have had to wait."""

    def refuse(self, error: RowError) -> None:
        self.refused += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(error)
