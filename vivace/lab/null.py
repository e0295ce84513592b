"""A server that does nothing: what a load generator measures of it is its own floor."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"items":[],"next":null}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]
