"""What a request says of itself in its headers, and what Django would make of that."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders
from tests.wsgi import Django, ask, environ_of, names
from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.api.requests import FIELD_MAX, Request
from vivace.api.stored import StoredAnswers

LATIN = "text/plain; charset=latin-1"
NONE_THERE_IS = [
    "text/plain; a*=bogus''x",
    "text/plain; charset=hex",
    "text/plain; charset=undefined",
    "text/plain; charset*=undefined''x",
    "text/plain; a*=x; a*0=y",
    ";;;=;",
]


def test_no_charset_makes_another_question_of_it(answers: StoredAnswers, django: Django) -> None:
    """Or what came of that would be kept for those who ask rightly."""
    builders.artist("Björk")
    for told in (LATIN, "text/plain; charset=utf-16", ""):
        found = ask(answers, "/artists", "name=Bj%C3%B6rk", CONTENT_TYPE=told)
        assert names(found) == ["Björk"]
    assert django.asked == 1


@pytest.mark.parametrize("media_type", NONE_THERE_IS)
def test_a_media_type_that_there_is_not_keeps_nobody_from_reading(
    media_type: str, answers: StoredAnswers
) -> None:
    assert ask(answers, "/artists", "limit=1", CONTENT_TYPE=media_type)[0] == "200 OK"


@pytest.mark.parametrize("media_type", NONE_THERE_IS)
def test_a_body_of_one_is_refused(media_type: str, django: Django) -> None:
    editor = tokens.issue(Identity(1, "editor"))
    told = {"method": "POST", "CONTENT_TYPE": media_type, "CONTENT_LENGTH": "2"}
    status, headers, body = ask(django, "/imports", "source=x", token=editor, **told)
    assert (status, headers["Content-Type"]) == (
        "415 Unsupported Media Type", "application/problem+json",
    )  # fmt: skip
    assert json.loads(body)["code"] == "unsupported_media_type"


@given(st.text(st.characters(max_codepoint=255), max_size=FIELD_MAX))
def test_whatever_a_media_type_is_the_request_is_one(media_type: str) -> None:
    request = Request(environ_of("/artists", "name=Bj%C3%B6rk", CONTENT_TYPE=media_type))
    assert request.GET["name"] == "Björk"


def test_what_is_too_long_counts_as_absent() -> None:
    fields = {"HTTP_ACCEPT": "text/html," * FIELD_MAX, "CONTENT_TYPE": "a" * (FIELD_MAX + 1)}
    request = Request(environ_of("/artists", **fields))
    assert (request.headers.get("Accept"), request.content_type) == (None, "")
    fields = {"HTTP_ACCEPT": "a" * FIELD_MAX, "CONTENT_TYPE": "a" * FIELD_MAX}
    request = Request(environ_of("/artists", **fields))
    assert (request.headers["Accept"], request.content_type) == ("a" * FIELD_MAX,) * 2
