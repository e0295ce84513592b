"""A file over HTTP: what is answered where not all of it goes in."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from tests.client import Person, Reply, blamed, problem
from vivace.api import imports
from vivace.api.models import KeptAnswer
from vivace.catalogue.models import Artist, Track
from vivace.imports.report import ImportReport

RIGHT = {"title": "Jóga", "artist": "Björk", "album": "Homogenic"}
WRONG = {"title": "", "artist": "Zaz", "album": "Zaz"}


def imported(person: Person, *rows: dict[str, Any], **query: Any) -> Reply:
    lines = b"\n".join(map(msgspec.json.encode, rows))
    return person.send("POST", "imports", lines, query=query, content_type="application/x-ndjson")


def test_a_row_that_is_wrong_stays_out_and_is_named(editor: Person) -> None:
    found = imported(editor, RIGHT, WRONG).json
    assert (found["added"], found["refused"]) == (1, 1)
    assert found["errors"] == [{"line": 2, "reason": "title: it is blank"}]
    assert Track.objects.count() == 1


def test_strictly_it_keeps_out_the_whole_file(editor: Person) -> None:
    for also in ({}, {"dry_run": "true"}):
        told = problem(imported(editor, WRONG, RIGHT, WRONG, strict="true", **also), 400)
        lines = [fault["detail"] for fault in told["errors"]]
        assert lines == ["Line 1: title: it is blank", "Line 3: title: it is blank"]
        assert not Artist.objects.exists()
    assert imported(editor, RIGHT, strict="true").json["added"] == 1


def test_a_file_that_was_kept_out_can_be_sent_again_under_its_key(editor: Person) -> None:
    def send(*rows: dict[str, Any]) -> Reply:
        lines = b"\n".join(map(msgspec.json.encode, rows))
        return editor.send(
            "POST", "imports", lines, query={"strict": "true"},
            headers={"Idempotency-Key": "once"}, content_type="application/x-ndjson",
        )  # fmt: skip

    problem(send(WRONG), 400)
    assert send(RIGHT).json["added"] == 1
    assert send(RIGHT).headers["Idempotency-Replayed"] == "true"
    assert Track.objects.count() == 1


def test_under_its_key_an_import_may_run_for_long(editor: Person) -> None:
    def send() -> Reply:
        headers, lines = {"Idempotency-Key": "once"}, msgspec.json.encode(RIGHT)
        return editor.send(
            "POST", "imports", lines, headers=headers, content_type="application/x-ndjson"
        )

    def runs_for(minutes: int) -> None:
        started_at = timezone.now() - timedelta(minutes=minutes)
        KeptAnswer.objects.update(status=None, started_at=started_at)

    assert send().json["added"] == 1
    runs_for(minutes=16)
    problem(send(), 409)
    runs_for(minutes=21)
    assert send().json["unchanged"] == 1


def test_one_whose_key_was_taken_over_says_what_it_did(
    editor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was committed by then."""

    def late(*_: Any, **__: Any) -> ImportReport:
        KeptAnswer.objects.update(started_at=timezone.now())
        return ImportReport(added=1)

    monkeypatch.setattr(imports, "import_rows", late)
    reply = editor.send(
        "POST", "imports", b"{}", headers={"Idempotency-Key": "once"},
        content_type="application/x-ndjson",
    )  # fmt: skip
    assert (reply.status, reply.json["added"]) == (200, 1)


def test_a_source_is_no_longer_than_in_a_row(editor: Person) -> None:
    assert imported(editor, {**RIGHT, "source_id": "1"}, source="s" * 100).json["added"] == 1
    reply = imported(editor, {**RIGHT, "source_id": "2"}, source="s" * 101)
    assert blamed(reply, 400) == ["source"]


def test_who_has_gone_imports_nothing(editor: Person) -> None:
    assert editor.user
    editor.user.delete()
    problem(imported(editor, RIGHT), 401)
    assert not Artist.objects.exists()
