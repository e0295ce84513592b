"""An import beside others who write: they go on while it plans, and it notices what they did."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from vivace.catalogue import caching
from vivace.catalogue.models import Artist, Track
from vivace.imports import run, staging

pytestmark = pytest.mark.django_db(transaction=True)

PROMPT_SECONDS = 10
ROW = {"title": "Hyperballad", "artist": "Björk", "album": "Post"}


def add_artist() -> None:
    try:
        with transaction.atomic():
            Artist.objects.create(name="Tricky")
            caching.advance()
    finally:
        connection.close()


def test_others_write_while_a_file_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, tries = staging.stage, []

    def stage_beside_a_writer(*what: object) -> None:
        stage(*what)  # type: ignore[arg-type]
        tries.append(what)
        if len(tries) == 1:
            with ThreadPoolExecutor() as threads:
                threads.submit(add_artist).result(PROMPT_SECONDS)

    monkeypatch.setattr(staging, "stage", stage_beside_a_writer)
    report = run.import_rows(io.BytesIO(json.dumps(ROW).encode()))
    assert (report.added, report.stored, len(tries)) == (1, True, 2)
    assert set(Artist.objects.values_list("name", flat=True)) == {"Björk", "Tricky"}
    assert Track.objects.get().artist.name == "Björk"


def test_the_last_try_keeps_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TRIES_WITHOUT_LOCK", 0)
    report = run.import_rows(io.BytesIO(json.dumps(ROW).encode()))
    assert (report.added, report.stored) == (1, True)


def test_what_waits_after_the_commit_keeps_no_other_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    write, told = run.Attempt.write, []

    def write_and_wait(attempt: run.Attempt) -> None:
        write(attempt)
        transaction.on_commit(lambda: told.append(attempt.report.write_lock_ms))

    monkeypatch.setattr(run.Attempt, "write", write_and_wait)
    report = run.import_rows(io.BytesIO(json.dumps(ROW).encode()))
    assert told == [report.write_lock_ms]
    assert report.write_lock_ms > 0
