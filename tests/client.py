"""The API as a program of someone sees it: what is sent, and the whole of what comes back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.test import Client

from tests import conformance
from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.accounts.models import User

BASE = "/api/v1"

CODES = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    411: "length_required",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "idempotency_key_reused",
    429: "too_many_requests",
    503: "unavailable",
}
"""The stable code that goes with each status of an error."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """What JSON Lines hold."""
        assert self.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in self.body.splitlines()]


def problem(reply: Reply, status: int) -> dict[str, Any]:
    """The problem document of an error, after a look at all that every one of them has."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = reply.json
    assert {*document} - {"errors"} == {"type", "code", "title", "status", "detail"}
    assert document["status"] == status
    assert document["code"] == CODES[status]
    assert document["type"] == f"/api/docs/problems#{CODES[status]}"
    assert document["title"]
    assert document["detail"]
    for fault in document.get("errors", []):
        assert {*fault} <= {"detail", "pointer", "parameter"}
        assert fault["detail"]
    return document


def blamed(reply: Reply, status: int) -> list[str]:
    """The pointers and parameters that an error names, in its order."""
    errors = problem(reply, status).get("errors", [])
    return [fault.get("parameter", fault.get("pointer")) for fault in errors]


class Person:
    """Someone who talks to the API, with an account of a role or with none."""

    def __init__(self, role: str | None = None, name: str = "") -> None:
        self.role = role
        self.user: User | None = None
        # A token in the field is what lets a request in, so no cookie's check may stand in its way.
        self.client = Client(enforce_csrf_checks=True)
        self.authorization: dict[str, str] = {}
        if role:
            username = name or role
            email = f"{username}@example.org"
            self.user = User.objects.create_user(username, email, role=role)
            token = tokens.issue(Identity(self.user.pk, role))
            self.authorization = {"Authorization": f"Bearer {token}"}

    @property
    def account_id(self) -> int:
        assert self.user
        return int(self.user.pk)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        **environ: Any,
    ) -> Reply:
        """One request. Bytes are sent as they are, anything else but None as JSON."""
        if body is None:
            data = b""
        else:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.client.generic(
            method,
            path if path.startswith("/") else f"{BASE}/{path}",
            data,
            content_type,
            headers={**self.authorization, **(headers or {})},
            query_params=dict(query or {}),
            **environ,
        )
        whole = b"".join(response) if response.streaming else response.content
        path = response.request["PATH_INFO"]
        conformance.check(method, path, response.status_code, response.headers, bytes(whole))
        return Reply(response.status_code, response.headers, bytes(whole))

    def get(self, path: str, **query: Any) -> Reply:
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.send("POST", path, body, headers=named(headers))

    def put(self, path: str, body: Any, **headers: str) -> Reply:
        return self.send("PUT", path, body, headers=named(headers))

    def patch(self, path: str, body: Any, **headers: str) -> Reply:
        return self.send("PATCH", path, body, headers=named(headers))

    def delete(self, path: str, *, cascade: bool | None = None, **headers: str) -> Reply:
        query = {} if cascade is None else {"cascade": str(cascade).lower()}
        return self.send("DELETE", path, query=query, headers=named(headers))

    def page(self, path: str, **query: Any) -> dict[str, Any]:
        """A page of a collection."""
        reply = self.get(path, **query)
        assert reply.status == 200, reply
        page: dict[str, Any] = reply.json
        return page

    def items(self, path: str, **query: Any) -> list[Any]:
        """The items of one page, which is all of the list."""
        page = self.page(path, **query)
        assert page["next"] is None
        items: list[Any] = page["items"]
        return items

    def walk(self, path: str, **query: Any) -> list[Any]:
        """The items of every page, by the cursor from one to the next."""
        page = self.page(path, **query)
        items: list[Any] = page["items"]
        while page["next"]:
            page = self.page(path, **query, cursor=page["next"])
            assert page["items"], "a page that was said to follow is empty"
            items += page["items"]
        return items


def named(headers: Mapping[str, str]) -> dict[str, str]:
    """`if_match` as `If-Match`."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
