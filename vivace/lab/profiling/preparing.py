"""A library in the empty database of the settings, and what is asked of it, for other processes.

python -m vivace.lab.profiling.preparing FOLDER    puts the requests there
"""

import os
import sys
from pathlib import Path

import django
import msgspec
from django.contrib.auth.hashers import Argon2PasswordHasher, get_hashers
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections

from vivace.lab.profiling import frozen, vivace_api
from vivace.lab.profiling.calling import Answer, Request, call
from vivace.lab.profiling.databases import keep_connections, undone

PREPARING, ASKING = 1, 2
"""Seeds: what is drawn while the library is made is not drawn again by those who read it."""


CHEAP_HASHES = "LAB_CHEAP_HASHES"
"""A variable of the environment; whoever reads a library needs it where its maker had it."""


def requests_path(folder: Path) -> Path:
    return folder / "requests.json"


def main() -> None:
    set_up(PREPARING)
    vivace_api.fill()
    requests = vivace_api.requests(WSGIHandler())
    analyse()
    # The last one to leave an SQLite database puts all of it into one file.
    connections.close_all()
    requests_path(given()).write_bytes(msgspec.json.encode(requests))


def given() -> Path:
    """The folder that this process was told."""
    return Path(sys.argv[1])


def set_up(seed: int) -> None:
    frozen.freeze(seed)
    django.setup()
    frozen.freeze_loaded()
    if CHEAP_HASHES in os.environ:
        hash_cheaply()


def hash_cheaply() -> None:
    """Have a password's hash not hide what else is done: it takes a hundred times as much."""
    for hasher in get_hashers():
        if isinstance(hasher, Argon2PasswordHasher):
            hasher.memory_cost, hasher.time_cost = 8, 1


def analyse() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE")


def ready() -> tuple[WSGIHandler, list[Request]]:
    """The project, loaded, and what was prepared to be asked of it."""
    set_up(ASKING)
    keep_connections()
    requests = msgspec.json.decode(requests_path(given()).read_bytes(), type=list[Request])
    return WSGIHandler(), requests


def ask(handler: WSGIHandler, request: Request) -> Answer:
    """What is answered; what it writes is undone."""
    with undone():
        return call(handler, request)


if __name__ == "__main__":
    main()
