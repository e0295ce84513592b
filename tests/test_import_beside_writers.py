"""An import beside others who write: they go on while it plans, and it notices what they did."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import connection, transaction

from vivace.accounts import people
from vivace.catalogue import caching
from vivace.catalogue.models import Artist, Track
from vivace.imports import run, staging
from vivace.listening import playlists
from vivace.listening.playlists import Own

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


if connection.vendor == "postgresql":

    def test_one_that_waits_for_whoever_waits_for_it_is_tried_again(
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        made, holds, store = Event(), Event(), run.store  # type: ignore[attr-defined]

        def add() -> None:
            try:
                with caching.changing():
                    Artist.objects.create(name="Björk")
                    made.set()
                    holds.wait(PROMPT_SECONDS)
            finally:
                connection.close()

        def store_late(*what: Any) -> None:
            if not holds.is_set():
                holds.set()
                # PostgreSQL looks a second later whether anybody waits for whoever waits.
                sleep(1.5)
            store(*what)

        monkeypatch.setattr(run, "store", store_late)
        with ThreadPoolExecutor() as threads:
            adding = threads.submit(add)
            made.wait(PROMPT_SECONDS)
            report = run.import_rows(io.BytesIO(json.dumps(ROW).encode()))
            adding.result(PROMPT_SECONDS)
        assert (report.added, report.stored) == (1, True)
        assert Artist.objects.get().name == Track.objects.get().artist.name == "Björk"


def test_what_a_row_does_not_say_of_a_playlist_is_its_owners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who may have changed it while the file was planned, which moves no generation."""
    owner = people.create("bjork@example.org", "björk", "Hyperballad-95")
    made = playlists.create(owner.pk, name="Kept", description=None, public=True)
    plan = run.Attempt.plan

    def plan_beside_the_owner(attempt: run.Attempt) -> None:
        plan(attempt)
        playlists.change(Own(owner.pk, made.pk), public=False)

    monkeypatch.setattr(run.Attempt, "plan", plan_beside_the_owner)
    row: dict[str, object] = {"name": "KEPT", "tracks": []}
    for told, public in ((row, False), (row | {"name": "kept", "public": True}, True)):
        lines = io.BytesIO(json.dumps(told).encode())
        assert run.import_rows(lines, owner=owner).changed == 1
        made.refresh_from_db()
        assert (made.name, made.public) == (told["name"], public)


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
