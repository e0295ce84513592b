"""How accounts come about, change and go; what the database itself refuses."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError
from pytest_django import Settings

from tests.threads import at_once
from vivace.accounts import passwords, people, sessions
from vivace.accounts.models import RefreshToken, User
from vivace.accounts.sessions import Pair
from vivace.problems import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
)

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)
PASSWORD = "Träumerei-1838"
HERE = "192.0.2.7"


@pytest.fixture
def clara() -> User:
    return people.create("clara@example.org", "Clara", PASSWORD)


def pointers(problem: Problem) -> set[str | None]:
    return {fault.pointer for fault in problem.errors}


def test_a_new_account_is_a_listener_whose_password_is_stored_as_argon2id() -> None:
    user = people.create("Clara@Example.ORG", "Clara", PASSWORD)
    stored = User.objects.get()
    assert (user.pk, stored.email, stored.username) == (stored.pk, "Clara@example.org", "Clara")
    assert (stored.role, stored.is_active, stored.is_staff) == ("listener", True, False)
    assert stored.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(PASSWORD, stored.password)


@pytest.mark.usefixtures("clara")
@pytest.mark.parametrize("login", ["clara", "CLARA", "clara@example.org", "CLARA@EXAMPLE.ORG"])
def test_it_is_found_by_username_and_address_in_any_case(login: str) -> None:
    found = User.objects.named(login)
    assert found is not None
    assert found.username == "Clara"


@pytest.mark.parametrize(("one", "other"), [("Ærø", "ÆRØ"), ("straße", "STRASSE"), ("ﬁn", "fin")])
def test_letters_beyond_ascii_have_cases_too_on_every_database(one: str, other: str) -> None:
    people.create("one@example.org", one, PASSWORD)
    with pytest.raises(Conflict) as caught:
        people.create("other@example.org", other, PASSWORD)
    assert pointers(caught.value) == {"/username"}


@pytest.mark.parametrize(
    ("email", "username", "taken"),
    [
        ("robert@example.org", "CLARA", {"/username"}),
        ("CLARA@example.org", "robert", {"/email"}),
        ("clara@EXAMPLE.org", "clara", {"/email", "/username"}),
    ],
)
@pytest.mark.usefixtures("clara")
def test_a_name_that_is_taken_is_a_conflict_on_its_field(
    email: str, username: str, taken: set[str]
) -> None:
    with pytest.raises(Conflict) as caught:
        people.create(email, username, PASSWORD)
    assert pointers(caught.value) == taken
    assert User.objects.count() == 1


@pytest.mark.parametrize("username", ["", "clara@home", "cla ra", "cla\0ra", "\ud800", "c" * 151])
def test_a_bad_username_is_refused(username: str) -> None:
    with pytest.raises(Invalid) as caught:
        people.create("clara@example.org", username, PASSWORD)
    assert pointers(caught.value) == {"/username"}


@pytest.mark.parametrize(
    "email",
    ["", "clara", "clara@", "cl\0ara@example.org", "cl\ud800@example.org", f"{'c' * 250}@ex.org"],
)
def test_a_bad_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as caught:
        people.create(email, "clara", PASSWORD)
    assert pointers(caught.value) == {"/email"}


@pytest.mark.parametrize(
    "password",
    ["", "Tr-1838", "password1", "clara@example.org", "T" * 1001, "Träu\0merei", "Träu\ud800merei"],
)
def test_a_bad_password_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        people.create("clara@example.org", "clara", password)
    assert pointers(caught.value) == {"/password"}


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        people.create("clara", "cla ra", "short")
    assert pointers(caught.value) == {"/email", "/username", "/password"}


def test_registration_is_refused_where_it_is_closed(settings: Settings) -> None:
    settings.REGISTRATION = False
    with pytest.raises(Forbidden):
        people.register("clara@example.org", "clara", PASSWORD)
    settings.REGISTRATION = True
    assert people.register("clara@example.org", "clara", PASSWORD).role == "listener"


@IN_THREADS
def test_of_several_who_want_a_name_at_once_one_gets_it() -> None:
    wanted = [
        lambda number=number: people.create(f"{number}@example.org", "Clara", PASSWORD)
        for number in range(4)
    ]
    results = at_once(*wanted)
    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 3 + ["User"]
    assert all(
        pointers(result) == {"/username"} for result in results if isinstance(result, Conflict)
    )


@pytest.mark.parametrize(
    "wrong", [{"username": "clara@home"}, {"role": "owner"}], ids=["username", "role"]
)
def test_the_database_itself_refuses(clara: User, wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        User.objects.filter(pk=clara.pk).update(**wrong)


@pytest.mark.parametrize(("role", "may"), [("listener", False), ("editor", False), ("admin", True)])
def test_the_admin_site_is_for_admins(clara: User, role: str, may: bool) -> None:
    changed = people.change(clara.pk, role=role)
    assert (changed.is_staff, changed.has_perm("x"), changed.has_module_perms("x")) == (may,) * 3


def signed_in(user: User, *, times: int = 2) -> Sequence[Pair]:
    return [sessions.log_in(user.username, PASSWORD, HERE) for _ in range(times)]


def is_over(pair: Pair) -> bool:
    try:
        sessions.refresh(pair.refresh_token)
    except Unauthenticated:
        return True
    return False


def test_a_new_password_ends_every_session_of_the_account_and_no_other(clara: User) -> None:
    other = people.create("robert@example.org", "robert", PASSWORD)
    pairs, (kept,) = signed_in(clara), signed_in(other, times=1)
    people.change_password(clara.pk, PASSWORD, "Kreisleriana-16", HERE)
    assert all(is_over(pair) for pair in pairs)
    assert not is_over(kept)
    assert sessions.log_in("clara", "Kreisleriana-16", HERE)


@pytest.mark.parametrize("change", [{"role": "editor"}, {"is_active": False}])
def test_a_role_or_activity_changed_anywhere_ends_every_session(
    clara: User, change: dict[str, str | bool]
) -> None:
    pairs = signed_in(clara)
    User.objects.filter(pk=clara.pk).update(**change)
    assert not RefreshToken.objects.exists()
    User.objects.filter(pk=clara.pk).update(is_active=True)
    assert all(is_over(pair) for pair in pairs)


def test_a_change_of_nothing_ends_no_session(clara: User) -> None:
    (pair,) = signed_in(clara, times=1)
    people.change(clara.pk, role="listener", is_active=True)
    clara.save()
    assert not is_over(pair)


def test_a_password_is_not_changed_without_the_current_one(clara: User) -> None:
    with pytest.raises(Invalid) as caught:
        people.change_password(clara.pk, "Kreisleriana-16", "Carnaval-op-9", HERE)
    assert pointers(caught.value) == {"/current_password"}
    clara.refresh_from_db()
    assert clara.check_password(PASSWORD)


def test_a_bad_new_password_is_refused(clara: User) -> None:
    with pytest.raises(Invalid) as caught:
        people.change_password(clara.pk, PASSWORD, "12345678", HERE)
    assert pointers(caught.value) == {"/new_password"}


@IN_THREADS
def test_of_two_new_passwords_at_once_one_is_taken_and_no_session_is_left() -> None:
    clara = people.create("clara@example.org", "Clara", PASSWORD)
    changes = [
        lambda new=new: people.change_password(clara.pk, PASSWORD, new, HERE)
        for new in ("Kreisleriana-16", "Carnaval-op-9")
    ]
    logins = [lambda: sessions.log_in("clara", PASSWORD, HERE)] * 2
    results = at_once(*changes, *logins)
    assert sum(result is None for result in results[:2]) == 1
    assert not RefreshToken.objects.exists()


@IN_THREADS
def test_of_two_who_depose_each_other_at_once_one_does() -> None:
    first, second = (
        people.create(f"{name}@example.org", name, PASSWORD, role="admin").pk
        for name in ("clara", "robert")
    )
    results = at_once(
        lambda: people.change(first, role="listener", by=second),
        lambda: people.change(second, role="listener", by=first),
    )
    assert sorted(type(result).__name__ for result in results) == ["Forbidden", "User"]


def test_a_deleted_account_is_gone_and_its_name_free(clara: User) -> None:
    (pair,) = signed_in(clara, times=1)
    people.delete(clara.pk)
    assert is_over(pair)
    for gone in (people.delete, people.change):
        with pytest.raises(NotFound):
            gone(clara.pk)
    with pytest.raises(Unauthenticated):
        people.active(clara.pk)
    assert people.create("clara@example.org", "Clara", PASSWORD).pk


def test_hashing_gives_up_where_every_lane_is_taken(
    clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    taken = [passwords.lanes.acquire() for _ in range(passwords.LANES)]
    try:
        with pytest.raises(Unavailable) as caught:
            clara.check_password(PASSWORD)
    finally:
        for _ in taken:
            passwords.lanes.release()
    assert caught.value.headers == {"Retry-After": "1"}
