"""`vivace import`: files, exit codes, what is said, and what a killed one leaves."""

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROW = {"title": "Hyperballad", "artist": "Björk", "album": "Post"}
TRACKS = 3_503
MANY = 30_000

# (line, why it stays out): ten ways to spoil a line of JSON Lines.
SPOILED: dict[int, tuple[bytes, str]] = {
    3: (b'{"title": "Half a line",', "not JSON: Input data was truncated"),
    40: (b'{"artist": "Accept", "album": "Restless"}', "title: it is missing"),
    99: (b'{"title": " ", "artist": "a", "album": "b"}', "title: it is blank"),
    100: (
        b'{"title": "a", "artist": "a", "album": "b", "duration_ms": NaN}',
        "not JSON: JSON is malformed: invalid character (byte 59)",
    ),
    500: (
        b'{"title": "a", "artist": "a", "album": "b", "duration_ms": 18446744073709551616}',
        "duration_ms: expected a whole number <= 2147483647",
    ),
    777: (b'{"title": "\xff", "artist": "a", "album": "b"}', "not UTF-8: byte 12 of the line"),
    1_000: (b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    2_000: (
        b'{"title": "a\\u0000b", "artist": "a", "album": "b"}',
        "title: it holds a NUL character",
    ),
    3_000: (
        b'{"title": "a", "artist": "a", "album": "b", "release_date": "1999-02-30"}',
        "release_date: '1999-02-30' is not a date such as 1973, 1973-03 or 1973-03-01",
    ),
    TRACKS: (b'{"title": "' + b"a" * (1 << 20) + b'"}', "the line is longer than 1,048,576 bytes"),
}


class Vivace:
    """The command, on a library of its own."""

    def __init__(self, database: str, folder: Path) -> None:
        self.environment = os.environ | {"DATABASE_URL": database, "VIVACE_DATA_DIR": str(folder)}

    def __call__(self, *words: str | Path, input: bytes = b"") -> tuple[int, str, str]:  # noqa: A002 - as subprocess has it
        done = subprocess.run(
            self.words(*words), env=self.environment, input=input, capture_output=True, check=False
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def words(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "vivace", *map(str, words)]

    def report(self, *words: str | Path, **options: bytes) -> tuple[int, dict[str, Any]]:
        code, said, _ = self("import", "--json", *words, **options)
        return code, json.loads(said.splitlines()[-1])

    def counts(self, *words: str | Path, **options: bytes) -> tuple[int, int, int, int, int]:
        code, report = self.report(*words, **options)
        numbers = ("added", "changed", "unchanged", "refused")
        return (code, *(report[name] for name in numbers))

    def exported(self) -> str:
        return self("export")[1]

    def rows(self) -> tuple[int, ...]:
        """How many artists, albums and tracks there are, read without a process of ours."""
        tables = ("artist", "album", "track")
        counts = ", ".join(f"(SELECT COUNT(*) FROM catalogue_{name})" for name in tables)
        with closing(connected(self.environment["DATABASE_URL"])) as connection:
            return tuple(connection.execute(f"SELECT {counts}").fetchone() or ())


def connected(database: str) -> "sqlite3.Connection | psycopg.Connection[tuple[int, ...]]":
    if database.startswith("sqlite"):
        return sqlite3.connect(database.removeprefix("sqlite:///"))
    return psycopg.connect(database)


@pytest.fixture
def vivace(migrated_database: str, tmp_path: Path) -> Vivace:
    return Vivace(migrated_database, tmp_path)


def test_chinook_goes_in_as_it_is_and_once(vivace: Vivace, shared_data: Path) -> None:
    chinook = shared_data / "chinook"
    code, report = vivace.report("--source", "chinook", chinook / "tracks.jsonl")
    assert (code, report["added"], report["errors"]) == (0, TRACKS, [])
    assert report["created"] == {"artists": 204, "albums": 347, "genres": 25}
    assert report["notes"] == ["left out, being unknown columns: media_type, size_bytes"]
    assert vivace.counts("--source", "chinook", chinook / "tracks.jsonl") == (0, 0, 0, TRACKS, 0)
    assert vivace.counts("--source", "chinook", chinook / "tracks.csv") == (0, 0, 0, TRACKS, 0)

    playlists = ("--source", "chinook", chinook / "playlists.jsonl")
    assert vivace.counts(*playlists) == (1, 0, 0, 0, 18), "they need an owner"
    password = b"correct horse battery staple"
    vivace("adduser", "alice@example.org", "--password-stdin", input=password)
    assert vivace.counts("--owner", "alice@example.org", *playlists) == (0, 18, 0, 0, 0)
    assert vivace.counts("--owner", "alice@example.org", *playlists) == (0, 0, 0, 18, 0)


def test_a_spoiled_file_goes_in_but_for_the_lines_named(
    vivace: Vivace, shared_data: Path, tmp_path: Path
) -> None:
    lines = (shared_data / "chinook" / "tracks.jsonl").read_bytes().splitlines()
    for number, (line, _) in SPOILED.items():
        lines[number - 1] = line
    spoiled = tmp_path / "spoiled.jsonl"
    spoiled.write_bytes(b"\r\n".join(lines))

    code, report = vivace.report("--source", "chinook", "--strict", spoiled)
    assert code == 1
    assert vivace.exported() == ""

    code, report = vivace.report("--source", "chinook", spoiled)
    assert (code, report["added"]) == (3, TRACKS - len(SPOILED))
    reasons = {error["line"]: error["reason"] for error in report["errors"]}
    assert reasons == {number: reason for number, (_, reason) in SPOILED.items()}


OTHER_FILES = {
    "array.jsonl": (json.dumps([ROW]).encode(), "it is a JSON array"),
    "pretty.jsonl": (json.dumps([ROW, ROW], indent=1).encode(), "it is a JSON array"),
    "table.jsonl": (b"title,artist,album\na,b,c\n", "it is not JSON Lines"),
    "packed.jsonl": (gzip.compress(b"{}"), "it is compressed with gzip"),
    "song.csv": (b"ID3\x03\x00\x00\x00\x00", "it is a binary file"),
    "rows.csv": (b"a,b,c\nd,e,f\n", "its header lacks album, artist, title"),
    "empty.csv": (b"", "it is not CSV: the header is missing"),
    "twice.csv": (b"title,artist,album,title\n", "its header names 'title' twice"),
    "wide.csv": ("title,artist,album".encode("utf-16"), "it is UTF-16, not UTF-8"),
}


@pytest.mark.any_database
@pytest.mark.parametrize("name", OTHER_FILES)
def test_a_file_of_another_kind_is_told_in_one_line(
    vivace: Vivace, tmp_path: Path, name: str
) -> None:
    content, reason = OTHER_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    code, _, said = vivace("import", path)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"{path}: {reason}")


@pytest.mark.any_database
def test_a_file_that_is_not_there_is_told_in_one_line(vivace: Vivace, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    assert vivace("import", missing)[::2] == (1, f"{missing}: No such file or directory\n")


def test_rows_come_from_the_standard_input_too(vivace: Vivace) -> None:
    text = "\ufeff\n" + json.dumps(ROW) + "\r\n\r\n" + json.dumps(ROW | {"title": "Isobel"})
    assert vivace.counts("-", input=text.encode()) == (0, 2, 0, 0, 0)
    csv = "title,artist,album\nEnjoy,Björk,Post\n"
    assert vivace.counts("-", input=csv.encode()) == (0, 1, 0, 0, 0)


def test_several_files_are_counted_together_and_errors_name_theirs(
    vivace: Vivace, tmp_path: Path
) -> None:
    good, bad, other = (tmp_path / name for name in ("good.jsonl", "bad.jsonl", "other.csv"))
    good.write_text(json.dumps(ROW))
    bad.write_text('{"title": ')
    other.write_text("a,b\n")
    code, report = vivace.report(good, bad, other)
    assert (code, report["added"], report["refused"]) == (3, 1, 1)
    assert report["errors"] == [
        {"file": str(bad), "line": 1, "reason": "not JSON: Input data was truncated"}
    ]


def test_a_file_that_failed_is_told_in_the_json_too(vivace: Vivace, tmp_path: Path) -> None:
    code, report = vivace.report(tmp_path / "none.jsonl")
    assert code == 1
    reason = "No such file or directory"
    assert report["failed"] == [{"file": str(tmp_path / "none.jsonl"), "reason": reason}]


def test_what_went_in_beside_a_row_that_is_wrong_is_told_by_the_code(vivace: Vivace) -> None:
    rows = b'{"kind": "artist", "name": "Zaz"}\n{"kind": "artist"}\n'
    assert vivace.counts("-", input=rows) == (3, 0, 0, 0, 1)
    assert "Zaz" in vivace.exported()


def test_each_file_is_told_of_when_it_is_done(vivace: Vivace, tmp_path: Path) -> None:
    first = tmp_path / "first.jsonl"
    first.write_text(json.dumps(ROW))
    os.mkfifo(never := tmp_path / "never.jsonl")
    # A shell's background process ignores it, and so would what that starts.
    hear = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " runpy.run_module('vivace', run_name='__main__', alter_sys=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hear, "import", first, never],
        env=vivace.environment,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert b"first.jsonl: 1 added" in process.stdout.readline()
        # By now it waits for whoever may write to the pipe.
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()


@pytest.mark.parametrize("source", ["", " ", "s" * 101])
def test_a_source_is_as_in_a_row(vivace: Vivace, source: str) -> None:
    code, _, said = vivace("import", "--source", source, "-")
    assert code == 2
    assert said.endswith("argument --source: it is 1 to 100 characters that show\n")


@pytest.mark.parametrize("command", ["import", "export", "seed", "rebuildsearch"])
def test_a_database_that_is_not_ready_is_told_in_one_line(
    command: str, empty_database: str, tmp_path: Path
) -> None:
    words = {"import": ["-"], "seed": ["--artists", "3"]}.get(command, [])
    code, _, said = Vivace(empty_database, tmp_path)(command, *words, input=b"{}")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("vivace: the database: ")
    assert said.endswith("(`vivace migrate` prepares a database)\n")


def test_albums_and_tracks_of_one_name_come_back_from_a_spreadsheet(
    vivace: Vivace, tmp_path: Path
) -> None:
    weezer = {"artist": "Weezer", "album": "Weezer"}
    rows: list[dict[str, Any]] = [
        {"kind": "album", "title": "Weezer", "artist": "Weezer", "copy": 1, "release_date": "1994"},
        {"kind": "album", "title": "Weezer", "artist": "Weezer", "copy": 2, "release_date": "2001"},
        *({**weezer, "title": "Intro", "album_copy": number} for number in (1, 2)),
        *({**weezer, "title": "Untitled", "album_copy": 1, "copy": number} for number in (1, 2)),
    ]
    vivace.counts("-", input="\n".join(map(json.dumps, rows)).encode())
    table = vivace("export", "--format", "csv")[1]
    assert vivace.counts("-", input=table.encode()) == (0, 0, 0, 4, 0)
    database = tmp_path / "other.sqlite3"
    (tmp_path / "other").mkdir()
    other = Vivace(f"sqlite:///{database}", tmp_path / "other")
    other.environment["VIVACE_SECRET_KEY"] = "k" * 50
    assert other("migrate", "--verbosity=0")[0] == 0
    assert other.counts("-", input=table.encode()) == (0, 4, 0, 0, 0)
    assert other("export", "--format", "csv")[1] == table


def test_a_quote_that_is_left_open_says_how_much_it_took(vivace: Vivace) -> None:
    table = 'title,artist,album\n"Wish,Pink,Wish\nMoney,Pink,Dark\nTime,Pink,Dark\n'
    _, report = vivace.report("-", input=table.encode())
    (error,) = report["errors"]
    assert error["line"] == 2
    assert error["reason"].endswith("by its quotes the row goes on to line 4")


def test_a_cell_may_be_as_long_as_its_line(vivace: Vivace) -> None:
    vivace("adduser", "alice@example.org", "--password-stdin", input=b"correct horse battery")
    ids = ";".join(str(number) for number in range(9_000))
    rows = "".join(f"Track {n},Zaz,Zaz,{n}\n" for n in range(9_000))
    table = f"title,artist,album,source_id\n{rows}".encode()
    assert vivace.counts("--source", "s" * 100, "-", input=table)[:2] == (0, 9_000)
    playlists = f"kind,name,public,tracks\nplaylist,All,,{ids};{ids[:9]}\n".encode()
    sent = ("--source", "s" * 100, "--owner", "alice", "-")
    assert vivace.counts(*sent, input=playlists) == (0, 1, 0, 0, 0)


def test_an_owner_is_found_as_at_a_login(vivace: Vivace) -> None:
    password = b"correct horse battery staple"
    vivace("adduser", "a@example.org", "--username", "Jónsi", "--password-stdin", input=password)
    row = b'{"name": "Kept", "tracks": []}'
    assert vivace.counts("--owner", "JÓNSI", "-", input=row) == (0, 1, 0, 0, 0)


def test_a_path_of_any_bytes_is_told(vivace: Vivace, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl"))
    path.write_bytes(b'{"title": "Hoppipolla", "artist": "Sigur Ros", "album": "Takk"}')
    code, said, _ = vivace("import", path)
    assert (code, said.splitlines()[0]) == (
        0, f"{tmp_path}/\ufffd.jsonl: 1 added, 0 changed, 0 unchanged, 0 refused"
    )  # fmt: skip
    code, report = vivace.report(path, "nowhere")
    assert (code, report["unchanged"]) == (3, 1)


def test_an_unknown_owner_stops_it(vivace: Vivace) -> None:
    code, _, said = vivace("import", "--owner", "nobody", "-")
    assert (code, said) == (1, "CommandError: --owner: there is no user 'nobody'\n")


def many_rows(count: int) -> bytes:
    row = {"artist": "Bach", "album": "Cantatas", "genre": "Baroque"}
    rows = (row | {"title": f"No. {number}", "source_id": number} for number in range(count))
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize("seconds", [0.6, 1.0, 1.5, 2.2])
def test_one_that_is_killed_leaves_all_or_nothing(
    vivace: Vivace, tmp_path: Path, seconds: float
) -> None:
    path = tmp_path / "many.jsonl"
    path.write_bytes(many_rows(MANY))
    words = vivace.words("import", "--source", "cd", path)
    with subprocess.Popen(words, env=vivace.environment, stdout=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        process.kill()
    assert vivace.rows() in {(0, 0, 0), (1, 1, MANY)}
    code, added, changed, unchanged, _ = vivace.counts("--source", "cd", path)
    assert (code, changed, added + unchanged) == (0, 0, MANY)
    assert vivace.rows() == (1, 1, MANY)
