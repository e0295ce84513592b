"""Registering, logging in, refreshing and logging out over HTTP."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from tests.client import Person, Reply, blamed, problem
from vivace.accounts import people
from vivace.accounts.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "Träumerei-1838"
CLARA = {"email": "clara@example.org", "username": "Clara", "password": PASSWORD}


@pytest.fixture
def clara() -> User:
    return people.create(**CLARA)


@pytest.fixture
def _open(settings: Settings) -> None:
    settings.REGISTRATION = True


def post(path: str, body: object, **headers: str) -> Reply:
    return Person().post(f"auth/{path}", body, **headers)


def log_in() -> dict[str, Any]:
    pair: dict[str, Any] = post("login", {"login": "clara", "password": PASSWORD}).json
    return pair


@pytest.mark.usefixtures("_open")
def test_a_registration_answers_with_the_account() -> None:
    reply = post("register", CLARA)
    user = User.objects.get()
    assert (reply.status, reply.headers["Location"]) == (201, "/api/v1/me")
    assert reply.json == {
        "id": str(user.pk),
        "username": "Clara",
        "email": "clara@example.org",
        "role": "listener",
        "is_active": True,
        "created_at": user.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": user.updated_at.isoformat().replace("+00:00", "Z"),
    }


def test_a_registration_is_forbidden_where_it_is_closed(settings: Settings) -> None:
    settings.REGISTRATION = False
    problem(post("register", CLARA), 403)


@pytest.mark.usefixtures("_open")
@pytest.mark.parametrize(
    ("changes", "status", "pointers"),
    [
        ({"username": "cla ra", "email": "clara"}, 400, {"/email", "/username"}),
        ({"password": "password1"}, 400, {"/password"}),
        ({"password": "short"}, 400, {"/password"}),
        ({"username": "cla\0ra"}, 400, {"/username"}),
        ({"email": "cla\0ra@example.org"}, 400, {"/email"}),
        ({"password": "Träu\0merei-1838"}, 400, {"/password"}),
        ({"username": "ROBERT"}, 409, {"/username"}),
        ({"username": "Robert", "email": "robert@EXAMPLE.org"}, 409, {"/email", "/username"}),
    ],
)
def test_a_registration_says_what_is_wrong_and_where(
    changes: dict[str, str], status: int, pointers: set[str]
) -> None:
    people.create("robert@example.org", "robert", PASSWORD)
    assert set(blamed(post("register", CLARA | changes), status)) == pointers


@pytest.mark.usefixtures("_open")
@pytest.mark.parametrize("field", CLARA)
def test_half_a_character_is_refused(field: str) -> None:
    body = json.dumps(CLARA | {field: "cla\ud800ra"}).encode()
    problem(post("register", body), 400)


@pytest.mark.usefixtures("clara")
@pytest.mark.parametrize("login", ["Clara", "clara", "CLARA@example.org"])
def test_a_login_answers_with_a_pair_that_nothing_may_keep(login: str) -> None:
    reply = post("login", {"login": login, "password": PASSWORD})
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert sorted(reply.json) == ["access_token", "expires_in", "refresh_token", "token_type"]
    assert (reply.json["token_type"], reply.json["expires_in"]) == ("Bearer", 300)
    person = Person()
    person.authorization = {"Authorization": f"Bearer {reply.json['access_token']}"}
    assert person.get("me").json["username"] == "Clara"


@pytest.mark.usefixtures("clara")
def test_a_failed_login_says_the_same_for_all() -> None:
    replies = [
        post("login", {"login": login, "password": "Kreisleriana-16"})
        for login in ("clara", "robert", "clara@example.org", "nobody@example.org", "cla\0ra")
    ]
    documents = [problem(reply, 401) for reply in replies]
    assert all(document == documents[0] for document in documents)


@pytest.mark.usefixtures("clara")
def test_too_many_failed_logins_are_a_429_with_its_fields(settings: Settings) -> None:
    settings.LOGIN_LIMIT = (2, 999_999)
    body = {"login": "clara", "password": "Kreisleriana-16"}
    assert [post("login", body).status for _ in range(3)] == [401, 401, 429]
    reply = post("login", body | {"password": PASSWORD})
    problem(reply, 429)
    seconds = reply.headers["Retry-After"]
    assert reply.headers["RateLimit"] == f'"login-account";r=0;t={seconds}'
    assert reply.headers["RateLimit-Policy"] == '"login-account";q=2;w=999999'


def test_addresses_are_told_apart_behind_a_trusted_proxy_only(settings: Settings) -> None:
    settings.LOGIN_LIMIT = (1, 999_999)

    def tries(name: str) -> list[int]:
        return [
            post(
                "login",
                {"login": f"{name}{number}", "password": PASSWORD},
                x_forwarded_for=f"198.51.100.{number}",
            ).status
            for number in range(12)
        ]

    assert tries("a") == [401] * 10 + [429] * 2
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert tries("b") == [401] * 12


@pytest.mark.usefixtures("clara")
def test_a_refresh_answers_with_another_pair() -> None:
    first = log_in()
    reply = post("refresh", {"refresh_token": first["refresh_token"]})
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "no-store"
    assert first["refresh_token"] != reply.json["refresh_token"]
    assert first["access_token"] != reply.json["access_token"]


@pytest.mark.usefixtures("clara")
def test_a_logout_ends_the_session_and_may_be_said_twice() -> None:
    body = {"refresh_token": log_in()["refresh_token"]}
    for _ in range(2):
        reply = post("logout", body)
        assert (reply.status, reply.body) == (204, b"")
    problem(post("refresh", body), 401)


@pytest.mark.usefixtures("clara")
def test_an_access_token_that_has_run_out_is_in_nobodys_way() -> None:
    body = {"login": "clara", "password": PASSWORD}
    assert post("login", body, authorization="Bearer old").status == 200


@pytest.mark.usefixtures("_open", "clara")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("register", CLARA),
        ("login", {"login": "clara", "password": PASSWORD}),
        ("refresh", {"refresh_token": "x"}),
        ("logout", {"refresh_token": "x"}),
    ],
)
def test_what_is_not_known_or_not_there_is_refused(path: str, body: dict[str, str]) -> None:
    problem(post(path, body | {"remember": True}), 400)
    assert blamed(post(f"{path}?remember=true", body), 400) == ["remember"]
    problem(post(path, []), 400)
    for field in body:
        assert blamed(post(path, {**body, field: 1}), 400) == [f"/{field}"]
        problem(post(path, {name: body[name] for name in body if name != field}), 400)
