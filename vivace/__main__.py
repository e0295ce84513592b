"""The `vivace` command: Django's management entry point, with our commands beside Django's."""

import os
import re
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError, OperationalError

import vivace

# As a shell reports a program that the signal ended: 128 and its number.
INTERRUPTED = 128 + 2
BROKEN_PIPE = 128 + 13


UNPREPARED = re.compile("no such (table|column)|(relation|column) .* does not exist")


def is_its_state(error: Exception) -> bool:
    """Whether the database is to blame, and not a statement of ours."""
    return isinstance(error, OperationalError | InterfaceError) or bool(
        UNPREPARED.search(str(error))
    )


def told(error: Exception) -> str:
    """The first line of what it says, and what helps where it is known."""
    first = str(error).strip().partition("\n")[0]
    if UNPREPARED.search(first):
        return f"{first} (`vivace migrate` prepares a database)"
    return first


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vivace.settings")
    if sys.argv[1:] == ["--version"]:
        # Django would tell its own.
        sys.stdout.write(f"{vivace.__version__}\n")
        return
    try:
        execute_from_command_line(sys.argv)
        # A reader that went away is often noticed only here.
        sys.stdout.flush()
    except ImproperlyConfigured as error:
        sys.exit(f"vivace: {error}")
    except (DatabaseError, InterfaceError) as error:
        if "--traceback" in sys.argv or not is_its_state(error):
            raise
        sys.exit(f"vivace: the database: {told(error)}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Python flushes once more at exit, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


if __name__ == "__main__":
    main()
