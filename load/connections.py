"""Connections to a server, as cheap for whoever asks as they can be.

Where a generator shares processors with the server, what it takes to ask is missing to answer.
"""

import time
import zlib
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from gevent import socket, ssl
from geventhttpclient.response import HTTPParseError, HTTPSocketResponse

BLOCK = 1 << 16
OF_GZIP = 16 + zlib.MAX_WBITS
KEPT_SECONDS = 20
"""Servers close what nobody uses: Granian after 30 seconds, NGINX after 65. Nothing is asked twice,
so that what a server drops is seen."""

NO_ANSWER = (OSError, HTTPParseError, zlib.error)
"""What is raised where there is none, or none that can be read."""


def head(method: str, base: str, path: str, body: bytes = b"") -> bytes:
    """A request's, in HTTP/1.1, without the empty line: more headers may follow."""
    lines = [
        f"{method} {quote(path, safe='/?&=%-._~')} HTTP/1.1",
        f"Host: {urlsplit(base).netloc}",
        "Accept: application/json",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


@cache
def tls() -> Any:
    return ssl.create_default_context()


class Connection:
    """To the server at an address, and kept for the next request."""

    def __init__(self, base: str, timeout_s: float) -> None:
        parts = urlsplit(base)
        self.host, self.over_tls = str(parts.hostname), parts.scheme == "https"
        self.port = parts.port or (443 if self.over_tls else 80)
        self.timeout_s = timeout_s
        self.socket: Any = None
        self.used_at = 0.0

    def ask(self, message: bytes) -> tuple[int, bytes]:
        """Status and body, as it was before it was compressed. Raises one of `NO_ANSWER`."""
        if time.monotonic() - self.used_at > KEPT_SECONDS:
            self.close()
        try:
            if self.socket is None:
                self.connect()
            self.socket.sendall(message)
            reply = HTTPSocketResponse(self.socket, block_size=BLOCK)
            body = reply.read()
        except BaseException:
            # An answer that may yet come is nobody else's.
            self.close()
            raise
        if reply.should_close():
            self.close()
        self.used_at = time.monotonic()
        if reply.get("content-encoding") == "gzip":
            body = zlib.decompress(body, OF_GZIP)
        return reply.status_code, body

    def connect(self) -> None:
        where = self.host, self.port
        self.socket = socket.create_connection(where, timeout=self.timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.over_tls:
            self.socket = tls().wrap_socket(self.socket, server_hostname=self.host)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
