"""Where failed logins are counted, and what is kept of them."""

import logging

import pytest
from pytest_django import Settings

from vivace.accounts import limits, redis_tries
from vivace.accounts.limits import Limit
from vivace.accounts.models import Tries
from vivace.problems import TooManyRequests

pytestmark = pytest.mark.django_db

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
    settings: Settings, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = settings.REDIS_URL or f"{redis}/0"
    slots = limits.reserve("clara", "192.0.2.7")
    for store, _ in slots.taken:
        monkeypatch.setattr(store, "client", redis_tries.client(NOWHERE))
    slots.give_back()
    assert not slots.taken


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


def test_windows_that_are_over_are_forgotten(settings: Settings) -> None:
    settings.REDIS_URL = ""
    Tries.objects.create(subject="old", count=3, resets_at=1)
    limits.reserve("clara", "192.0.2.7")
    assert not Tries.objects.filter(subject="old").exists()


def test_a_slot_is_not_given_back_to_a_later_window(settings: Settings) -> None:
    settings.REDIS_URL = ""
    past = Limit("login-account", "gone", 3, 60, 60)
    limits.InDatabase().give_back(past)
    assert not Tries.objects.exists()
