"""How the users of load tests ask: what comes of a connection, and when it is made anew."""

import gzip
import json
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from load import connections
from load.connections import NO_ANSWER, Connection, head
from vivace.lab.machine import CHECKOUT

pytestmark = pytest.mark.any_database

PATIENCE_S, BRIEF_S = 5, 0.2
BODY = b'{"items": []}'


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    came: ClassVar[list[tuple[str, int]]] = []
    """What was asked, and through which of the client's ports."""

    def answer(self) -> None:
        self.came.append((self.path, self.client_address[1]))
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/nothing":
            self.close_connection = True
            return
        if self.path == "/late":
            time.sleep(2 * BRIEF_S)
        body = gzip.compress(BODY) if self.path == "/small" else sent or BODY
        self.send_response(503 if self.path == "/refused" else 200)
        self.send_header("Content-Length", str(len(body) + (self.path == "/short")))
        if self.path == "/small":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/last":
            self.send_header("Connection", "close")
        self.close_connection = self.path in {"/last", "/short"}
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Answering.came.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as found:
        threading.Thread(target=found.serve_forever, args=[0.01]).start()
        yield found
        found.shutdown()


@pytest.fixture
def base(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def connection(base: str) -> Iterator[Connection]:
    found = Connection(base, PATIENCE_S)
    yield found
    found.close()


def ask(connection: Connection, base: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    return connection.ask(head("POST" if body else "GET", base, path, body) + b"\r\n" + body)


def test_one_connection_is_kept_for_all_requests(connection: Connection, base: str) -> None:
    assert ask(connection, base, "/páth?q=夜 a") == (200, BODY)
    assert ask(connection, base, "/", b'{"a": 1}') == (200, b'{"a": 1}')
    assert ask(connection, base, "/refused") == (503, BODY)
    assert [path for path, _ in Answering.came] == ["/p%C3%A1th?q=%E5%A4%9C%20a", "/", "/refused"]
    assert len({port for _, port in Answering.came}) == 1


def test_what_comes_compressed_is_told_as_it_was(connection: Connection, base: str) -> None:
    assert ask(connection, base, "/small") == (200, BODY)


def test_one_that_the_server_ends_is_made_anew(connection: Connection, base: str) -> None:
    for path in ("/last", "/", "/"):
        assert ask(connection, base, path) == (200, BODY)
    assert len({port for _, port in Answering.came}) == 2


def test_one_that_nobody_used_for_long_is_made_anew(
    connection: Connection, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(connection, base, "/")
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0)
    ask(connection, base, "/")
    assert len({port for _, port in Answering.came}) == 2


@pytest.mark.parametrize("path", ["/nothing", "/short", "/late"])
def test_what_had_no_answer_is_not_asked_again(
    path: str, connection: Connection, base: str
) -> None:
    ask(connection, base, "/")
    connection.socket.settimeout(BRIEF_S)
    with pytest.raises(NO_ANSWER):
        ask(connection, base, path)
    assert [path for path, _ in Answering.came] == ["/", path]
    # What may yet come of it is not taken for the answer to another.
    assert ask(connection, base, "/", b'{"a": 1}') == (200, b'{"a": 1}')


VISIT = """
import json, sys, time

from locust.env import Environment

from load.visitors import Visitor

heard = []
Visitor.host = sys.argv[1]
environment = Environment()
environment.events.request.add_listener(lambda **told: heard.append(told))
visitor = Visitor(environment)
visitor.due = time.perf_counter() - 3_600
asked = {"/": {}, "/again": {}, "/made": {"status": 201}, "/refused": {}, "/nothing": {}}
answers = [visitor.ask("GET", path, dict, **more) for path, more in asked.items()]
answers.append(visitor.ask("GET", "/", list))
answers.append(visitor.ask("GET", "/", dict, lambda answer: f"not {len(answer)}"))
late = [told["response_time"] >= 3_600_000 for told in heard]
print(json.dumps([answers, late, [str(told["exception"] or "") for told in heard]]))
"""


def test_locust_hears_what_came_of_each_request(base: str) -> None:
    # In a process of its own, whose sockets and threads Locust may make its own.
    done = subprocess.run(
        [sys.executable, "-c", VISIT, base], cwd=CHECKOUT, check=True, capture_output=True
    )
    answers, late, reasons = json.loads(done.stdout)
    right = json.loads(BODY)
    assert answers == [right, right, None, None, None, None, None]
    # Only what had a time at which it was due counts from then.
    assert late == [True, *[False] * 6]
    assert reasons[:4] == ["", "", "status 200", "503"]
    assert reasons[4].startswith("no answer")
    assert reasons[5].startswith("not the shape it should have")
    assert reasons[6] == "not 1"


def test_of_a_server_over_tls_the_certificate_is_looked_at(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl is not installed")
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", key, "-out", certificate, "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    base = f"https://localhost:{server.server_port}"
    monkeypatch.setattr(connections, "tls", connections.tls.__wrapped__)
    with closing(Connection(base, PATIENCE_S)) as connection:
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(connection, base, "/")
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        assert ask(connection, base, "/") == (200, BODY)
