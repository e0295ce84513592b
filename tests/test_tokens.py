"""Access tokens, and who the `Authorization` field says is asking."""

import re

import pytest
from django.core import signing
from pytest_django import DjangoAssertNumQueries, Settings

from vivace.accounts import tokens
from vivace.accounts.bearer import identify
from vivace.accounts.identity import Identity
from vivace.problems import Unauthenticated

EDITOR = Identity(7, "editor")


def test_a_token_says_who_it_was_issued_to() -> None:
    assert tokens.read(tokens.issue(EDITOR)) == EDITOR


def test_a_token_has_only_the_characters_that_a_bearer_token_may_have() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", tokens.issue(EDITOR))


@pytest.mark.django_db
def test_a_token_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert identify(f"Bearer {tokens.issue(EDITOR)}") == EDITOR


def test_a_token_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.issue(EDITOR)
    monkeypatch.setattr(tokens, "LIFETIME_S", -1)
    with pytest.raises(Unauthenticated, match="run out"):
        tokens.read(token)


def test_a_token_lives_for_five_minutes() -> None:
    assert tokens.LIFETIME_S == 300


def test_a_token_altered_in_any_character_is_refused() -> None:
    token = tokens.issue(EDITOR)
    for place, letter in enumerate(token):
        other = "A" if letter != "A" else "B"
        with pytest.raises(Unauthenticated):
            tokens.read(token[:place] + other + token[place + 1 :])


def test_a_role_cannot_be_put_in_its_place() -> None:
    with pytest.raises(Unauthenticated):
        tokens.read(tokens.issue(EDITOR).replace("editor", "admin"))


def test_what_django_signed_for_another_purpose_is_refused() -> None:
    foreign = signing.TimestampSigner(sep=tokens.SEPARATOR, salt="sessions").sign("7.admin")
    with pytest.raises(Unauthenticated):
        tokens.read(foreign)


def test_a_token_of_another_server_is_refused_but_for_a_key_just_replaced(
    settings: Settings,
) -> None:
    token, old = tokens.issue(EDITOR), settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    with pytest.raises(Unauthenticated):
        tokens.read(token)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tokens.read(token) == EDITOR


@pytest.mark.parametrize("authorization", [None, ""])
def test_nobody_is_asking_without_the_field(authorization: str | None) -> None:
    assert identify(authorization) is None


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Bearer x", "Bearer a.b.c.d", "Bearer \xe9", " "],
)
def test_anything_else_is_refused_with_a_challenge(authorization: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        identify(authorization)
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def test_the_scheme_has_no_case() -> None:
    assert identify(f"bEARER  {tokens.issue(EDITOR)} ") == EDITOR


@pytest.mark.parametrize(
    ("role", "may"),
    [("listener", ["listener"]), ("editor", ["listener", "editor"]), ("admin", [*"lea"])],
)
def test_a_role_may_do_what_the_ones_before_it_may(role: str, may: list[str]) -> None:
    roles = ["listener", "editor", "admin"]
    allowed = [other for other in roles if Identity(1, role).has(other)]
    assert [name[0] for name in allowed] == [name[0] for name in may]
