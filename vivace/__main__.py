"""The `vivace` command: Django's management entry point, with our commands beside Django's."""

import os
import re
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

import vivace

# As a shell reports a program that the signal ended: 128 and its number.
INTERRUPTED = 128 + 2
BROKEN_PIPE = 128 + 13


def told(error: DatabaseError) -> str:
    """The first line of what it says, and what helps where it is known."""
    first = str(error).strip().partition("\n")[0]
    unprepared = re.search("no such table|relation .* does not exist", first)
    return f"{first} (`vivace migrate` prepares a database)" if unprepared else first


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
    except DatabaseError as error:
        sys.exit(f"vivace: the database: {told(error)}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Python flushes once more at exit, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


if __name__ == "__main__":
    main()
