"""Answers that are kept: the same as Django's own, and only for those who may read."""

import gzip
import runpy
import time
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from pytest_django import Settings

import vivace.settings
from tests import builders
from tests.client import BASE, Person
from tests.threads import at_once
from tests.wsgi import Django, ask, names, reader
from vivace.api import stored
from vivace.api.stored import StoredAnswers

# --- The same answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/artists", "/albums", "/tracks", "/genres", "/artists/{}", "/artists/{}/albums"]
)
def test_it_is_what_django_answers_and_asked_of_it_once(
    path: str, answers: StoredAnswers, django: Django
) -> None:
    path = path.format(builders.artist("Sigur Rós"))
    first, again = ask(answers, path), ask(answers, path)
    assert django.asked == 1
    assert first == again
    status, headers, body = ask(WSGIHandler(), path)
    assert (first[0], first[2]) == (status, body)
    assert first[1] == headers | {
        "Vary": f"{headers['Vary']}, Accept-Encoding",
        "Content-Length": str(len(body)),
    }


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/tracks/", "limit=7&sort=-title"),
        ("/tracks", "sort=-title&limit=7"),
        ("/tracks", "sort=%2Dtitle&limit=%37"),
    ],
)
def test_a_question_is_the_same_however_it_is_written(
    path: str, query: str, answers: StoredAnswers, django: Django
) -> None:
    first = ask(answers, "/tracks", "limit=7&sort=-title")
    assert ask(answers, path, query) == first
    assert django.asked == 1


@pytest.mark.parametrize("other", ["limit=8", "limit=7&sort=title", "limit=7&title=a"])
def test_another_question_has_an_answer_of_its_own(
    other: str, answers: StoredAnswers, django: Django
) -> None:
    ask(answers, "/tracks", "limit=7")
    ask(answers, "/tracks", other)
    assert django.asked == 2


APP = "https://app.example.org"


@pytest.fixture
def app_let_in(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_CORS_ORIGINS", APP)
    for name, value in runpy.run_path(vivace.settings.__file__).items():
        if name.startswith("CORS_") or name == "MIDDLEWARE":
            setattr(settings, name, value)


@pytest.mark.parametrize(
    "other",
    [
        f"{APP}/x", f"{APP}?x", f"{APP}#x", f"{APP}:443", f"{APP}.", f"{APP}\n",
        "HTTPS://app.example.org", "https://appXexample.org", "null", "https://[", "",
    ],
)  # fmt: skip
def test_an_origin_is_let_in_by_all_or_by_none(
    other: str, app_let_in: None, answers: StoredAnswers, django: Django
) -> None:
    """By what stands before Django and by what stands in it."""
    allow = "access-control-allow-origin"
    for _ in range(2):
        assert allow not in ask(answers, "/artists", HTTP_ORIGIN=other)[1]
        assert ask(answers, "/artists", HTTP_ORIGIN=APP)[1][allow] == APP
        assert allow not in ask(answers, "/artists")[1]
    assert django.asked == 2


def test_bytes_that_are_no_text_are_not_taken_for_others(
    answers: StoredAnswers, django: Django
) -> None:
    for query in ("title=%FF", "title=%FE", "title=%EF%BF%BD"):
        ask(answers, "/tracks", query)
    assert django.asked == 3


def test_head_is_get_without_the_body(answers: StoredAnswers, django: Django) -> None:
    head = ask(answers, "/artists", method="HEAD")
    status, headers, body = ask(answers, "/artists")
    assert head == (status, headers, b"")
    assert body
    assert django.asked == 1


def test_it_comes_compressed_to_those_who_take_that(answers: StoredAnswers, django: Django) -> None:
    for n in range(40):
        builders.artist(f"Artist {n}")
    _, plain, body = ask(answers, "/artists")
    for _ in range(2):
        status, headers, packed = ask(answers, "/artists", HTTP_ACCEPT_ENCODING="br, gzip")
        assert (status, headers["Content-Encoding"]) == ("200 OK", "gzip")
        assert headers["ETag"] == f"W/{plain['ETag']}"
        assert headers["Content-Length"] == str(len(packed))
        assert "Accept-Encoding" in headers["Vary"]
        assert gzip.decompress(packed) == body
        assert len(packed) < len(body) / 4
    assert ask(answers, "/artists") == ("200 OK", plain, body)
    assert django.asked == 1


def test_a_single_thing_keeps_its_strong_validator(
    answers: StoredAnswers, django: Django, editor: Person
) -> None:
    name = "Sigur Rós " * 49
    id_ = builders.artist(name, sort_name=name)
    takes = {"HTTP_ACCEPT_ENCODING": "gzip"}
    found = [ask(answers, f"/artists/{id_}", **takes) for _ in range(3)]
    assert len(found[0][2]) > stored.PACKED_MIN
    assert found == [found[0]] * 3
    etag = found[0][1]["ETag"]
    changed = editor.send("PATCH", f"artists/{id_}", {"name": "x"}, headers={"If-Match": etag})
    assert changed.status == 200


@pytest.mark.parametrize(
    ("accept", "comes"),
    [("gzip", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0", False), ("*", False), ("", False)],
)
def test_it_is_compressed_for_those_who_say_so(
    accept: str, comes: bool, answers: StoredAnswers
) -> None:
    builders.artists([{"name": f"Artist {n}"} for n in range(40)])
    ask(answers, "/artists")
    headers = ask(answers, "/artists", HTTP_ACCEPT_ENCODING=accept)[1]
    assert (headers.get("Content-Encoding") == "gzip") is comes


@pytest.mark.parametrize(
    ("name", "newer"), [("FORM", stored.FORM + 1), ("vivace.__version__", "9")]
)
def test_workers_of_two_versions_go_by_no_answer_of_each_others(
    name: str, newer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "GET", f"{BASE}/artists", "", "", "localhost"
    now = stored.question.__wrapped__(*asked)
    assert now == stored.question.__wrapped__(*asked)
    monkeypatch.setattr(f"vivace.api.stored.{name}", newer)
    assert stored.question.__wrapped__(*asked) not in {now, None}


@pytest.mark.django_db(transaction=True)
def test_one_that_asks_for_what_another_makes_waits_for_it() -> None:
    builders.artist("Sigur Rós")
    asked = []

    def slow(environ: stored.Environ, start_response: stored.Start) -> Iterable[bytes]:
        asked.append(1)
        time.sleep(0.2)
        return WSGIHandler()(environ, start_response)

    answers = StoredAnswers(slow)
    found = at_once(*[lambda: ask(answers, "/artists")] * 8)
    assert len({names(each)[0] for each in found if not isinstance(each, Exception)}) == 1
    assert (len(found), len(asked)) == (8, 1)


# --- Validators --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_who_has_it_is_told_so(form: str, answers: StoredAnswers, django: Django) -> None:
    _, headers, _ = ask(answers, "/artists")
    known = form.format(headers["ETag"])
    status, again, body = ask(answers, "/artists", HTTP_IF_NONE_MATCH=known)
    assert (status, body, again["ETag"]) == ("304 Not Modified", b"", headers["ETag"])
    assert django.asked == 1


def test_who_has_another_one_gets_it(answers: StoredAnswers) -> None:
    first = ask(answers, "/artists")
    assert ask(answers, "/artists", HTTP_IF_NONE_MATCH='"another"') == first


def test_the_first_who_asks_may_have_it_already(answers: StoredAnswers, django: Django) -> None:
    _, headers, _ = ask(WSGIHandler(), "/artists")
    assert ask(answers, "/artists", HTTP_IF_NONE_MATCH=headers["ETag"])[0] == "304 Not Modified"
    assert ask(answers, "/artists")[0] == "200 OK"
    assert django.asked == 1


def test_of_a_large_answer_the_validator_is_kept(
    answers: StoredAnswers, django: Django, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "KEPT_MAX", 10)
    status, headers, body = ask(answers, "/artists")
    assert ask(answers, "/artists", HTTP_IF_NONE_MATCH=headers["ETag"])[0] == "304 Not Modified"
    assert django.asked == 1
    assert ask(answers, "/artists") == (status, headers, body)
    assert django.asked == 2


# --- Not for everyone --------------------------------------------------------------------------


def test_it_is_not_for_those_who_may_not_read(answers: StoredAnswers) -> None:
    assert ask(answers, "/artists")[0] == "200 OK"
    for token in (None, "nonsense", reader()[:-1]):
        status, headers, _ = ask(answers, "/artists", token=token)
        assert status == "401 Unauthorized"
        assert headers["Content-Type"] == "application/problem+json"


def test_a_token_that_has_run_out_opens_nothing(
    answers: StoredAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(answers, "/artists", token=(token := reader()))
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 301)
    assert ask(answers, "/artists", token=token)[0] == "401 Unauthorized"


def test_an_api_key_opens_it(answers: StoredAnswers, django: Django, listener: Person) -> None:
    key = listener.post("me/api-keys", {"name": "A player"}).json["key"]
    first = ask(answers, "/artists", token=key)
    assert ask(answers, "/artists", token=key) == first
    assert django.asked == 1


def test_where_reading_is_public_anyone_gets_it(
    answers: StoredAnswers, django: Django, settings: Settings
) -> None:
    settings.PUBLIC_READ = True
    assert ask(answers, "/artists", token=None) == ask(answers, "/artists")
    assert django.asked == 1


@pytest.mark.parametrize(
    ("path", "query", "environ"),
    [
        ("/artists", "", {"HTTP_HOST": "elsewhere.example.org"}),
        ("/artists", "limit=1&limit=2", {}),
        ("/artists", "limit=0", {}),
        ("/artists", "", {"HTTP_ACCEPT": "text/html"}),
        ("/artists", "", {"HTTP_ACCEPT": "*/*, application/json;q=0"}),
        ("/artists", "", {"HTTP_ACCEPT": "application/x-ndjson"}),
        ("/artists", "", {"HTTP_ACCEPT": "application/json-seq"}),
        ("/artists", "name=\xc3\xb3", {}),
        ("/artists", f"name={'x' * 2_000}", {}),
        ("/artists/1", "", {}),
        ("/me", "", {}),
        ("/playlists", "", {}),
    ],
)
def test_what_is_no_such_answer_is_django_s_own(
    path: str, query: str, environ: dict[str, str], answers: StoredAnswers, django: Django
) -> None:
    plain = {"HTTP_ACCEPT": "application/json"}
    told = [ask(answers, path, query, **plain | environ) for _ in range(2)]
    assert django.asked == 2
    assert told == [ask(WSGIHandler(), path, query, **plain | environ)] * 2


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html, */*;q=0.8"])
def test_json_is_for_all_who_take_it(accept: str, answers: StoredAnswers, django: Django) -> None:
    ask(answers, "/artists")
    assert ask(answers, "/artists", HTTP_ACCEPT=accept)[0] == "200 OK"
    assert django.asked == 1
