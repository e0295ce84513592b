"""A cache in the memory of a process, bounded by bytes."""

import sys
import threading
import time
from collections import OrderedDict, defaultdict
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

ENTRY_BYTES = 500
"""What an entry takes besides its key and value, in the table."""


class Kept:
    """What a cache holds, for all threads: Django gives each of them a `Memory` of its own."""

    def __init__(self) -> None:
        self.bytes = 0
        self.entries: OrderedDict[str, tuple[Any, float, int]] = OrderedDict()
        self.lock = threading.RLock()

    def forget(self, key: str) -> bool:
        found = self.entries.pop(key, None)
        if found:
            self.bytes -= found[2]
        return found is not None


kept_by_name: defaultdict[str, Kept] = defaultdict(Kept)


class Memory(BaseCache):
    """Forgets what was not asked for the longest when it is full; `LOCATION` names the cache.

    Django's own counts entries, which may be of 50 bytes or 5 million, and pickles each. This one
    keeps what it is given, so that nobody may change it.
    """

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.most = int(params.get("OPTIONS", {})["max_bytes"])
        self.kept = kept_by_name[name]

    def make_key(self, key: str, version: int | None = None) -> str:
        """The key, as no other cache has this one's entries: a prefix would tell nothing."""
        return key if version is None or version == self.version else f"{version}:{key}"

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        key = self.make_key(key, version)
        with self.kept.lock:
            found = self.kept.entries.get(key)
            if found is None:
                return default
            if found[1] < time.monotonic():
                self.kept.forget(key)
                return default
            self.kept.entries.move_to_end(key)
            return found[0]

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        key = self.make_key(key, version)
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        until = float("inf") if seconds is None else time.monotonic() + seconds
        size = ENTRY_BYTES + size_of(key) + size_of(value)
        with self.kept.lock:
            self.kept.forget(key)
            if size > self.most:
                return
            self.kept.entries[key] = value, until, size
            self.kept.bytes += size
            while self.kept.bytes > self.most:
                self.kept.forget(next(iter(self.kept.entries)))

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        with self.kept.lock:
            if self.has_key(key, version):
                return False
            self.set(key, value, timeout, version)
            return True

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        missing = object()
        with self.kept.lock:
            value = self.get(key, missing, version)
            if value is missing:
                return False
            self.set(key, value, timeout, version)
            return True

    def delete(self, key: str, version: int | None = None) -> bool:
        with self.kept.lock:
            return self.kept.forget(self.make_key(key, version))

    def clear(self) -> None:
        with self.kept.lock:
            self.kept.entries.clear()
            self.kept.bytes = 0


def size_of(value: Any) -> int:
    """The bytes that a value takes, with what is in its tuples and lists."""
    own = sys.getsizeof(value)
    if isinstance(value, tuple | list):
        own += sum(map(size_of, value))
    return own
