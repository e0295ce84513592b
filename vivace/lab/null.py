"""A server that does nothing: what a load generator measures of it is its own floor.

`VIVACE_LAB_BODY` may name a file whose bytes it answers with.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PATH = os.environ.get("VIVACE_LAB_BODY")
BODY = Path(PATH).read_bytes() if PATH else b'{"items":[],"next":null}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]
