"""Times by their labels, noted in memory that the processes of a node share as files.

A request adds to two numbers of one row. With prometheus_client's own files that would take three
locks and three looks at the process's id.
"""

import mmap
import os
import struct
import tempfile
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeAlias

import msgspec

ROW_BYTES = 512
CHUNK_BYTES = 128 * ROW_BYTES
"""Mapped at once: a multiple of the pages of every system."""

Labels: TypeAlias = tuple[str, ...]
Row: TypeAlias = "memoryview[float]"


class Times(NamedTuple):
    """Of all that had the same labels."""

    labels: Labels
    numbers: list[float]
    """The seconds together; then how many took up to each bound and longer than the one before,
    and how many longer than all."""


class Tally:
    """The times that this process noted, in a file of its own in a folder or, without, in memory.

    A file stays when its process is gone: what was counted has been. Those of a version with other
    names or bounds are passed by.
    """

    def __init__(self, names: Labels, bounds: Sequence[float], folder: str | None) -> None:
        self.bounds, self.folder = bounds, folder
        self.width = 2 + len(bounds)
        self.suffix = f".{zlib.crc32(msgspec.json.encode((names, bounds))):08x}.times"
        self.file: int | None = None
        self.chunks: list[mmap.mmap] = []
        self.rows: dict[Labels, Row] = {}
        self.lock = Lock()

    def note(self, labels: Labels, seconds: float) -> None:
        row = self.rows.get(labels) or self.row(labels)
        with self.lock:
            row[0] += seconds
            row[1 + bisect_left(self.bounds, seconds)] += 1

    def row(self, labels: Labels) -> Row:
        with self.lock:
            if labels in self.rows:
                return self.rows[labels]
            told = msgspec.json.encode(labels)
            if 8 * self.width + len(told) > ROW_BYTES:
                raise ValueError(f"Labels that are too long: {labels}")
            at = len(self.rows) * ROW_BYTES % CHUNK_BYTES
            if not at:
                self.chunks.append(self.chunk())
            end = at + 8 * self.width
            whole = memoryview(self.chunks[-1])
            whole[end + 1 : end + len(told)] = told[1:]
            whole[end] = told[0]  # last: by this others see that there is a row
            row = self.rows[labels] = whole[at:end].cast("d")
            return row

    def chunk(self) -> mmap.mmap:
        """Room for more rows: of no file, or at the end of this process's."""
        if not self.folder:
            return mmap.mmap(-1, CHUNK_BYTES)
        if self.file is None:
            self.file, _ = tempfile.mkstemp(self.suffix, dir=self.folder)
        begin = len(self.chunks) * CHUNK_BYTES
        os.ftruncate(self.file, begin + CHUNK_BYTES)
        return mmap.mmap(self.file, CHUNK_BYTES, offset=begin)

    def all(self) -> Iterator[Times]:
        """Of every process of the folder, those with the same labels once for each."""
        if self.folder:
            held = [path.read_bytes() for path in Path(self.folder).glob(f"*{self.suffix}")]
        else:
            held = [bytes(chunk) for chunk in self.chunks]
        return chain.from_iterable(map(self.read, held))

    def read(self, rows: bytes) -> Iterator[Times]:
        for at in range(0, len(rows), ROW_BYTES):
            end = at + 8 * self.width
            if not rows[end]:
                return
            labels = msgspec.json.decode(rows[end : at + ROW_BYTES].rstrip(b"\0"), type=Labels)
            yield Times(labels, [*struct.unpack_from(f"{self.width}d", rows, at)])
