"""Answers with a validator, and requests that depend on it (RFC 9110, sections 8.8 and 13)."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags

from vivace.problems import PreconditionFailed

encoder = msgspec.json.Encoder()

FOR_ONE_READER = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
"""What a cache is told of an answer."""

REMEMBERED_MAX = 200
"""Characters of a header that is taken apart once: what many send is short, and anybody may send
thousands that are long."""

ETAG_DIGITS = 32
"""128 bits: no two states of a thing will ever share them by chance."""


def etag(body: bytes) -> str:
    """A strong validator: the same bytes, the same tag."""
    # Of the sound ones the fastest by far: processors have instructions for it.
    return f'"{sha256(body).hexdigest()[:ETAG_DIGITS]}"'


def plain(content: Any, *, status: int = 200, location: str | None = None) -> HttpResponse:
    """The content as JSON, without an ETag: a report on a request, which no GET shows again."""
    response = HttpResponse(encoder.encode(content), status=status, content_type="application/json")
    if location:
        response["Location"] = location
    return response


def answer(
    request: HttpRequest, content: Any, *, status: int = 200, location: str | None = None
) -> HttpResponse:
    """The content as JSON with its ETag; 304 without it where the client has the same."""
    body = encoder.encode(content)
    tag = etag(body)
    asked = request.META.get("HTTP_IF_NONE_MATCH")
    if asked and request.method in {"GET", "HEAD"} and matches(asked, tag, weak=True):
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(body, status=status, content_type="application/json")
    response["ETag"] = tag
    for name, text in FOR_ONE_READER.items():
        response[name] = text
    if location:
        response["Location"] = location
    return response


@lru_cache(maxsize=1_024)
def tags_of(header: str) -> list[str]:
    return parse_etags(header)


def matches(header: str, tag: str, *, weak: bool = False) -> bool:
    tags = tags_of(header) if len(header) <= REMEMBERED_MAX else parse_etags(header)
    return "*" in tags or tag in tags or (weak and f"W/{tag}" in tags)


def guard(request: HttpRequest, content: Callable[[], Any]) -> None:
    """Raises `PreconditionFailed` where If-Match names another state than this content's.

    The caller holds the row's lock, so that the state is still this one when it writes. It is
    read only where If-Match is there.
    """
    asked = request.META.get("HTTP_IF_MATCH")
    if asked and not matches(asked, etag(encoder.encode(content()))):
        raise PreconditionFailed("Read it again: it is not what If-Match names")
