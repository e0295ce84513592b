"""The OpenAPI document and the pages that show it.

django-modern-rest describes parameters, bodies and shapes from their types. What it cannot see
is completed here: the errors every operation shares, their media type, the conditional headers,
JSON Lines, and an example for each body.
"""

from collections.abc import Iterator
from functools import cache
from http import HTTPMethod, HTTPStatus
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from dmr.openapi import OpenAPIConfig, build_schema

import vivace
from vivace import problems
from vivace.api.errors import CONTENT_TYPE
from vivace.api.examples import EXAMPLES
from vivace.api.idempotency import KEY_LENGTH
from vivace.api.pages import NDJSON

Node = dict[str, Any]

DESCRIPTION = """
A music library: artists, albums, tracks, genres and playlists.

Log in with `POST /api/v1/auth/login` and send the access token, or an API key, as
`Authorization: Bearer …`. Lists come by the page (`limit`, then `cursor` from `next`), or whole
with `Accept: application/x-ndjson`. Wherever there is GET there is HEAD. Errors are problem
documents (RFC 9457). Audio and cover images are not served yet.
"""

PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}

# A file is read as it comes and not decoded to a type, so no type tells of it.
IMPORT_BODY = {
    "required": True,
    "content": {
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "A row a line, as in docs/import.md"},
            "example": '{"title": "Hoppípolla", "artist": "Sigur Rós", "album": "Takk..."}\n',
        },
        "text/csv": {
            "schema": {"type": "string", "description": "A header line, then a row a line"},
            "example": "title,artist,album\nHoppípolla,Sigur Rós,Takk...\n",
        },
    },
}


@cache
def document() -> Node:
    """The whole document, as what JSON is made of."""
    from vivace.api.urls import router

    config = OpenAPIConfig(
        title="Vivace", version=vivace.__version__, description=DESCRIPTION.strip()
    )
    built: Node = msgspec.json.decode(
        msgspec.json.encode(build_schema(router, config=config).convert())
    )
    for _, method, operation in operations(built):
        complete(method, operation)
    return built


def operations(built: Node) -> Iterator[tuple[str, str, Node]]:
    """Path, method in upper case, and operation, of all that the document has."""
    for path, item in built["paths"].items():
        for method in HTTPMethod:
            if method.lower() in item:
                yield path, method, item[method.lower()]


def complete(method: str, operation: Node) -> None:
    # The method and the controller's name; the path that follows them says nothing more.
    operation["operationId"] = operation["operationId"].partition("ApiV1")[0]
    operation["summary"] = operation["summary"].rstrip(".")
    for parameter in operation.setdefault("parameters", []):
        if parameter["in"] == "query":
            parameter["schema"] = never_null(parameter["schema"])
    operation["parameters"] += header_parameters(method, operation)
    if operation["operationId"] == "postImports":
        operation["requestBody"] = IMPORT_BODY
    add_errors(method, operation)
    for status, response in operation["responses"].items():
        shape_response(method, int(status), response)
    if example := EXAMPLES.get(operation["operationId"]):
        operation["requestBody"]["content"]["application/json"]["example"] = example


def never_null(schema: Node) -> Node:
    """A parameter that may be left out, where the type says it may be null."""
    kept = {name: value for name, value in schema.items() if name != "default" or value is not None}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    for choice in choices:
        kept |= choice
    return kept


def header_parameters(method: str, operation: Node) -> Iterator[Node]:
    if "304" in operation["responses"]:
        yield header("If-None-Match", "An ETag: 304 if the answer still has it")
    if "412" in operation["responses"]:
        yield header("If-Match", "The ETag of what is to be written: 412 if it has changed")
    if method == HTTPMethod.POST and operation.get("security"):
        yield header(
            "Idempotency-Key",
            "The same key and request within 24 hours get the same answer and make one thing",
            minLength=1,
            maxLength=KEY_LENGTH,
            pattern="^[ -~]+$",
        )


def header(name: str, description: str, **schema: Any) -> Node:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string", **schema},
    }


def add_errors(method: str, operation: Node) -> None:
    """The errors that come of what every operation has in common."""
    shared = [problems.Invalid, problems.NotAcceptable, problems.Unavailable]
    if operation.get("security"):
        shared += [problems.Unauthenticated, problems.Forbidden]
    if "requestBody" in operation:
        shared += [problems.LengthRequired, problems.TooLarge, problems.UnsupportedMediaType]
    if method == HTTPMethod.POST and operation.get("security"):
        shared += [problems.Conflict, problems.KeyReused]
    for problem in shared:
        operation["responses"].setdefault(str(problem.status), {})
    operation["responses"] = dict(sorted(operation["responses"].items()))


def shape_response(method: str, status: int, response: Node) -> None:
    if status >= HTTPStatus.BAD_REQUEST:
        response["description"] = titles()[status]
        response["content"] = {CONTENT_TYPE: {"schema": PROBLEM}}
    elif status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        response.pop("content", None)
    elif method != HTTPMethod.GET:
        response["content"].pop(NDJSON, None)
    elif NDJSON in response["content"]:
        response["content"][NDJSON] = {"schema": {"description": "All items, one a line"}}


@cache
def titles() -> dict[int, str]:
    return {problem.status: problem.title for problem in reversed(kinds())}


def kinds() -> list[type[problems.Problem]]:
    """Every kind of problem, by status."""
    return sorted(problems.Problem.__subclasses__(), key=lambda kind: kind.status)


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
    return render(request, "dmr/swagger.html", {"title": "Vivace API", "schema": document()})


@require_safe
def problem_docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/problems.html", {"kinds": kinds()})
