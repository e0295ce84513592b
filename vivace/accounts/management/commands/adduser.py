"""`vivace adduser`: the first administrator, and anyone where registration is closed."""

import re
import sys
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from vivace.accounts import people
from vivace.accounts.models import User
from vivace.accounts.passwords import MAX_LENGTH
from vivace.problems import Problem

NOT_IN_USERNAMES = re.compile(r"[^\w.+-]")


class Command(BaseCommand):
    help = "Add someone who can log in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--username", help="default: what stands before the @ of EMAIL")
        parser.add_argument("--role", choices=User.Role.values, default=User.Role.LISTENER.value)
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password's line from stdin"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        email = options["email"]
        username = options["username"] or NOT_IN_USERNAMES.sub("-", email.rpartition("@")[0])
        password = password_from_stdin() if options["password_stdin"] else password_from_terminal()
        try:
            user = people.create(email, username, password, options["role"])
        except Problem as problem:
            raise CommandError(one_line(problem)) from problem
        self.stdout.write(f"{user.username} <{user.email}> can log in, as {user.role}.")


def password_from_stdin() -> str:
    try:
        return sys.stdin.readline(MAX_LENGTH + 2).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise CommandError("The password is not UTF-8") from error


def password_from_terminal() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password: use --password-stdin")
    try:
        password, again = getpass("Password: "), getpass("The same again: ")
    except EOFError as error:
        raise CommandError("No password was given") from error
    if again != password:
        raise CommandError("The two passwords differ")
    return password


def one_line(problem: Problem) -> str:
    reasons = [f"{(fault.pointer or '')[1:]}: {fault.detail}" for fault in problem.errors]
    return "; ".join(reasons) or problem.detail
