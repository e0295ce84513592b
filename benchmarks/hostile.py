"""Hostile clients in front of NGINX and Gunicorn as deploy/ has them: who else notices?

python -m benchmarks.hostile [--seconds 30]

Ordinary people read, first among themselves, then for so many seconds beside each kind of hostile
client, then beside all at once, and again among themselves. The hostile ones have addresses of
their own and an editor's account, and share the processor cores with all others. Exits with 1 where
an ordinary read failed.
"""

import asyncio
import sys
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks import readers, sites
from benchmarks.readers import API, Person, Readers
from benchmarks.trials import Trial
from vivace.lab import stacks
from vivace.lab.trials import Measured

WORKERS = 2
SILENCE_S = 1.0
"""Between two pieces of a slow client: less than NGINX waits for."""
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
CHUNK_EVERY_S = 0.0065
"""10 MB a second: a fast line, for which 256 MB are half a minute."""
AGAIN_S = 0.2
SILENT, ENDED = "answered nothing, ended by the server", "ended by the client"


class Hostile(NamedTuple):
    port: int
    source: str
    authorization: str
    until: float
    """By `time.monotonic`."""

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(self.source, 0), limit=1 << 20
        )

    def head(self, path: str, *lines: str) -> bytes:
        told = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: {self.authorization}"]
        return "\r\n".join([*told, "Content-Type: application/json", *lines, "", ""]).encode()

    def goes_on(self) -> bool:
        return time.monotonic() < self.until


Kind = Callable[[Hostile], Awaitable[str]]
"""What one client does once, and how that ends."""


async def slow_header(who: Hostile) -> str:
    return await sent(who, b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n", SILENCE_S)


async def slow_body(who: Hostile) -> str:
    return await sent(who, who.head(f"{API}/artists", "Content-Length: 1000000"), b" ", SILENCE_S)


async def endless_body(who: Hostile) -> str:
    head = who.head(f"{API}/imports", "Transfer-Encoding: chunked")
    return await sent(who, head, CHUNK, CHUNK_EVERY_S)


async def huge_body(who: Hostile) -> str:
    head = who.head(f"{API}/imports", f"Content-Length: {10 << 30}")
    return await sent(who, head, CHUNK, CHUNK_EVERY_S)


async def sent(who: Hostile, head: bytes, part: bytes, every_s: float) -> str:
    """Send the head and then a part again and again, until there is an answer."""
    reader, writer = await who.connected()
    try:
        answer = asyncio.ensure_future(reader.readline())
        writer.write(head)
        while who.goes_on() and not answer.done():
            writer.write(part)
            await writer.drain()
            await asyncio.wait([answer], timeout=every_s)
        if not answer.done():
            answer.cancel()
            return ENDED
        return status_of(await answer)
    finally:
        writer.close()


def bomb(path: str) -> Kind:
    async def sent_once(who: Hostile) -> str:
        reader, writer = await who.connected()
        try:
            length = f"Content-Length: {len(packed())}"
            writer.write(who.head(path, "Content-Encoding: gzip", length) + packed())
            return status_of(await reader.readline())
        finally:
            writer.close()

    return sent_once


@cache
def packed() -> bytes:
    """A gigabyte of spaces in a megabyte."""
    pack = zlib.compressobj(wbits=31)
    return b"".join(pack.compress(b" " * (1 << 20)) for _ in range(1 << 10)) + pack.flush()


def status_of(line: bytes) -> str:
    return line.split()[1].decode() if line else SILENT


BOMBED = (f"{API}/artists", f"{API}/artists/bulk", f"{API}/imports", f"{API}/auth/login")
KINDS: Mapping[str, Sequence[Kind]] = {
    "500 slow headers": [slow_header] * 500,
    "200 slow bodies": [slow_body] * 200,
    "4 endless bodies": [endless_body] * 4,
    "4 bodies of 10 GB": [huge_body] * 4,
    "4 gzip bombs": [bomb(path) for path in BOMBED],
}
"""What each of its clients does."""
PHASES: Mapping[str, Sequence[str]] = {
    "nobody": [],
    **{name: [name] for name in KINDS},
    "all at once": [*KINDS],
    "nobody, afterwards": [],
}
"""Of which kinds there are clients, in this order."""


def attack(port: int, authorization: str, seconds: float, names: Sequence[str]) -> Counter[str]:
    """In a process of its own: how often what came of what they did."""
    return asyncio.run(attacked(port, authorization, time.monotonic() + seconds, names))


async def attacked(
    port: int, authorization: str, until: float, names: Sequence[str]
) -> Counter[str]:
    ends = Counter[str]()

    async def again_and_again(name: str, do: Kind, who: Hostile) -> None:
        while who.goes_on():
            end = SILENT
            with suppress(OSError, asyncio.IncompleteReadError):
                end = await do(who)
            ends[f"{name}: {end}"] += 1
            await asyncio.sleep(AGAIN_S)

    await asyncio.gather(
        *(
            again_and_again(name, do, Hostile(port, f"127.0.1.{n % 10 + 1}", authorization, until))
            for name in names
            for n, do in enumerate(KINDS[name])
        )
    )
    return ends


def main() -> int:
    trial = Trial("hostile", __doc__)
    trial.parser.add_argument("--seconds", type=float, default=30)
    seconds = trial.parsed().seconds
    phases = []
    with (
        sites.site(1, 1, workers=WORKERS, limited=True) as at,
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        Readers(at.base) as people,
    ):
        editor = Person(at.base)
        editor.log_in(sites.EDITOR)
        port, who = urlsplit(at.base).port or 0, editor.headers["Authorization"]
        pool.submit(packed).result()
        for what, names in PHASES.items():
            began = time.monotonic()
            attacking = pool.submit(attack, port, who, seconds, names)
            time.sleep(seconds)
            ends = attacking.result()
            phases.append((what, began, time.monotonic(), ends))
    measured, wrong = [], []
    for what, began, ended, ends in phases:
        seen = people.between(began, ended)
        failed = readers.told(what, seen)
        p99 = readers.percentile((each.took_ms for each in seen), 0.99)
        wrong += [] if seen else [f"nobody read beside {what}"]
        measured += [
            Measured(what=f"reads beside {what} that failed", value=failed, at_most=0),
            Measured(what=f"p99 of reads beside {what}", value=p99, unit="ms"),
        ]
        for end, count in sorted(ends.items()):
            print(f"    {count:>6} × {end}")
    return trial.concluded(
        "postgresql", sites.WORDS, measured, wrong, programs=stacks.of_all_servers()
    )


if __name__ == "__main__":
    sys.exit(main())
