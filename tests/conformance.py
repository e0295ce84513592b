"""Whether an answer is one that the OpenAPI document describes."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from vivace.api.documents import Node, document
from vivace.api.wording import HEADERS

NDJSON = "application/x-ndjson"


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fails where an answer has a status, header, media type or field that is not described."""
    if not path.startswith("/api/v1/"):
        return
    label = f"{method} {path} answered {status}"
    item = item_of(path.removesuffix("/"))
    operation = item and item.get("get" if method == "HEAD" else method.lower())
    described = response_of(item, operation, status)
    assert described is not None, f"{label}, which is not described"
    check_headers(label, described, headers)
    if method == "HEAD":
        return
    if item and status == 405:
        allowed = {*map(str.upper, item)} | ({"HEAD"} if "get" in item else set())
        assert headers["Allow"] == ", ".join(sorted(allowed)), label
    check_content(label, described.get("content", {}), headers.get("Content-Type", ""), body)


@cache
def item_of(path: str) -> Node | None:
    """The operations of a path by method; a path without a variable goes before one with."""
    for template, item in sorted(document()["paths"].items(), key=lambda pair: "{" in pair[0]):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            found: Node = item
            return found
    return None


def response_of(item: Node | None, operation: Node | None, status: int) -> Node | None:
    """What the document says of a status; None if nothing."""
    shared = {500: "InternalError", 400: "Invalid"}
    if item is None:
        shared[404] = "NotFound"
    elif operation is None:
        shared[405] = "MethodNotAllowed"
    described: Node | None = (operation or {}).get("responses", {}).get(str(status))
    if described is None and status in shared and (status == 500 or not operation):
        described = {"$ref": f"#/components/responses/{shared[status]}"}
    if described and "$ref" in described:
        found: Node = document()["components"]["responses"][described["$ref"].rpartition("/")[2]]
        return found
    return described


def check_headers(label: str, described: Node, headers: Mapping[str, str]) -> None:
    known = described.get("headers", {})
    required = {name for name, header in known.items() if header["required"]}
    assert required <= {*headers}, f"{label} without {required - {*headers}}"
    # Of the headers that mean something here; Content-Type, Vary and the like go without saying.
    given = {name for name in HEADERS if name in headers}
    assert given <= {*known}, f"{label} with {given - {*known}}, which is not described"
    for name in given:
        schema = known[name]["schema"]
        value = int(headers[name]) if schema["type"] == "integer" else headers[name]
        jsonschema_rs.validate(schema, value)


def check_content(label: str, content: Node, media_type: str, body: bytes) -> None:
    if not content:
        assert (body, media_type) == (b"", ""), f"{label} with a body, which is not described"
        return
    assert media_type in content, f"{label} as {media_type}, which is not described"
    if media_type == NDJSON:
        page = content["application/json"]["schema"]
        item = strict()["components"]["schemas"][name_of(page)]["properties"]["items"]["items"]
        for line in body.splitlines():
            value = json.loads(line)
            broke_off = str(value.get("type")).startswith("/api/docs/problems#")
            check_schema(label, "ProblemDetails" if broke_off else name_of(item), value)
    else:
        check_schema(label, name_of(content[media_type]["schema"]), json.loads(body))


def check_schema(label: str, name: str, value: Any) -> None:
    errors = [f"{error.message} at {error.instance_path}" for error in of(name).iter_errors(value)]
    assert not errors, f"{label}, and as {name} {'; '.join(errors)}"


def name_of(schema: Node) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


@cache
def of(name: str) -> jsonschema_rs.Draft202012Validator:
    """What checks against one of the document's schemas."""
    whole = strict() | {"$ref": f"#/components/schemas/{name}"}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


@cache
def strict() -> Node:
    """The document's schemas, in which a field that is not described is wrong.

    The document leaves that open, so that clients are ready for a field more.
    """
    schemas: Node = json.loads(json.dumps(document()["components"]["schemas"]))
    for schema in schemas.values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return {"components": {"schemas": schemas}}
