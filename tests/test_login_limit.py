"""How often a login may fail, by account and by address, wherever it is counted."""

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.threads import at_once
from vivace.accounts import people, redis_tries, sessions
from vivace.accounts.models import Tries, User
from vivace.problems import Invalid, TooManyRequests, Unauthenticated

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_counted")]

IN_THREADS = pytest.mark.django_db(transaction=True)
PASSWORD = "Träumerei-1838"
WINDOW = 999_999  # seconds: none ends while a test runs


@pytest.fixture(params=["database", "redis"])
def _counted(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    settings.LOGIN_LIMIT = (3, WINDOW)
    if request.param == "database":
        settings.REDIS_URL = ""
        yield
        return
    settings.REDIS_URL = settings.REDIS_URL or f"{request.getfixturevalue('redis')}/0"
    yield
    redis_tries.client(settings.REDIS_URL).flushdb()
    assert not Tries.objects.exists()


@pytest.fixture
def clara() -> User:
    return people.create("clara@example.org", "Clara", PASSWORD)


def fail(login: str = "clara", address: str = "192.0.2.7") -> None:
    with pytest.raises(Unauthenticated):
        sessions.log_in(login, "Kreisleriana-16", address)


def refused(login: str = "clara", address: str = "192.0.2.7") -> TooManyRequests:
    with pytest.raises(TooManyRequests) as caught:
        sessions.log_in(login, PASSWORD, address)
    return caught.value


@pytest.mark.usefixtures("clara")
def test_after_as_many_failures_the_right_password_is_refused_too() -> None:
    for _ in range(3):
        fail()
    headers = refused().headers
    seconds = int(headers["Retry-After"])
    assert 0 < seconds <= WINDOW
    assert headers == {
        "Retry-After": str(seconds),
        "RateLimit": f'"login-account";r=0;t={seconds}',
        "RateLimit-Policy": f'"login-account";q=3;w={WINDOW}',
    }


@pytest.mark.usefixtures("clara")
def test_logins_that_succeed_do_not_count() -> None:
    for _ in range(12):
        sessions.log_in("clara", PASSWORD, "192.0.2.7")
    fail()


@pytest.mark.usefixtures("clara")
def test_another_account_is_not_affected_from_the_same_address() -> None:
    for _ in range(3):
        fail("robert")
    sessions.log_in("clara", PASSWORD, "192.0.2.7")


@pytest.mark.usefixtures("clara")
def test_the_account_is_refused_from_every_address_and_in_any_spelling() -> None:
    for number, login in enumerate(["clara", "Clara", "CLARA"]):
        fail(login, f"192.0.2.{number}")
    refused("clArA", "198.51.100.1")


def test_accounts_that_do_not_exist_are_limited_alike() -> None:
    for _ in range(3):
        fail("nobody")
    assert "login-account" in refused("nobody").headers["RateLimit"]


@pytest.mark.usefixtures("clara")
def test_an_address_may_fail_ten_times_as_often_whatever_the_names() -> None:
    for number in range(30):
        fail(f"nobody{number}")
    assert refused().headers["RateLimit-Policy"] == f'"login-address";q=30;w={WINDOW}'
    sessions.log_in("clara", PASSWORD, "198.51.100.1")


@pytest.mark.usefixtures("clara")
def test_refusals_do_not_count_against_the_address() -> None:
    for _ in range(3):
        fail("robert")
    for _ in range(40):
        refused("robert")
    sessions.log_in("clara", PASSWORD, "192.0.2.7")


def test_a_wrong_current_password_counts_as_a_failed_login(clara: User) -> None:
    for _ in range(3):
        with pytest.raises(Invalid):
            people.change_password(clara.pk, "Kreisleriana-16", "Carnaval-op-9", "192.0.2.7")
    with pytest.raises(TooManyRequests):
        people.change_password(clara.pk, PASSWORD, "Carnaval-op-9", "192.0.2.7")


@pytest.mark.usefixtures("clara")
def test_the_next_window_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        fail()
    refused()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + WINDOW)
    sessions.log_in("clara", PASSWORD, "192.0.2.7")


@IN_THREADS
@pytest.mark.usefixtures("clara")
def test_tries_at_once_cannot_slip_past_the_count() -> None:
    results = at_once(*[lambda: sessions.log_in("clara", "Kreisleriana-16", "192.0.2.7")] * 8)
    names = sorted(type(result).__name__ for result in results)
    assert names == ["TooManyRequests"] * 5 + ["Unauthenticated"] * 3


@IN_THREADS
@pytest.mark.usefixtures("clara")
def test_slots_given_back_at_once_are_all_there_again() -> None:
    for _ in range(3):
        at_once(*[lambda: sessions.log_in("clara", PASSWORD, "192.0.2.7")] * 3)
    for _ in range(3):
        fail()
    refused()
