"""Django's admin: who gets in, and what they do there to accounts."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from vivace.accounts import keys, logins, people, sessions
from vivace.accounts.models import RefreshToken, User

pytestmark = pytest.mark.django_db

PASSWORD = "Träumerei-1838"
LOGIN = "/admin/login/"


@pytest.fixture
def clara() -> User:
    return people.create("clara@example.org", "Clara", PASSWORD, role="admin")


@pytest.fixture
def robert() -> User:
    return people.create("robert@example.org", "robert", PASSWORD)


@pytest.fixture
def inside(client: Client, clara: User) -> Client:
    client.force_login(clara)
    return client


def get_in(client: Client, username: str, password: str = PASSWORD) -> bool:
    return client.post(LOGIN, {"username": username, "password": password}).status_code == 302


@pytest.mark.usefixtures("clara", "robert")
def test_admins_get_in_by_either_name_and_others_do_not(client: Client) -> None:
    assert get_in(client, "clara")
    assert get_in(client, "CLARA@example.org")
    assert not get_in(client, "robert")
    assert not get_in(client, "clara", "Kreisleriana-16")


@pytest.mark.parametrize("path", ["/healthz", "/api/docs", "/api/v1/artists", "/nowhere"])
def test_only_there_are_sessions(
    path: str, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.cookies["sessionid"] = "of a session that is not there"
    with django_assert_num_queries(0):
        response = client.get(path)
    assert not response.cookies
    assert "Cookie" not in response.headers.get("Vary", "")
    assert client.get(LOGIN).headers["Vary"] == "Cookie"


def test_an_admin_who_is_one_no_more_is_out_at_once(inside: Client, clara: User) -> None:
    assert inside.get("/admin/").status_code == 200
    people.change(clara.pk, role="editor")
    assert inside.get("/admin/").status_code == 302


@pytest.mark.usefixtures("clara")
def test_failed_logins_count_together_with_those_of_the_api(
    client: Client, settings: Settings
) -> None:
    settings.LOGIN_LIMIT = (2, 999_999)
    assert not get_in(client, "clara", "Kreisleriana-16")
    with pytest.raises(sessions.Unauthenticated):  # type: ignore[attr-defined]
        sessions.log_in("clara", "Kreisleriana-16", "127.0.0.1")
    assert not get_in(client, "clara")


def test_nobody_is_let_in_by_a_password_that_was_changed_meanwhile(
    client: Client, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def authenticate(*told: str) -> logins.Account | None:
        account = checked(*told)
        clara.set_password("Kreisleriana-1838")
        clara.save()
        return account

    checked = logins.authenticate
    monkeypatch.setattr(logins, "authenticate", authenticate)
    assert not get_in(client, "clara")


@pytest.mark.usefixtures("robert")
@pytest.mark.parametrize("kind", ["user", "apikey"])
def test_its_pages_show(inside: Client, clara: User, kind: str) -> None:
    key, _ = keys.create(clara.pk, "radio")
    pk = clara.pk if kind == "user" else key.pk
    paths = ["", "?q=clara", f"{pk}/change/", f"{pk}/delete/"]
    for path in [*paths, "add/"] if kind == "user" else paths:
        assert inside.get(f"/admin/accounts/{kind}/{path}").status_code == 200


def test_an_account_is_added(inside: Client) -> None:
    form = {
        "username": "johannes",
        "email": "johannes@example.org",
        "role": "editor",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert inside.post("/admin/accounts/user/add/", form).status_code == 302
    user = User.objects.get(username="johannes")
    assert (user.email, user.role) == ("johannes@example.org", "editor")
    assert user.check_password(PASSWORD)


@pytest.mark.usefixtures("robert")
@pytest.mark.parametrize(
    ("username", "email"),
    [("ROBERT", "other@example.org"), ("other", "ROBERT@example.org"), ("o@her", "o@example.org")],
)
def test_an_account_is_not_added_by_a_name_that_is_taken_or_bad(
    inside: Client, username: str, email: str
) -> None:
    form = {
        "username": username,
        "email": email,
        "role": "editor",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    response = inside.post("/admin/accounts/user/add/", form)
    assert response.status_code == 200
    assert User.objects.count() == 2


def test_a_change_of_role_ends_sessions(inside: Client, robert: User) -> None:
    sessions.log_in("robert", PASSWORD, "192.0.2.7")
    form = {"username": "robert", "email": robert.email, "role": "editor", "is_active": "on"}
    path = f"/admin/accounts/user/{robert.pk}/change/"
    assert inside.post(path, form).status_code == 302
    robert.refresh_from_db()
    assert robert.role == "editor"
    assert not RefreshToken.objects.exists()


def test_a_form_puts_no_role_back_that_was_changed_since_it_was_opened(
    inside: Client, robert: User
) -> None:
    path = f"/admin/accounts/user/{robert.pk}/change/"
    seen = inside.get(path).context["adminform"].form["seen"].value()
    people.change(robert.pk, role="editor")
    form = {"username": "robert", "email": "r@example.org", "role": "listener", "is_active": "on"}
    told = inside.post(path, form | {"seen": seen})
    assert list(told.context["adminform"].form.errors) == ["__all__"]
    robert.refresh_from_db()
    assert (robert.role, robert.email) == ("editor", "robert@example.org")


def test_a_new_password_puts_nothing_back(
    inside: Client, clara: User, robert: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the role of somebody who lost it while the password was hashed."""
    hashed = User.set_password

    def slowly(user: User, password: str | None) -> None:
        hashed(user, password)
        people.change(user.pk, role="listener", is_active=False)

    monkeypatch.setattr(User, "set_password", slowly)
    new = {f"{name}1": "Kreisleriana-16" for name in ("password", "new_password")}
    new |= {f"{name}2": "Kreisleriana-16" for name in ("password", "new_password")}
    form = new | {"usable_password": "true", "old_password": PASSWORD}
    for whose, path in (
        (robert, f"accounts/user/{robert.pk}/password/"),
        (clara, "password_change/"),
    ):
        assert inside.post(f"/admin/{path}", form).status_code == 302
        whose.refresh_from_db()
        assert (whose.role, whose.is_active) == ("listener", False)
        assert whose.check_password("Kreisleriana-16")


def test_a_new_password_ends_sessions(inside: Client, robert: User) -> None:
    sessions.log_in("robert", PASSWORD, "192.0.2.7")
    form = {
        "usable_password": "true",
        "password1": "Kreisleriana-16",
        "password2": "Kreisleriana-16",
    }
    path = f"/admin/accounts/user/{robert.pk}/password/"
    assert inside.post(path, form).status_code == 302
    robert.refresh_from_db()
    assert robert.check_password("Kreisleriana-16")
    assert not RefreshToken.objects.exists()


def test_a_key_is_not_made_there(inside: Client) -> None:
    assert inside.get("/admin/accounts/apikey/add/").status_code == 403
