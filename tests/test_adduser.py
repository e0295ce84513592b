"""`vivace adduser`, as it is typed."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from vivace.accounts.management.commands import adduser
from vivace.accounts.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "Träumerei-1838"


def run(*arguments: str, stdin: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    out = io.StringIO()
    call_command("adduser", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nmore\n"])
def test_the_password_is_a_line_of_stdin(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(
        "clara@example.org", "--role", "admin", "--password-stdin",
        stdin=PASSWORD + ending, monkeypatch=monkeypatch,
    )  # fmt: skip
    user = User.objects.get()
    assert said == "clara <clara@example.org> can log in, as admin.\n"
    assert (user.username, user.email, user.role) == ("clara", "clara@example.org", "admin")
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "username"),
    [
        (["cla!ra+1@example.org"], "cla-ra+1"),
        (["clara@example.org", "--username", "Clara.S"], "Clara.S"),
    ],
)
def test_the_username_is_given_or_made_of_the_address(
    arguments: list[str], username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*arguments, "--password-stdin", stdin=PASSWORD, monkeypatch=monkeypatch)
    assert User.objects.get().username == username


def test_what_is_wrong_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user("clara", "clara@example.org")
    with pytest.raises(CommandError) as caught:
        run("clara@example.net", "--password-stdin", stdin=PASSWORD, monkeypatch=monkeypatch)
    assert str(caught.value) == "username: Another account has it"
    assert caught.value.returncode == 1


def test_a_bad_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="This password is too short"):
        run("clara@example.org", "--password-stdin", stdin="Tr-1838", monkeypatch=monkeypatch)
    assert not User.objects.exists()


def test_a_database_that_is_not_ready_is_said_in_one_line(
    empty_database: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vivace", "adduser", "clara@example.org", "--password-stdin"],
        input=PASSWORD,
        env={**os.environ, "DATABASE_URL": empty_database, "VIVACE_DATA_DIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "`vivace migrate`" in done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("again", [PASSWORD, "Kreisleriana-16"])
def test_a_terminal_is_asked_twice(again: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([PASSWORD, again])
    monkeypatch.setattr(adduser, "getpass", lambda _: next(answers))
    monkeypatch.setattr(sys, "stdin", Terminal())
    if again == PASSWORD:
        call_command("adduser", "clara@example.org", stdout=io.StringIO())
        assert User.objects.get().check_password(PASSWORD)
        return
    with pytest.raises(CommandError, match="The two passwords differ"):
        call_command("adduser", "clara@example.org")


def test_without_a_terminal_stdin_must_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="--password-stdin"):
        run("clara@example.org", stdin=PASSWORD, monkeypatch=monkeypatch)


def test_a_password_that_is_no_text_is_said_in_one_line(
    migrated_database: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vivace", "adduser", "clara@example.org", "--password-stdin"],
        input=b"\xff" * 20,
        env={
            **os.environ, "DATABASE_URL": migrated_database, "VIVACE_DATA_DIR": str(tmp_path),
            "PYTHONIOENCODING": "utf-8:strict",
        },
        check=False,
        capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"CommandError: The password is not UTF-8\n")
