"""What is seen of a running Vivace: metrics, request ids, times, the log."""

import io
import json
import logging
import re
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY, CollectorRegistry
from pytest_django import Settings

from tests.client import BASE, Person
from tests.wsgi import ask
from vivace import logs, metrics
from vivace.accounts import logins, tokens
from vivace.accounts.identity import Identity
from vivace.api import catalogue, conditional, health, middleware, observed, stored
from vivace.api.observed import Observed
from vivace.api.stored import StoredAnswers
from vivace.tallies import Tally


def total(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


# --- Counted -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/artists", "200", f"{BASE}/artists"),
        ("HEAD", "/artists/", "200", f"{BASE}/artists"),
        ("GET", "/artists/17", "404", f"{BASE}/artists/{{id}}"),
        ("GET", "/artists/17/tracks", "404", f"{BASE}/artists/{{id}}/tracks"),
        ("GET", "/nothing/of/that/name", "404", "other"),
        ("POST", "/artists/17", "405", f"{BASE}/artists/{{id}}"),
        ("BREW", "/artists", "405", f"{BASE}/artists"),
    ],
)
def test_a_request_is_counted_by_its_route(
    method: str, path: str, status: str, route: str, answers: StoredAnswers
) -> None:
    shown = method if method != "BREW" else "other"
    labels = {"method": shown, "route": route, "status": status}
    before = total("vivace_requests_total", **labels)
    times = total("vivace_request_seconds_count", route=route)
    found = ask(Observed(answers), path, method=method)
    assert found[0].startswith(status)
    assert total("vivace_requests_total", **labels) == before + 1
    assert total("vivace_request_seconds_count", route=route) == times + 1


def test_it_is_told_how_an_answer_was_given(answers: StoredAnswers) -> None:
    def outcomes() -> dict[str, float]:
        name = "vivace_stored_answers_total"
        return {each: total(name, outcome=each) for each in ("made", "kept", "known", "shared")}

    before, seen = outcomes(), Observed(answers)
    _, headers, _ = ask(seen, "/artists")
    ask(seen, "/artists")
    ask(seen, "/artists", HTTP_IF_NONE_MATCH=headers["ETag"])
    after = outcomes()
    assert {name: after[name] - before[name] for name in after} == {
        "made": 1, "kept": 1, "known": 1, "shared": 0,
    }  # fmt: skip


def test_its_time_is_told_in_buckets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of all processes of a node together."""
    node = [Tally(metrics.LABELS, metrics.SECONDS, str(tmp_path)) for _ in range(2)]
    monkeypatch.setattr(metrics, "requests", node[0])
    for tally in node:
        for seconds in (0.002, 0.2, 100.0):
            tally.note(("GET", "/here", "200", "kept"), seconds)
    registry = CollectorRegistry()
    registry.register(metrics.Requests())

    def told(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    def within(bound: str) -> float | None:
        return told("vivace_request_seconds_bucket", route="/here", le=bound)

    assert [within(each) for each in ("0.001", "0.0025", "0.25", "60.0", "+Inf")] == [0, 2, 4, 4, 6]
    assert told("vivace_request_seconds_count", route="/here") == 6
    assert told("vivace_request_seconds_sum", route="/here") == pytest.approx(200.404)
    assert told("vivace_requests_total", method="GET", route="/here", status="200") == 6
    assert told("vivace_stored_answers_total", outcome="kept") == 6


def test_a_password_that_is_checked_is_counted(db: None) -> None:
    before = total("vivace_passwords_hashed_total")
    assert not logins.authenticate("nobody", "a wrong password", "192.0.2.7")
    assert total("vivace_passwords_hashed_total") == before + 1


def test_what_is_long_fills_no_memory(answers: StoredAnswers) -> None:
    """Nobody has to log in to ask for it."""
    application = Observed(answers)
    endpoint = catalogue.Artists.api_endpoints["GET"]
    memos = (
        observed.labels_of, stored.question, middleware.view_of,
        stored.takes_gzip, conditional.tags_of,
        endpoint.response_negotiator._negotiate,  # the framework's own
    )  # fmt: skip

    def remembered() -> list[int]:
        return [memo.cache_info().currsize for memo in memos]

    seen = []
    for letter in "xyz":
        end = "x" * 100_000 + letter
        assert ask(application, f"/artists/{end}")[0] == "404 Not Found"
        assert ask(application, "/artists", f"q={end}")[0] == "400 Bad Request"
        for header in ("ACCEPT", "ACCEPT_ENCODING", "IF_NONE_MATCH"):
            assert ask(application, "/artists", **{f"HTTP_{header}": end})[0] == "200 OK"
        seen.append(remembered())
    assert seen[0] == seen[1] == seen[2]


# --- /metrics ----------------------------------------------------------------------------------


def test_an_admin_reads_the_metrics(admin: Person) -> None:
    key = admin.post("me/api-keys", {"name": "Prometheus"}).json["key"]
    response = admin.client.get("/metrics", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    for name in ("vivace_requests_total", "vivace_request_seconds", "vivace_hashing"):
        assert f"# TYPE {name.removesuffix('_total')}" in response.text
    assert response.text.endswith("\n")


def test_they_are_unavailable_where_the_key_cannot_be_looked_up(
    admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "identify", Mock(side_effect=OperationalError("gone")))
    response = admin.client.get("/metrics", headers=admin.authorization)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("listener", 403), ("editor", 403)])
@pytest.mark.django_db
def test_nobody_else_does(role: str | None, status: int) -> None:
    person = Person(role)
    response = person.client.get("/metrics", headers=person.authorization)
    assert response.status_code == status
    assert json.loads(response.content)["status"] == status


# --- Of one request ----------------------------------------------------------------------------


def test_a_request_has_an_id(answers: StoredAnswers) -> None:
    seen = Observed(answers)
    for _ in range(2):
        first = ask(seen, "/artists")[1]["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f]{16}", first)
        assert ask(seen, "/artists")[1]["X-Request-Id"] != first


@pytest.mark.parametrize(
    ("given", "kept"), [("a-proxy_1234", True), ("short", False), ("no spaces in it", False)]
)
def test_it_is_the_one_of_the_proxy_where_that_is_one(
    given: str, kept: bool, answers: StoredAnswers
) -> None:
    found = ask(Observed(answers), "/artists", HTTP_X_REQUEST_ID=given)[1]["X-Request-Id"]
    assert (found == given) is kept


@pytest.mark.parametrize("role", ["listener", "editor", "admin"])
def test_an_admin_sees_how_long_it_took(role: str, answers: StoredAnswers) -> None:
    found = ask(Observed(answers), "/artists", token=tokens.issue(Identity(1, role)))
    shown = found[1].get("Server-Timing", "")
    assert bool(re.fullmatch(r"app;dur=\d+\.\d\d", shown)) is (role == "admin")


def test_who_says_to_be_an_admin_is_none(answers: StoredAnswers) -> None:
    found = ask(Observed(answers), "/artists", token="1.admin.nonsense")
    assert found[0] == "401 Unauthorized"
    assert "Server-Timing" not in found[1]


# --- The log -----------------------------------------------------------------------------------


def test_a_line_of_the_log_names_the_request(answers: StoredAnswers, settings: Settings) -> None:
    settings.ACCESS_LOG = True
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    observed.log.addHandler(handler)
    try:
        headers = ask(Observed(answers), "/artists/17")[1]
    finally:
        observed.log.removeHandler(handler)
    (line,) = map(json.loads, written.getvalue().splitlines())
    assert line.pop("at").endswith("+00:00")
    assert line.pop("ms") > 0
    assert line.pop("message").startswith(f"GET {BASE}/artists/{{id}} 404 ")
    assert line == {
        "level": "INFO", "logger": "vivace.requests", "request_id": headers["X-Request-Id"],
        "method": "GET", "route": f"{BASE}/artists/{{id}}", "status": 404,
    }  # fmt: skip


def test_an_error_is_one_line_with_its_traceback() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        record = logging.LogRecord("x", 40, "f.py", 1, "no %s", ("way",), sys.exc_info())
    line = json.loads(logs.JsonLines().format(record))
    assert (line["message"], line["level"]) == ("no way", "ERROR")
    assert "ZeroDivisionError" in line["exception"]
