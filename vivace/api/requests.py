"""Requests as Django reads them, but for what their headers may make of them."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

FIELD_MAX = 500
"""Characters of `Accept` and `Content-Type`. Of the former the framework remembers a thousand with
every endpoint, before it knows who asks; a browser's has 150."""


class Request(WSGIRequest):
    """A request whose text is UTF-8, and whose `Accept` and `Content-Type` are short.

    What is longer counts as absent, as RFC 9110 (12.5.1) lets a server take `Accept`.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        for name in ("HTTP_ACCEPT", "CONTENT_TYPE"):
            if len(environ.get(name, "")) > FIELD_MAX:
                del environ[name]
        super().__init__(environ)

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        told = meta.get("CONTENT_TYPE", "")
        # Django would read the query, too, in the charset that is named here. The bodies that are
        # taken are UTF-8 or refused. Nor is `a*=…` followed (RFC 2231): Python remembers for ever
        # each charset that there is not, and breaks at `a*=x; a*0=y`.
        self.content_type, self.content_params = parse_header_parameters(
            "" if "*" in told else told
        )


class Handler(WSGIHandler):
    request_class = Request
