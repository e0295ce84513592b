"""Who sends too much, too slowly or nonsense to what `deploy/` ships: others do not notice."""

import json
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from tests.sites import Site
from vivace.lab import servers

ARTISTS = "/api/v1/artists"
POST = b"POST /api/v1/artists HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        (ARTISTS, 34 << 20, 413),
        ("/api/v1/imports", 10 << 30, 413),
        ("/api/v1/auth/login", 65 << 10, 413),
        ("/api/v1/auth/logout", 65 << 10, 413),
    ],
)
def test_a_body_too_large_is_refused_before_it_comes(
    path: str, length: int, status: int, site: Site
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    assert problem(said(site.port, head.encode())) == status


def test_who_sends_much_that_is_not_read_is_told_why(site: Site) -> None:
    for _ in range(30):
        assert site.ask("POST", "/api/v1/imports", b"x" * (8 << 20))[0] == 401


@pytest.mark.parametrize(
    "line",
    [b"GET /" + b"x" * 40_000 + b" HTTP/1.1", b"GET /% HTTP/1.1", b"GET / HTTP/7", b"nonsense"],
    ids=["too long", "no path", "no version", "no HTTP"],
)
def test_what_cannot_be_understood_is_refused(line: bytes, site: Site) -> None:
    assert problem(said(site.port, line + b"\r\nHost: localhost\r\n\r\n")) == 400


def test_a_header_too_large_is_refused(site: Site) -> None:
    much = b"X-Much: " + b"x" * 40_000
    head = b"GET /api/v1/artists HTTP/1.1\r\nHost: localhost\r\n" + much + b"\r\n\r\n"
    assert problem(said(site.port, head)) == 400


def test_a_large_header_is_not(site: Site) -> None:
    known = ",".join(f'"{n:030}"' for n in range(600))
    assert site.ask("GET", ARTISTS, headers={"If-None-Match": known})[0] == 200


def test_no_more_comes_in_pieces_than_at_once(site: Site) -> None:
    head = b"POST /api/v1/artists HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    mebibyte = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    assert problem(said(site.port, head + 34 * mebibyte)) == 413


def test_imports_of_one_address_do_not_fill_the_disk(site: Site) -> None:
    head = b"POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
    with ExitStack() as stack:
        for _ in range(4):
            connection = socket.create_connection(
                (servers.LOOPBACK, site.port), source_address=("127.0.3.1", 0)
            )
            stack.enter_context(connection)
            connection.sendall(head)
        time.sleep(0.5)
        imports = "/api/v1/imports"
        assert site.ask("POST", imports, b"{}", source="127.0.3.1")[0] == 429
        assert site.ask("GET", ARTISTS, source="127.0.3.1")[0] == 200
        assert site.ask("POST", imports, b"{}", source="127.0.3.2")[0] == 401


def test_as_many_ids_are_asked_for_as_may_be(site: Site) -> None:
    ids = ",".join(str(1_000_000 + n) for n in range(1_000))
    assert site.ask("GET", f"{ARTISTS}?ids={ids}")[0] == 200


def said(port: int, sent: bytes) -> bytes:
    with socket.create_connection((servers.LOOPBACK, port), timeout=20) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
            if answer.endswith(b"}"):
                break
    return answer


def problem(answer: bytes) -> int:
    """The status of an answer that is a problem document."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert b"application/problem+json" in head, answer
    assert json.loads(body)["status"] == status
    return status


def test_slow_clients_hold_nobody_up(site: Site) -> None:
    with ExitStack() as stack:
        for n in range(150):
            connection = socket.create_connection(
                (servers.LOOPBACK, site.port), source_address=(f"127.0.1.{n % 5 + 1}", 0)
            )
            stack.enter_context(connection)
            connection.sendall(POST)
            if n % 2:
                connection.sendall(b"Content-Length: 1000\r\n\r\n{")
        for _ in range(50):
            assert site.ask("GET", ARTISTS)[0] == 200


def test_too_many_connections_of_one_address_are_refused(site: Site) -> None:
    with ExitStack() as stack:
        for _ in range(205):
            connection = socket.create_connection(
                (servers.LOOPBACK, site.port), source_address=("127.0.2.1", 0)
            )
            stack.enter_context(connection)
            connection.sendall(
                b"POST /api/v1/artists HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
            )
        time.sleep(0.5)
        refused = site.ask("GET", ARTISTS, source="127.0.2.1")
        assert (refused[0], refused[1]["Retry-After"]) == (429, "1")
        assert json.loads(refused[2])["code"] == "too_many_requests"
        assert site.ask("GET", ARTISTS, source="127.0.2.2")[0] == 200
