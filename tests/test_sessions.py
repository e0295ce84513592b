"""Refresh tokens: each is for one use, and an old one that comes back ends its session."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.threads import at_once
from vivace.accounts import logins, passwords, people, sessions, tokens
from vivace.accounts.identity import Identity
from vivace.accounts.models import RefreshToken, User, digest
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
@pytest.mark.parametrize("form", ["{}", "{}@example.org"])
def test_of_every_account_the_same_is_asked(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that is there, of one that has no password, and of one that is not there."""
    User.objects.create_user("fanny", "fanny@example.org")
    asked: list[tuple[str, ...]] = []
    original = passwords.Argon2id.verify

    def verify(self: passwords.Argon2id, password: str, encoded: str) -> bool:
        asked.append((password, *encoded.split("$")[:4]))
        return original(self, password, encoded)

    def done(login: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured, pytest.raises(Unauthenticated):
            sessions.log_in(form.format(login), "a wrong password", HERE)
        return [re.sub(r"'.*?'|\d+", "?", each["sql"]) for each in captured]

    monkeypatch.setattr(passwords.Argon2id, "verify", verify)
    done("johannes")  # the first one of this address
    assert done("clara") == done("fanny") == done("robert")
    assert asked == [("a wrong password", "argon2", "argon2id", "v=19", "m=19456,t=2,p=1")] * 4


def test_the_hash_of_nobody_is_like_any_other() -> None:
    hasher = passwords.Argon2id()
    real, of_nobody = hasher.encode(PASSWORD, hasher.salt()), hasher.of_nobody()
    *form, salt, digest = real.split("$")
    *same, other_salt, other_digest = of_nobody.split("$")
    assert form == same
    assert (len(salt), len(digest)) == (len(other_salt), len(other_digest))
    assert not hasher.must_update(of_nobody)
    assert not hasher.verify(PASSWORD, of_nobody)


def with_an_old_hash(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as formerly:
        formerly.setattr(passwords.Argon2id, "memory_cost", 8 * 1024)
        user.set_password(PASSWORD)
        user.save()
    assert "$m=8192,t=2,p=1$" in user.password


def test_an_old_hash_is_made_anew_at_login(clara: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with_an_old_hash(clara, monkeypatch)
    with pytest.raises(Unauthenticated):
        sessions.log_in("clara", "Träumerei-1839", HERE)
    old = clara.password
    clara.refresh_from_db()
    assert clara.password == old
    pair = sessions.log_in("clara", PASSWORD, HERE)
    clara.refresh_from_db()
    assert "$m=19456,t=2,p=1$" in clara.password
    assert not is_over(pair)


def begun_by_an_old_hash(monkeypatch: pytest.MonkeyPatch) -> Pair:
    with monkeypatch.context() as formerly:
        formerly.setattr(passwords.Argon2id, "memory_cost", 8 * 1024)
        return sessions.log_in("clara", PASSWORD, HERE)


def test_sessions_go_on_when_a_hash_is_made_anew(
    clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_an_old_hash(clara, monkeypatch)
    first = begun_by_an_old_hash(monkeypatch)
    second = sessions.refresh(first.refresh_token)
    before = list(RefreshToken.objects.order_by("id").values())
    other = sessions.log_in("clara", PASSWORD, HERE)
    clara.refresh_from_db()
    assert "$m=19456,t=2,p=1$" in clara.password
    assert list(RefreshToken.objects.order_by("id").values())[: len(before)] == before
    assert not is_over(second)
    later(seconds=31)
    assert is_over(first)
    assert not is_over(other)
    clara.set_password("Kreisleriana-1838")
    clara.save()
    assert not RefreshToken.objects.exists()


@IN_THREADS
def test_sessions_go_on_and_end_while_a_hash_is_made_anew(
    clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_an_old_hash(clara, monkeypatch)
    one, other = (begun_by_an_old_hash(monkeypatch) for _ in range(2))
    *pairs, nothing = at_once(
        *[lambda: sessions.refresh(one.refresh_token)] * 3,
        *[lambda: sessions.log_in("clara", PASSWORD, HERE)] * 2,
        lambda: sessions.log_out(other.refresh_token),
    )
    assert nothing is None
    assert is_over(other)
    assert [pair for pair in pairs if not isinstance(pair, Pair) or is_over(pair)] == []


def test_of_two_logins_that_make_a_hash_anew_the_second_goes_by_the_first(
    clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_an_old_hash(clara, monkeypatch)
    read = logins.account_named("clara")
    first = sessions.log_in("clara", PASSWORD, HERE)
    assert logins.proved(read, "Träumerei-1839") is None
    second = logins.proved(read, PASSWORD)
    assert second
    assert second.password != read.password
    assert sessions.begin(second)
    assert not is_over(first)
    clara.set_password("Kreisleriana-1838")
    clara.save()
    assert logins.proved(read, PASSWORD) is None


@IN_THREADS
@pytest.mark.usefixtures("clara")
def test_a_login_that_the_database_counts_holds_no_count_with_its_session(
    settings: Settings,
) -> None:
    settings.REDIS_URL = ""
    with CaptureQueriesContext(connection) as captured:
        sessions.log_in("clara", PASSWORD, HERE)
    statements = [each["sql"].split()[0] for each in captured if "SELECT" not in each["sql"]]
    tries, session = ["INSERT", "INSERT"], ["UPDATE", "DELETE", "INSERT"]
    begun = ["BEGIN", *tries, "COMMIT", "BEGIN", *session, "COMMIT"]
    assert statements == [*begun, "UPDATE", "UPDATE"]


@pytest.mark.usefixtures("clara")
def test_a_right_password_does_not_count_where_the_session_breaks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOGIN_LIMIT = (1, 999_999)
    monkeypatch.setattr(sessions, "issue", lambda *_: 1 / 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            sessions.log_in("clara", PASSWORD, "192.0.2.77")


def test_a_session_has_the_role_that_the_account_has_when_it_begins(clara: User) -> None:
    checked = logins.authenticate("clara", PASSWORD, HERE)
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


def test_a_token_that_is_used_again_and_again_leaves_few_rows(clara: User, first: Pair) -> None:
    other = sessions.log_in("clara", PASSWORD, HERE)
    pairs = [sessions.refresh(first.refresh_token) for _ in range(sessions.UNUSED_MAX + 10)]
    family = first.refresh_token.split(".")[0]
    assert RefreshToken.objects.filter(family=family, used_at=None).count() == sessions.UNUSED_MAX
    # The oldest have gone, neither what was used within the grace nor another session.
    pairs.append(sessions.refresh(first.refresh_token))
    assert not any(is_over(pair) for pair in pairs[-sessions.UNUSED_MAX :])
    assert not is_over(other)
    assert is_over(pairs[0])


def test_a_token_that_waited_long_is_used_like_any_other(first: Pair) -> None:
    """By a tab that slept, while another one went on."""
    slept = sessions.refresh(first.refresh_token)
    latest = sessions.refresh(first.refresh_token)
    for _ in range(sessions.UNUSED_MAX + 10):
        later(seconds=300)
        latest = sessions.refresh(latest.refresh_token)
    awake = [sessions.refresh(slept.refresh_token) for _ in range(2)]
    assert not any(is_over(pair) for pair in (*awake, latest))


def test_a_token_expires_and_is_forgotten_at_the_next_login(first: Pair) -> None:
    later(seconds=sessions.LIFETIME.total_seconds() + 1)
    assert is_over(first)
    sessions.log_in("clara", PASSWORD, HERE)
    assert RefreshToken.objects.count() == 1


MADE_UP = ["", "x", "é" * 22 + "." + "a" * 43, "a" * 22 + "." + "b" * 43]


@pytest.mark.parametrize("token", MADE_UP)
@pytest.mark.usefixtures("first")
def test_a_made_up_token_is_refused_and_ends_nothing(token: str) -> None:
    with pytest.raises(Unauthenticated):
        sessions.refresh(token)
    sessions.log_out(token)
    assert RefreshToken.objects.count() == 1


@IN_THREADS
@pytest.mark.parametrize("token", MADE_UP)
@pytest.mark.usefixtures("first")
def test_a_made_up_token_waits_for_no_writer(token: str) -> None:
    """On SQLite a transaction does, and this token's sender would keep others waiting."""
    with CaptureQueriesContext(connection) as captured:
        with pytest.raises(Unauthenticated):
            sessions.refresh(token)
        sessions.log_out(token)
    assert {each["sql"].split()[0] for each in captured} <= {"SELECT"}


@IN_THREADS
def test_a_refresh_asks_no_more_of_the_database_than_it_must(first: Pair) -> None:
    with CaptureQueriesContext(connection) as captured:
        sessions.refresh(first.refresh_token)
    statements = [each["sql"].split()[0] for each in captured]
    in_one = ["SELECT", "UPDATE", "DELETE", "INSERT"]
    assert statements == ["SELECT", "BEGIN", *in_one, "COMMIT"]


@IN_THREADS
@pytest.mark.parametrize("role", ["editor", None])
def test_a_session_that_ends_once_it_was_found_is_over(
    clara: User, first: Pair, role: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another role, or with the account."""
    found = sessions.holder_of

    def found_before(family: str) -> int | None:
        account_id = found(family)
        if role:
            people.change(clara.pk, role=role)
        else:
            people.delete(clara.pk)
        return account_id

    monkeypatch.setattr(sessions, "holder_of", found_before)
    assert is_over(first)
    assert not RefreshToken.objects.exists()


def test_an_expired_token_is_over_within_its_grace_too(first: Pair) -> None:
    second = sessions.refresh(first.refresh_token)
    secret = first.refresh_token.split(".")[1]
    RefreshToken.objects.filter(digest=digest(secret)).update(expires_at=timezone.now())
    assert is_over(first)
    sessions.refresh(second.refresh_token)


def test_an_expired_token_ends_nothing_else(first: Pair) -> None:
    secret = first.refresh_token.split(".")[1]
    second = sessions.refresh(first.refresh_token)
    RefreshToken.objects.filter(digest=digest(secret)).update(
        used_at=None, expires_at=timezone.now()
    )
    assert is_over(first)
    later(seconds=31)
    assert is_over(first)
    assert not is_over(second)


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
