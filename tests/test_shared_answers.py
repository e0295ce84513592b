"""Answers that processes share through Redis, which they can do without."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.core.cache import caches
from pytest_django import Settings

from tests import builders
from tests.wsgi import Django, ask, environ_of
from vivace.api import stored
from vivace.api.stored import StoredAnswers
from vivace.settings import redis_cache


def at(address: str, settings: Settings) -> None:
    """Have answers shared through the Redis at an address."""
    settings.REDIS_URL = address
    settings.CACHES = settings.CACHES | {"default": redis_cache(address)}


def test_another_process_finds_in_redis_what_was_made(
    django: Django, settings: Settings, redis: str
) -> None:
    at(settings.REDIS_URL or f"{redis}/0", settings)
    builders.artist("Sigur Rós")
    first = ask(StoredAnswers(django), "/artists")
    caches["answers"].clear()
    assert ask(StoredAnswers(django), "/artists") == first
    assert django.asked == 1


@pytest.fixture
def hung() -> Iterator[str]:
    """The address of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def dead() -> str:
    return "redis://127.0.0.1:9/0"


def test_an_answer_that_another_process_makes_is_waited_for(
    django: Django, settings: Settings, redis: str
) -> None:
    at(settings.REDIS_URL or f"{redis}/0", settings)
    builders.artist("Sigur Rós")
    first, second = StoredAnswers(django), StoredAnswers(Django())
    told = ask(first, "/artists")
    key = stored.key_of(environ_of("/artists"))
    assert key
    assert first.shared
    assert second.shared
    caches["answers"].clear()
    kept = caches["default"].get(key)
    caches["default"].delete(key)
    assert first.shared.get(key) is None
    # The first still seems to make it: that is waited for, and not for long.
    began = time.monotonic()
    assert second.shared.get(key) is None
    assert 0.05 <= time.monotonic() - began < 1
    timer = threading.Timer(0.01, lambda: caches["default"].set(key, kept))
    timer.start()
    assert second.shared.get(key) == kept
    assert ask(second, "/artists") == told
    assert django.asked == 1


def test_what_is_not_kept_is_not_waited_for(
    django: Django, settings: Settings, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(settings.REDIS_URL or f"{redis}/0", settings)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
    answers = StoredAnswers(django)
    for _ in range(3):
        assert ask(answers, "/artists/17")[0] == "404 Not Found"


@pytest.mark.parametrize("state", ["hung", "dead"])
def test_without_redis_answers_go_on(
    state: str, django: Django, settings: Settings, request: pytest.FixtureRequest
) -> None:
    at(request.getfixturevalue(state), settings)
    answers = StoredAnswers(django)
    assert answers.shared
    assert ask(answers, "/artists")[0] == "200 OK"
    rests_until = answers.shared.rests_until
    assert rests_until > time.monotonic()
    for limit in range(1, 10):
        assert ask(answers, "/artists", f"limit={limit}")[0] == "200 OK"
    # It is not even tried while it rests.
    assert answers.shared.rests_until == rests_until
