"""`vivace seed`: a generated library of the size asked for, once."""

import re
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command

from vivace.catalogue.models import Album, Artist, Genre, Track, TrackCredit
from vivace.dataset.library import library

pytestmark = pytest.mark.django_db


def seed(*words: str) -> str:
    output = StringIO()
    call_command("seed", *words, stdout=output)
    return output.getvalue()


def test_it_fills_the_library_and_the_same_again_changes_nothing() -> None:
    first = seed("--artists", "30", "--tracks-per-album", "8")
    assert first == "Tracks: 480 added, 0 changed, 0 unchanged\n"
    assert [model.objects.count() for model in (Artist, Album, Track)] == [30, 60, 480]
    assert Genre.objects.count() > 5
    assert TrackCredit.objects.exists()
    again = seed("--artists", "30", "--tracks-per-album", "8")
    assert again == "Tracks: 0 added, 0 changed, 480 unchanged\n"
    assert Artist.objects.count() == 30


def test_rows_that_do_not_go_in_are_counted() -> None:
    seed("--artists", "30", "--tracks-per-album", "8")
    said = seed("--artists", "30", "--tracks-per-album", "8", "--seed", "2")
    assert re.fullmatch(r"Tracks: 480 added, 0 changed, 0 unchanged, [1-9]\d* refused\n", said)


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "library.jsonl"
    with pytest.raises(CommandError) as refused:
        seed("--artists", "1", "--output", str(path))
    assert str(refused.value) == f"{path}: No such file or directory"


def test_it_writes_a_file_instead_where_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "library.jsonl"
    assert seed("--artists", "5", "--seed", "9", "--output", str(path)) == ""
    rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert rows == list(library(5, seed=9))
    assert not Artist.objects.exists()


@pytest.mark.parametrize("words", [[], ["--artists", "-1"], ["--artists", "many"]])
def test_a_wrong_number_is_refused(words: list[str]) -> None:
    with pytest.raises(CommandError, match="--artists"):
        seed(*words)
