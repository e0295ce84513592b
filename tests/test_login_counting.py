"""Where failed logins are counted, and what is kept of them."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from redis import Redis
from redis import TimeoutError as Late
from redis.backoff import NoBackoff
from redis.retry import Retry

from vivace.accounts import limits, redis_tries
from vivace.accounts.limits import Limit
from vivace.accounts.models import Tries
from vivace.problems import TooManyRequests

pytestmark = pytest.mark.django_db

BUSY = """
    local began = redis.call('TIME')
    repeat local now = redis.call('TIME')
    until (now[1] - began[1]) * 1000000 + now[2] - began[2] > 750000
"""
"""Redis does nothing else meanwhile: for longer than a try waits, and less than two."""
NOWHERE = "redis://127.0.0.1:1/0"


def test_the_database_counts_where_redis_does_not_answer(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LOGIN_LIMIT = (2, 999_999)
    settings.REDIS_URL = NOWHERE
    with caplog.at_level(logging.WARNING, limits.log.name):
        for _ in range(2):
            limits.reserve("clara", "192.0.2.7")
        with pytest.raises(TooManyRequests):
            limits.reserve("clara", "192.0.2.7")
    assert "counted in the database, Redis does not answer" in caplog.text


def test_a_slot_that_redis_can_no_longer_take_back_is_let_go(
    settings: Settings,
    redis: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.REDIS_URL = settings.REDIS_URL or f"{redis}/0"
    slots = limits.reserve("clara", "192.0.2.7")
    monkeypatch.setattr(slots.store, "client", redis_tries.client(NOWHERE))
    slots.give_back()
    assert "A login stays counted, Redis does not answer" in caplog.text


def test_either_limit_refuses_and_then_neither_counts(settings: Settings, redis: str) -> None:
    settings.REDIS_URL = settings.REDIS_URL or f"{redis}/0"
    for store in (redis_tries.InRedis(settings.REDIS_URL), limits.InDatabase()):
        wide, narrow = (
            limits.window_of("test", f"{most} of {store}", most, 999_999) for most in (3, 1)
        )
        assert store.take([wide, narrow]) is None
        for _ in range(5):
            assert store.take([wide, narrow]) == narrow
            assert store.take([narrow, wide]) == narrow
        store.give_back([wide, narrow])
        assert [store.take([wide]) for _ in range(4)] == [None, None, None, wide]
        assert store.take([narrow]) is None


def test_a_redis_that_is_late_is_not_asked_twice(settings: Settings, redis: str) -> None:
    settings.REDIS_URL = settings.REDIS_URL or f"{redis}/0"
    limit = limits.window_of("test", "192.0.2.8", 5, 999_999)
    assert limits.take([limit])[1] is None
    at_once = Redis.from_url(settings.REDIS_URL, socket_timeout=0.05, retry=Retry(NoBackoff(), 0))
    with closing(Redis.from_url(settings.REDIS_URL)) as other, ThreadPoolExecutor() as threads:
        threads.submit(other.eval, BUSY, 0)
        with closing(at_once), pytest.raises(Late):
            all(iter(at_once.ping, None))
        assert isinstance(limits.take([limit])[0], limits.InDatabase)
        # Answered behind what was sent meanwhile.
        assert other.get(redis_tries.key(limit)) == b"2"


def test_counts_outlast_the_answers_that_redis_keeps(settings: Settings, redis: str) -> None:
    settings.REDIS_URL = settings.REDIS_URL or f"{redis}/0"
    settings.LOGIN_LIMIT = (5, 999_999)
    # Nobody whom another test counts in the same Redis.
    whom = "florestan", "192.0.2.9"
    limits.reserve(*whom)
    address, account = limits.limits_of(*whom)
    with closing(Redis.from_url(settings.REDIS_URL)) as other:
        for each in (address, account):
            assert other.ttl(redis_tries.key(each)) > 999_999 + settings.SHARED_SECONDS


def test_no_name_and_no_address_is_stored(settings: Settings) -> None:
    settings.REDIS_URL = ""
    limits.reserve("my-password", "192.0.2.7")
    assert Tries.objects.count() == 2
    assert "my-password" not in str(list(Tries.objects.values()))
    assert "192.0.2.7" not in str(list(Tries.objects.values()))


def test_an_address_out_of_slots_leaves_no_rows_for_the_names_it_tries(
    settings: Settings,
) -> None:
    settings.REDIS_URL, settings.LOGIN_LIMIT = "", (1, 999_999)
    for number in range(10):
        limits.reserve(f"nobody{number}", "192.0.2.7")
    with pytest.raises(TooManyRequests):
        limits.reserve("one more", "192.0.2.7")
    assert Tries.objects.count() == 1 + 10


@pytest.mark.django_db(transaction=True)
def test_windows_that_are_over_are_forgotten(settings: Settings) -> None:
    settings.REDIS_URL = ""
    Tries.objects.create(subject="old", count=3, resets_at=1)
    with CaptureQueriesContext(connection) as captured:
        limits.reserve("clara", "192.0.2.7")
    assert not Tries.objects.filter(subject="old").exists()
    # Else it would hold counts while it waits for those it removes.
    asked = [each["sql"].split()[0] for each in captured]
    assert asked.index("COMMIT") < asked.index("DELETE")


def test_a_slot_is_not_given_back_to_a_later_window(settings: Settings) -> None:
    settings.REDIS_URL = ""
    past = Limit("login-account", "gone", 3, 60, 60)
    limits.InDatabase().give_back([past])
    assert not Tries.objects.exists()
