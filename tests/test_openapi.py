"""The OpenAPI document by itself: valid, complete, and worded for people."""

import re
from typing import Any

import jsonschema_rs
import pytest
from django.conf import settings
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.client import Person
from tests.operations import OPERATIONS
from vivace.api.documents import document, operations
from vivace.api.examples import EXAMPLES
from vivace.api.wording import TAGS

DESCRIBED = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, method, operation in operations(document())
]
of_each_operation = pytest.mark.parametrize(("path", "method", "operation"), DESCRIBED)
OF_NO_USE_TO_AN_APP = {"Vary", "Cache-Control", "Allow", "WWW-Authenticate", "Accept-Post",
                       "Accept-Encoding"}  # fmt: skip
OF_JSON = [
    operation
    for _, _, operation in operations(document())
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]


def test_it_is_valid_openapi() -> None:
    assert document()["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


@pytest.mark.django_db
def test_it_is_served(nobody: Person) -> None:
    reply = nobody.get("/api/openapi.json")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json == document()


def test_it_has_every_operation_of_the_router() -> None:
    routed = {
        ("/api/v1/" + operation.path.replace("<", "{").replace(">", "}"), operation.method)
        for operation in OPERATIONS
    }
    assert {(path, method) for path, method, _ in operations(document())} == routed


def test_operation_ids_are_each_of_one_operation() -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document())]
    assert len(ids) == len(set(ids))


def test_web_apps_elsewhere_may_use_all_of_it() -> None:
    """By CORS: what they send, and what they get to see."""
    sent = {
        parameter["name"].lower()
        for _, _, operation in operations(document())
        for parameter in operation["parameters"]
        if parameter["in"] == "header"
    }
    assert {"idempotency-key", "if-match", "if-none-match"} <= sent
    allowed = {"accept", "authorization", "content-type", *sent}
    assert allowed - {*settings.CORS_ALLOW_HEADERS} == set()
    shown = {
        name
        for _, _, operation in operations(document())
        for response in operation["responses"].values()
        for name in response.get("headers", {})
    }
    assert shown - {*settings.CORS_EXPOSE_HEADERS} <= OF_NO_USE_TO_AN_APP


@of_each_operation
def test_an_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert re.fullmatch("[a-z]+[A-Za-z]*", operation["operationId"])
    assert operation["summary"]
    assert set(operation["tags"]) <= TAGS.keys()
    assert operation["tags"]
    for parameter in operation["parameters"]:
        assert parameter["description"], parameter["name"]
        assert parameter["schema"]["type"], parameter["name"]


@of_each_operation
def test_who_may_ask_is_said(path: str, method: str, operation: dict[str, Any]) -> None:
    public = path.startswith("/api/v1/auth/")
    assert operation["security"] == ([] if public else [{"bearer": []}])
    refusals = {"401", "403"} & operation["responses"].keys()
    assert public or refusals == {"401", "403"}


@of_each_operation
def test_what_a_request_says_of_another_is_said(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    """A header that a request can carry goes with the answer that only it can have."""
    headers = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
    answers = operation["responses"].keys()
    assert ("If-None-Match" in headers) == ("304" in answers)
    assert ("If-Match" in headers) == ("412" in answers)
    assert ("Idempotency-Key" in headers) == ("422" in answers)
    if "requestBody" in operation:
        assert {"400", "411", "413", "415"} <= answers


def test_every_json_body_has_an_example_of_its_shape() -> None:
    assert {operation["operationId"] for operation in OF_JSON} == EXAMPLES.keys()
    for operation in OF_JSON:
        media = operation["requestBody"]["content"]["application/json"]
        schema = {"components": document()["components"], **media["schema"]}
        jsonschema_rs.validate(schema, media["example"])


def test_lists_of_bodies_have_bounds() -> None:
    schemas = [op["requestBody"]["content"]["application/json"]["schema"] for op in OF_JSON]
    lists = [schema for schema in schemas if schema.get("type") == "array"]
    assert len(lists) == 3
    assert all(schema["minItems"] == 1 and schema["maxItems"] == 10_000 for schema in lists)
