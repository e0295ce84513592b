"""Whatever is sent, it is answered: never with a 5xx, and always as the document says.

Schemathesis tries what the document makes it think of; here is what it would not.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import Person
from tests.operations import OPERATIONS, Operation
from tests.places import Everything

EXAMPLES = 15
MEDIA_TYPES = ["application/x-ndjson", "text/csv", "application/json", "text/csv; charset=x"]

hostile_text = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(
        ["", "\0", "'", '"', "%", "%00", "..", "\\", "NaN", "-1", "1e9", "9" * 30, "١", "\ud7ff",
         "\U0010ffff", "ﬃ", "İ", "null", "1,1", "1,", ";--", "${x}", "()", "a" * 5_000, "*", "\r"]
    ),
)  # fmt: skip
hostile_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile_text, inner, max_size=4),
    max_leaves=8,
)
raw = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"1e999", b'"\\ud800"']),
)


@st.composite
def bodies(draw: st.DrawFn, fields: list[str]) -> bytes:
    """JSON with the fields that the operation knows, in unlikely states; or no JSON at all."""
    if draw(st.booleans()) or not fields:
        return draw(raw | hostile_json.map(dumped))
    some = st.dictionaries(st.sampled_from(fields), hostile_json, max_size=6)
    return draw((some | st.lists(some, max_size=3)).map(dumped))


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def fields_of(operation: Operation) -> list[str]:
    """The names in its body, of one thing or of each in a list."""
    for spec in operation.endpoint.metadata.component_parsers:
        if "StrictBody" in type(spec.parser).__name__:
            model = getattr(spec.model, "__args__", [spec.model])[0]
            return list(getattr(model, "__struct_fields__", ()))
    # The columns of an import, which no type tells of.
    return ["kind", "title", "artist", "album", "genres", "credits", "mbid", "release_date"]


@pytest.mark.django_db
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_hostile_requests_are_answered(operation: Operation, admin: Person) -> None:
    is_import = operation.path == "imports"
    there = Everything(owner=admin, size=2)
    names = getattr(operation.query, "__struct_fields__", ()) or ("limit",)
    queries = st.dictionaries(st.sampled_from(names) | hostile_text, hostile_text, max_size=3)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        query=queries,
        body=bodies(fields_of(operation)),
        header=hostile_text,
        media_type=st.sampled_from(MEDIA_TYPES if is_import else ["application/json"]),
    )
    def send(query: dict[str, str], body: bytes, header: str, media_type: str) -> None:
        printable = header.encode("ascii", "replace").decode().translate({10: 32, 13: 32, 0: 32})
        headers = {"If-Match": printable, "If-None-Match": printable, "Idempotency-Key": printable}
        reply = admin.send(
            operation.method,
            there.path(operation.path),
            body if operation.takes_body or is_import else None,
            content_type=media_type,
            query=query,
            headers=headers if query else None,
        )
        assert reply.status < 500, reply

    send()
