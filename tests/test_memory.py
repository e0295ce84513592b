"""The memory of a process that kept answers are in, bounded by its bytes."""

import os
import sys
import threading
import time
from typing import Any

import pytest
from django.core.cache import caches

from vivace.memory import ENTRY_BYTES, Memory

pytestmark = pytest.mark.any_database

VALUE = b"x" * 500


@pytest.fixture
def memory() -> Memory:
    most = 5 * (ENTRY_BYTES + sys.getsizeof("key 00") + sys.getsizeof(VALUE))
    return Memory(f"test {os.urandom(4).hex()}", {"OPTIONS": {"max_bytes": most}})


def test_it_keeps_to_its_bytes_and_forgets_the_oldest(memory: Memory) -> None:
    for n in range(100):
        memory.set(f"key {n}", VALUE)
        assert memory.get("key 0") is not None
        assert memory.kept.bytes <= memory.most
    assert [n for n in range(100) if memory.has_key(f"key {n}")] == [0, *range(96, 100)]


def test_what_is_larger_than_all_of_it_is_not_kept(memory: Memory) -> None:
    memory.set("small", b"x")
    memory.set("large", b"x" * 100_000)
    assert memory.get("large") is None
    assert memory.get("small") == b"x"


def test_it_forgets_in_time(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.set("key", b"x", 10)
    assert not memory.add("key", b"y")
    monkeypatch.setattr("time.monotonic", lambda now=time.monotonic: now() + 11)
    assert memory.get("key", "gone") == "gone"
    assert memory.add("key", b"y", None)
    assert memory.touch("key", 5)
    assert not memory.touch("other")
    assert memory.delete("key")
    assert not memory.delete("key")
    assert memory.kept.bytes == 0


def test_threads_share_it() -> None:
    caches["answers"].set("key", b"x")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(caches["answers"].get("key")))
    thread.start()
    thread.join()
    assert found == [b"x"]
