"""Django's cache in Redis, with the two commands of its own."""

import time
from typing import Any

import pytest
from django.core.cache import caches
from pytest_django import Settings
from redis.connection import Connection
from redis.exceptions import ResponseError

from vivace.settings import redis_cache


@pytest.fixture
def cache(settings: Settings, redis: str) -> Any:
    address = settings.REDIS_URL or f"{redis}/0"
    settings.REDIS_URL = address
    settings.CACHES = settings.CACHES | {"default": redis_cache(address)}
    return caches["default"]


def test_one_client_sends_all_commands(cache: Any) -> None:
    cache.set("one", 1)
    client = cache._cache.get_client("one")
    assert cache._cache.get_client("two", write=True) is client
    assert client.get(cache.make_key("one")) == b"1"


def soon(cache: Any, key: str, value: Any) -> bool:
    """Whether it comes to stand there, which is not waited for where it is put."""
    deadline = time.monotonic() + 5
    while cache.get(key) != value and time.monotonic() < deadline:
        time.sleep(0.001)
    return bool(cache.get(key) == value)


def test_what_is_not_there_is_added_in_the_same_trip(
    cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.get_or_add("added", "a claim", 60)
    replies = counted_replies(monkeypatch)
    assert cache.get_or_add("found-or-added", "a claim", 60) is None
    assert cache.get_or_add("found-or-added", "another", 60) == "a claim"
    assert len(replies) == 2


def counted_replies(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    read, replies = Connection.read_response, list[Any]()

    def noted(self: Any, *args: Any, **options: Any) -> Any:
        replies.append(read(self, *args, **options))
        return replies[-1]

    monkeypatch.setattr(Connection, "read_response", noted)
    return replies


def test_what_is_put_is_not_waited_for(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.get_or_add("put", "a claim", 60)
    replies = counted_replies(monkeypatch)
    for number in range(1, 4):
        cache.put("put", ["an answer", number], 60)
        assert len(replies) == number - 1  # up to that of the one before
    monkeypatch.undo()
    # It is heard of before the reply to what follows.
    assert cache.get_or_add("put", "a claim", 60) == ["an answer", 3]
    assert 0 < cache._cache.get_client().ttl(cache.make_key("put")) <= 60


def test_what_is_put_through_a_connection_that_was_closed_is_there(cache: Any) -> None:
    for number in range(3):
        cache.put("put", number, 60)
        assert soon(cache, "put", number)
        closed(cache)
        assert cache.get_or_add("put", "a claim", 60) == number
        closed(cache)


def closed(cache: Any) -> None:
    """Have Redis close its side of the connection that answers are shared on."""
    own = cache._cache.own.connection._sock.getsockname()
    cache._cache.get_client().client_kill_filter(addr=f"{own[0]}:{own[1]}")


def test_a_put_that_redis_refuses_is_heard_of_at_the_next(cache: Any) -> None:
    client = cache._cache.get_client()
    # No time at all, which Redis does not take.
    cache.put("refused", 1, 0)
    with pytest.raises(ResponseError, match="invalid expire"):
        cache.put("taken", 2, 60)
    cache.put("taken", 3, 60)
    assert soon(cache, "taken", 3)
    assert client.exists(cache.make_key("refused")) == 0
