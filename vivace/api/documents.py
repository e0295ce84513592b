"""The OpenAPI document and the pages that show it.

django-modern-rest describes parameters, bodies and shapes from their types. What it cannot see
is completed here: the errors that operations share, headers, JSON Lines, examples and words.
"""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPMethod, HTTPStatus
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from dmr.openapi import OpenAPIConfig, build_schema
from dmr.openapi.objects import Tag

import vivace
from vivace import problems
from vivace.api import wording
from vivace.api.errors import CONTENT_TYPE, TYPE
from vivace.api.examples import EXAMPLES
from vivace.api.idempotency import KEY_LENGTH
from vivace.api.pages import NDJSON
from vivace.catalogue.entries import BULK_MAX, END, ID
from vivace.listening.favourites import KINDS

Node = dict[str, Any]

PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
JSON = "application/json"

PATH_PARAMETERS = {
    "id": {"type": "string", "pattern": ID, "examples": ["1"]},
    "item_id": {"type": "string", "pattern": ID, "examples": ["1"]},
    "kind": {"type": "string", "enum": sorted(KINDS)},
}

# What an error of each status has beside its document, and whether always.
ERROR_HEADERS: dict[int, dict[str, bool]] = {
    401: {"WWW-Authenticate": True},
    405: {"Allow": True},
    409: {"Retry-After": False},
    415: {"Accept-Post": False, "Accept-Encoding": False},
    429: {"Retry-After": True, "RateLimit": True, "RateLimit-Policy": True},
    503: {"Retry-After": True},
}


@cache
def document() -> Node:
    """The whole document, as what JSON is made of."""
    from vivace.api.urls import router

    config = OpenAPIConfig(
        title="Vivace",
        version=vivace.__version__,
        description=wording.DESCRIPTION.strip(),
        tags=[Tag(name=name, description=words) for name, words in wording.TAGS.items()],
    )
    built: Node = msgspec.json.decode(
        msgspec.json.encode(build_schema(router, config=config).convert(skip_validation=True))
    )
    for path, method, operation in operations(built):
        complete(path, method, operation)
    used = {tag for _, _, operation in operations(built) for tag in operation["tags"]}
    built["tags"] = [tag for tag in built["tags"] if tag["name"] in used]
    built["components"]["responses"] = {kind.__name__: refusal(kind) for kind in kinds()}
    reach_end(built)
    return built


def operations(built: Node) -> Iterator[tuple[str, str, Node]]:
    """Path, method in upper case, and operation, of all that the document has."""
    for path, item in built["paths"].items():
        for method in HTTPMethod:
            if method.lower() in item:
                yield path, method, item[method.lower()]


def complete(path: str, method: str, operation: Node) -> None:
    # The method and the controller's name; the path that follows them says nothing more.
    name = operation["operationId"].partition("ApiV1")[0]
    operation["operationId"] = name.replace("One", "", 1)
    operation["summary"] = operation["summary"].rstrip(".")
    operation.setdefault("security", [])
    known = operation.get("parameters", [])
    operation["parameters"] = [each for each in known if not is_in_path(each["name"], path)]
    for parameter in operation["parameters"]:
        describe(parameter, operation)
    operation["parameters"] += header_parameters(operation)
    if operation["operationId"] == "importRows":
        operation["requestBody"] = wording.IMPORT_BODY
    elif example := EXAMPLES.get(operation["operationId"]):
        operation["requestBody"]["content"][JSON]["example"] = example
    bound_lists(operation)
    for status, response in operation["responses"].items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            shape_response(method, int(status), response, operation)
    add_errors(operation)


# --- Requests --------------------------------------------------------------------------------


def is_in_path(name: str, path: str) -> bool:
    """Whether a filter such as `artist_id` is what a path such as `artists/{id}/albums` says."""
    return f"/{name.removesuffix('_id')}s/{{id}}/" in path


def describe(parameter: Node, operation: Node) -> None:
    name, schema = parameter["name"], parameter["schema"]
    if parameter["in"] == "path":
        parameter["schema"] = PATH_PARAMETERS[name]
        parameter["description"] = wording.PARAMETERS[name]
        return
    parameter["schema"] = schema = never_null(schema)
    if name == "sort":
        order = wording.DEFAULT_ORDERS.get(operation["operationId"], wording.DEFAULT_ORDER)
        schema["description"] = f"{wording.SORT} {order}"
    elif name == "kind":
        schema["description"] = wording.PARAMETERS["kind_query"]
    elif name in wording.PARAMETERS:
        schema["description"] = wording.PARAMETERS[name]
    # Pages that show the document look beside the schema, types put it inside.
    parameter["description"] = schema.pop("description")


def never_null(schema: Node) -> Node:
    """A parameter that may be left out, where the type says it may be null."""
    kept = {name: value for name, value in schema.items() if name != "default" or value is not None}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    for choice in choices:
        kept |= choice
    return {"type": "string"} | kept


def bound_lists(operation: Node) -> None:
    """A body that is a list, whose bounds are lost on the way from its type."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        if media["schema"].get("type") == "array":
            media["schema"] |= {"minItems": 1, "maxItems": BULK_MAX}


def header_parameters(operation: Node) -> Iterator[Node]:
    if "304" in operation["responses"]:
        yield header("If-None-Match", wording.IF_NONE_MATCH)
    if "412" in operation["responses"]:
        yield header("If-Match", wording.IF_MATCH)
    if "422" in operation["responses"]:
        about = {"minLength": 1, "maxLength": KEY_LENGTH, "pattern": "^[ -~]+$"}
        yield header("Idempotency-Key", wording.IDEMPOTENCY_KEY, **about)


def header(name: str, description: str, **schema: Any) -> Node:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string", **schema},
    }


# --- Answers ---------------------------------------------------------------------------------


def shape_response(method: str, status: int, response: Node, operation: Node) -> None:
    headers = response.get("headers", {})
    for name in headers:
        headers[name] = answer_header(name, required=NDJSON not in response.get("content", {}))
    if status == HTTPStatus.NOT_MODIFIED:
        response["headers"] = {"ETag": answer_header("ETag", required=True)}
    if method == HTTPMethod.POST and "422" in operation["responses"]:
        response["headers"] = headers | {
            "Idempotency-Replayed": answer_header("Idempotency-Replayed", required=False)
        }
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        response.pop("content", None)
    elif method != HTTPMethod.GET:
        response["content"].pop(NDJSON, None)
    elif NDJSON in response["content"]:
        page = response["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
        item = page.removeprefix("Page_").rstrip("_")
        response["content"][NDJSON] = {
            "schema": {"type": "string", "description": f"All items, one a line, each as `{item}`"}
        }


def answer_header(name: str, *, required: bool) -> Node:
    schema = {"type": "integer", "minimum": 0} if name == "Retry-After" else {"type": "string"}
    return {"description": wording.HEADERS[name], "required": required, "schema": schema}


def add_errors(operation: Node) -> None:
    """The errors that come of what every operation has in common, beside its own."""
    shared = [problems.Invalid, problems.NotAcceptable, problems.Unavailable]
    if operation["security"]:
        shared += [problems.Unauthenticated, problems.Forbidden]
    if "requestBody" in operation:
        shared += [problems.LengthRequired, problems.TooLarge, problems.UnsupportedMediaType]
    answers = operation["responses"]
    answers |= {str(problem.status): {} for problem in shared}
    for kind in kinds():
        if str(kind.status) in answers:
            answers[str(kind.status)] = {"$ref": f"#/components/responses/{kind.__name__}"}
    operation["responses"] = dict(sorted(answers.items()))


def refusal(kind: type[problems.Problem]) -> Node:
    example = {"type": TYPE + kind.code, "code": kind.code, "title": kind.title}
    headers = ERROR_HEADERS.get(kind.status, {})
    return {
        "description": kind.title,
        "headers": {name: answer_header(name, required=always) for name, always in headers.items()},
        "content": {
            CONTENT_TYPE: {
                "schema": PROBLEM,
                "example": example | {"status": kind.status, "detail": "…"},
            }
        },
    }


def kinds() -> list[type[problems.Problem]]:
    """Every kind of problem, by status."""
    return sorted(problems.KINDS, key=lambda kind: kind.status)


def reach_end(node: Any) -> None:
    """Patterns as OpenAPI has them, where `$` is the end and never before a line break."""
    if isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            node["pattern"] = re.sub(rf"{re.escape(END)}\Z", "$", pattern)
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            reach_end(inner)


# --- The pages -------------------------------------------------------------------------------


@cache
def encoded() -> bytes:
    return msgspec.json.encode(document())


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:
    return HttpResponse(encoded(), content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document for people to read and try, all of it from this server."""
    response = render(request, "api/docs.html")
    # Swagger UI puts styles into its elements and its icons into its styles.
    response["Content-Security-Policy"] = (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " frame-ancestors 'none'"
    )
    return response


@require_safe
def problem_docs(request: HttpRequest) -> HttpResponse:
    # Not the classes themselves, which a template would call.
    found = [{"status": kind.status, "code": kind.code, "title": kind.title} for kind in kinds()]
    return render(request, "api/problems.html", {"kinds": found})
