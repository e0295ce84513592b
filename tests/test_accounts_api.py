"""Oneself, one's keys, and for admins everyone, over HTTP."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.client import Person, blamed, problem
from vivace.accounts import keys, people, sessions
from vivace.accounts.identity import Identity
from vivace.accounts.models import ApiKey
from vivace.problems import Unauthenticated

pytestmark = pytest.mark.django_db

PASSWORD = "Träumerei-1838"
HERE = "192.0.2.7"


@pytest.fixture
def clara() -> Person:
    person = Person("listener", "Clara")
    assert person.user
    person.user.set_password(PASSWORD)
    person.user.save()
    return person


@pytest.fixture
def robert() -> Person:
    return Person("editor", "robert")


@pytest.fixture
def admin() -> Person:
    return Person("admin", "joseph")


def shown(person: Person) -> dict[str, Any]:
    user = person.user
    assert user
    user.refresh_from_db()
    return {
        "id": str(user.pk),
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "is_active": user.is_active,
        "created_at": user.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": user.updated_at.isoformat().replace("+00:00", "Z"),
    }


def test_everyone_sees_their_own_account(clara: Person, robert: Person) -> None:
    assert clara.get("me").json == shown(clara)
    assert robert.get("me").json == shown(robert)


def test_an_account_that_has_gone_is_not_known(clara: Person) -> None:
    people.change(clara.account_id, is_active=False)
    problem(clara.get("me"), 401)
    problem(clara.post("me/api-keys", {"name": "radio"}), 401)
    people.delete(clara.account_id)
    problem(clara.get("me"), 401)
    problem(clara.post("me/api-keys", {"name": "radio"}), 401)


def test_a_new_password_ends_sessions_and_lets_one_in(clara: Person) -> None:
    pair = sessions.log_in("clara", PASSWORD, HERE)
    body = {"current_password": PASSWORD, "new_password": "Kreisleriana-16"}
    reply = clara.post("me/password", body)
    assert (reply.status, reply.body) == (204, b"")
    with pytest.raises(Unauthenticated):
        sessions.refresh(pair.refresh_token)
    assert sessions.log_in("clara", "Kreisleriana-16", HERE).access_token


@pytest.mark.parametrize(
    ("current", "new", "pointer"),
    [
        ("Kreisleriana-16", "Carnaval-op-9", "/current_password"),
        (PASSWORD, "password1", "/new_password"),
        (PASSWORD, "short", "/new_password"),
    ],
)
def test_a_password_is_not_changed_where_one_of_them_will_not_do(
    clara: Person, current: str, new: str, pointer: str
) -> None:
    body = {"current_password": current, "new_password": new}
    assert blamed(clara.post("me/password", body), 400) == [pointer]


def test_a_key_is_shown_once_and_then_listed_without_it(clara: Person) -> None:
    reply = clara.post("me/api-keys", {"name": "radio"})
    made = reply.json
    key = ApiKey.objects.get()
    assert reply.status == 201
    assert reply.headers["Location"] == f"/api/v1/me/api-keys/{key.pk}"
    assert reply.headers["Cache-Control"] == "no-store"
    assert keys.identify(made.pop("key")) == Identity(clara.account_id, "listener")
    moment = key.created_at.isoformat().replace("+00:00", "Z")
    assert made == {
        "id": str(key.pk),
        "name": "radio",
        "created_at": moment,
        "updated_at": moment,
    }
    assert clara.page("me/api-keys", total="true") == {"items": [made], "next": None, "total": 1}


def test_a_key_opens_the_api(clara: Person) -> None:
    program = Person()
    text = clara.post("me/api-keys", {"name": "radio"}).json["key"]
    program.authorization = {"Authorization": f"Bearer {text}"}
    assert program.get("me").json == shown(clara)


def test_keys_of_others_are_neither_listed_nor_deleted(clara: Person, robert: Person) -> None:
    key, _ = keys.create(clara.account_id, "radio")
    path = f"me/api-keys/{key.pk}"
    assert robert.items("me/api-keys") == []
    problem(robert.delete(path), 404)
    assert clara.delete(path).status == 204
    problem(clara.delete(path), 404)


@pytest.mark.parametrize("name", ["", " ", "ra\0dio", "r" * 151, 1, None])
def test_a_key_needs_a_name_that_shows(clara: Person, name: object) -> None:
    assert blamed(clara.post("me/api-keys", {"name": name}), 400) == ["/name"]


def test_an_idempotency_key_keeps_no_api_key(clara: Person) -> None:
    one, other = [
        clara.post("me/api-keys", {"name": "radio"}, idempotency_key="k").json for _ in range(2)
    ]
    assert one["key"] != other["key"]


@pytest.mark.parametrize("path", ["me", "me/api-keys", "users", "users/1"])
def test_nobody_sees_an_account_without_saying_who_they_are(path: str) -> None:
    reply = Person().get(path)
    problem(reply, 401)
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "users"), ("GET", "users/{}"), ("PATCH", "users/{}"), ("DELETE", "users/{}")],
)
def test_only_admins_see_and_change_others(
    clara: Person, robert: Person, method: str, path: str
) -> None:
    for person in (clara, robert):
        problem(person.send(method, path.format(person.account_id)), 403)


def test_admins_walk_through_all_accounts(admin: Person, clara: Person, robert: Person) -> None:
    everyone = [shown(admin), shown(clara), shown(robert)]
    assert admin.page("users", limit=2, total="true")["total"] == 3
    assert admin.walk("users", limit=2) == everyone
    assert admin.walk("users", limit=1, sort="-created_at") == everyone[::-1]
    assert admin.items("users", ids=f"{robert.account_id},{admin.account_id}") == everyone[::2]


def test_a_page_of_accounts_costs_one_query(
    admin: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):  # the page; who asks is in the token
        admin.page("users")


@pytest.mark.usefixtures("robert")
@pytest.mark.parametrize(
    "query",
    [
        {"username": "CLARA"},
        {"email": "Clara@Example.ORG"},
        {"username": "clara", "email": "clara@example.org"},
    ],
)
def test_admins_find_an_account_by_its_names(
    admin: Person, clara: Person, query: dict[str, str]
) -> None:
    assert admin.items("users", **query) == [shown(clara)]


def test_admins_see_one_account(admin: Person, clara: Person) -> None:
    path = f"users/{clara.account_id}"
    reply = admin.get(path)
    assert reply.json == shown(clara)
    again = admin.send("GET", path, headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("change", [{"role": "editor"}, {"is_active": False}, {}])
def test_admins_change_a_role_or_shut_someone_out(
    admin: Person, clara: Person, change: dict[str, Any]
) -> None:
    before = shown(clara)
    reply = admin.patch(f"users/{clara.account_id}", change)
    after = shown(clara)
    assert (reply.status, reply.json) == (200, after)
    assert after == before | change | {"updated_at": after["updated_at"]}


@pytest.mark.parametrize(
    ("change", "pointer"), [({"role": "owner"}, "/role"), ({"is_active": None}, "/is_active")]
)
def test_a_change_says_what_is_wrong_with_it(
    admin: Person, clara: Person, change: dict[str, Any], pointer: str
) -> None:
    assert blamed(admin.patch(f"users/{clara.account_id}", change), 400) == [pointer]


@pytest.mark.parametrize("name", ["username", "email", "password", "id", "is_staff"])
def test_nothing_else_of_an_account_is_changed(admin: Person, clara: Person, name: str) -> None:
    before = shown(clara)
    problem(admin.patch(f"users/{clara.account_id}", {name: "x"}), 400)
    assert shown(clara) == before


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "editor"}), ("DELETE", None)])
def test_a_change_may_depend_on_what_was_read(
    admin: Person, clara: Person, method: str, body: object
) -> None:
    path = f"users/{clara.account_id}"
    seen = admin.get(path).headers["ETag"]
    people.change(clara.account_id, is_active=False)
    problem(admin.send(method, path, body, headers={"If-Match": seen}), 412)
    seen = admin.get(path).headers["ETag"]
    assert admin.send(method, path, body, headers={"If-Match": seen}).status in {200, 204}


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "admin"}), ("DELETE", None)])
def test_who_is_no_administrator_any_more_changes_no_account(
    admin: Person, clara: Person, method: str, body: object
) -> None:
    """Though the access token still says so: what is done to an account is for good."""
    before = shown(clara)
    for change in ({"role": "editor"}, {"role": "admin", "is_active": False}):
        people.change(admin.account_id, **change)
        for whose in (admin, clara):
            problem(admin.send(method, f"users/{whose.account_id}", body), 403)
    people.delete(admin.account_id)
    problem(admin.send(method, f"users/{clara.account_id}", body), 403)
    assert shown(clara) == before


def test_a_deleted_account_is_not_there(admin: Person, clara: Person) -> None:
    path = f"users/{clara.account_id}"
    assert admin.delete(path).status == 204
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        problem(admin.send(method, path, body), 404)
    problem(admin.get("users/zero"), 404)
