"""Refresh tokens: each is for one use, and an old one that comes back ends its session."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.threads import at_once
from vivace.accounts import passwords, people, sessions, tokens
from vivace.accounts.identity import Identity
from vivace.accounts.models import RefreshToken, User
from vivace.accounts.sessions import Pair
from vivace.problems import Unauthenticated

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)
PASSWORD = "Träumerei-1838"
HERE = "192.0.2.7"


@pytest.fixture
def clara() -> User:
    return people.create("clara@example.org", "Clara", PASSWORD)


@pytest.fixture
def first(clara: User) -> Pair:
    return sessions.log_in("clara", PASSWORD, HERE)


def later(*, seconds: float) -> None:
    """Let time pass for every token there is."""
    passed = timedelta(seconds=seconds)
    for token in RefreshToken.objects.all():
        token.expires_at -= passed
        token.used_at = token.used_at and token.used_at - passed
        token.save(update_fields=["expires_at", "used_at"])


def is_over(pair: Pair) -> bool:
    try:
        sessions.refresh(pair.refresh_token)
    except Unauthenticated:
        return True
    return False


def test_a_login_says_who_is_asking_and_when_it_was(clara: User) -> None:
    pair = sessions.log_in("CLARA@example.org", PASSWORD, HERE)
    assert tokens.read(pair.access_token) == Identity(clara.pk, "listener")
    clara.refresh_from_db()
    assert clara.last_login
    assert timezone.now() - clara.last_login < timedelta(minutes=1)


@pytest.mark.usefixtures("clara")
@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("clara", "Träumerei-1839"),
        ("robert", PASSWORD),
        ("clara\0", PASSWORD),
        ("clara\ud800", PASSWORD),
        ("clara", f"{PASSWORD}\ud800"),
        ("", ""),
    ],
)
def test_a_wrong_login_does_not_say_what_is_wrong(login: str, password: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        sessions.log_in(login, password, HERE)
    assert str(caught.value) == "There is no such account, or the password is another"


def test_an_account_that_is_not_active_cannot_log_in(clara: User) -> None:
    people.change(clara.pk, is_active=False)
    with pytest.raises(Unauthenticated):
        sessions.log_in("clara", PASSWORD, HERE)


@pytest.mark.usefixtures("clara")
def test_unknown_accounts_take_a_hash_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    for name in ("encode", "verify"):
        original = getattr(passwords.Argon2id, name)

        def counted(self: object, *args: str, original: object = original) -> object:
            hashed.append(args[0])
            return original(self, *args)  # type: ignore[operator]

        monkeypatch.setattr(passwords.Argon2id, name, counted)
    for login in ("clara", "robert"):
        with pytest.raises(Unauthenticated):
            sessions.log_in(login, f"of {login}", HERE)
    assert hashed == ["of clara", "of robert"]


def test_a_session_has_the_role_that_the_account_has_when_it_begins(clara: User) -> None:
    checked = sessions.authenticate("clara", PASSWORD, HERE)
    assert checked
    people.change(clara.pk, role="editor")
    pair = sessions.begin(checked)
    assert pair
    assert tokens.read(pair.access_token) == Identity(clara.pk, "editor")
    User.objects.filter(pk=clara.pk).update(is_active=False)
    assert sessions.begin(checked) is None


def test_refresh_tokens_are_stored_hashed(first: Pair) -> None:
    family, secret = first.refresh_token.split(".")
    row = RefreshToken.objects.values().get()
    assert row["family"] == family
    assert secret not in str(row)


def test_a_refresh_gives_another_pair_of_the_same_account(clara: User, first: Pair) -> None:
    second = sessions.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert tokens.read(second.access_token) == Identity(clara.pk, "listener")
    assert not is_over(second)


def test_a_token_used_again_within_the_grace_gets_a_pair_of_its_own(first: Pair) -> None:
    one = sessions.refresh(first.refresh_token)
    later(seconds=29)
    other = sessions.refresh(first.refresh_token)
    assert one.refresh_token != other.refresh_token
    later(seconds=600)
    assert not is_over(one)
    assert not is_over(other)


def test_a_token_used_again_after_the_grace_ends_the_session(first: Pair) -> None:
    second = sessions.refresh(first.refresh_token)
    later(seconds=31)
    assert is_over(first)
    assert is_over(second)
    assert not RefreshToken.objects.exists()


def test_it_ends_the_session_however_long_ago_the_token_was_used(first: Pair) -> None:
    latest = first
    for _ in range(4):
        latest = sessions.refresh(latest.refresh_token)
        later(seconds=300)
    assert is_over(first)
    assert is_over(latest)


def test_it_ends_no_other_session_of_the_account(first: Pair) -> None:
    other = sessions.log_in("clara", PASSWORD, HERE)
    sessions.refresh(first.refresh_token)
    later(seconds=31)
    assert is_over(first)
    assert not is_over(other)


def test_a_session_that_goes_on_for_long_keeps_few_rows(first: Pair) -> None:
    latest = first
    for _ in range(10):
        latest = sessions.refresh(latest.refresh_token)
        later(seconds=300)
    assert RefreshToken.objects.count() <= 2


def test_a_token_expires_and_is_forgotten_at_the_next_login(first: Pair) -> None:
    later(seconds=sessions.LIFETIME.total_seconds() + 1)
    assert is_over(first)
    sessions.log_in("clara", PASSWORD, HERE)
    assert RefreshToken.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x", "é" * 22 + "." + "a" * 43, "a" * 22 + "." + "b" * 43])
@pytest.mark.usefixtures("first")
def test_a_made_up_token_is_refused_and_ends_nothing(token: str) -> None:
    with pytest.raises(Unauthenticated):
        sessions.refresh(token)
    sessions.log_out(token)
    assert RefreshToken.objects.count() == 1


def test_a_logout_ends_the_session_and_no_other(first: Pair) -> None:
    other = sessions.log_in("clara", PASSWORD, HERE)
    second = sessions.refresh(first.refresh_token)
    sessions.log_out(second.refresh_token)
    sessions.log_out(second.refresh_token)
    assert is_over(first)
    assert is_over(second)
    assert not is_over(other)


@IN_THREADS
def test_refreshes_at_once_all_get_a_pair_that_lasts(first: Pair) -> None:
    pairs = at_once(*[lambda: sessions.refresh(first.refresh_token)] * 6)
    later(seconds=600)
    assert len({pair.refresh_token for pair in pairs if isinstance(pair, Pair)}) == 6
    assert not any(is_over(pair) for pair in pairs if isinstance(pair, Pair))


@IN_THREADS
def test_whatever_is_refreshed_at_once_a_logout_leaves_no_token(first: Pair) -> None:
    token = first.refresh_token
    at_once(*[lambda: sessions.refresh(token)] * 4, lambda: sessions.log_out(token))
    assert not RefreshToken.objects.exists()


@IN_THREADS
def test_whatever_is_refreshed_at_once_a_new_role_leaves_no_token(clara: User, first: Pair) -> None:
    def promote() -> None:
        people.change(clara.pk, role="editor")

    at_once(*[lambda: sessions.refresh(first.refresh_token)] * 4, promote)
    assert not RefreshToken.objects.exists()
