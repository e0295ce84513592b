"""Whether an index that the profile proposes gains what it says, once it is put back.

    python -m benchmarks.put_back [--db postgresql]

A bookshop has lost an index. The profile proposes it and measures it on copies; then it is put
into the shop itself and dropped again, in alternate rounds, and the same request timed there.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg

PATH = "/missing-index/dropped/"
ROUNDS, REQUESTS = 15, 20
INDEX = "CREATE INDEX put_back ON planted_book (isbn)"


@contextmanager
def database(kind: str) -> Iterator[str]:
    from vivace.lab.servers import postgresql_server

    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite://{folder}/shop.sqlite3"
        return
    with postgresql_server() as server:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        yield f"{server}/shop"


def main(kind: str) -> None:
    from vivace.lab import profile
    from vivace.lab.ratios import ratio

    with database(kind) as address:
        os.environ |= {"PLANTED_URLS": "defects", "PLANTED_DATABASE": address}
        shop = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.planted.settings"}
        subprocess.run([sys.executable, "-m", "tests.planted.fill"], env=shop, check=True)
        settings = shop["DJANGO_SETTINGS_MODULE"]
        result = profile.of_project(settings, [PATH], {}, None, lambda *_: None)
        (found,) = result.profiles.operations[0].found
        assert found.trial
        without, with_it, _ = zip(*found.trial.pairs, strict=True)
        command = [sys.executable, "-m", "benchmarks.put_back", "there"]
        told = subprocess.run(command, env=shop, check=True, capture_output=True).stdout
    there = ratio(*msgspec.json.decode(told))
    said = ratio(without, with_it)
    for what, gain in (("on copies", said), ("put back", there)):
        print(f"{what}: {gain.ratio:.2f} times as fast ({gain.low:.2f} to {gain.high:.2f})")
    print(f"apart by {abs(said.ratio / there.ratio - 1):.1%}")


def there() -> None:
    """Print the seconds of each round without the index and with it."""
    import django

    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connection

    from vivace.lab.profiling.calling import Request, call
    from vivace.lab.profiling.databases import keep_connections

    keep_connections()
    handler, request = WSGIHandler(), Request("", "GET", PATH)

    def seconds(change: str) -> float:
        with connection.cursor() as cursor:
            cursor.execute(change)
            cursor.execute("ANALYZE planted_book")
        call(handler, request)
        took = []
        for _ in range(REQUESTS):
            began = time.perf_counter()
            call(handler, request)
            took.append(time.perf_counter() - began)
        return sorted(took)[REQUESTS // 2]

    with_it, without = zip(
        *((seconds(INDEX), seconds("DROP INDEX put_back")) for _ in range(ROUNDS)), strict=True
    )
    sys.stdout.buffer.write(msgspec.json.encode([without, with_it]))


if __name__ == "__main__":
    if sys.argv[1:] == ["there"]:
        there()
    else:
        main("postgresql" if "postgresql" in sys.argv else "sqlite")
