"""Query parameters, strictly: each known, given once, and of its type."""

import re
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from django.http import QueryDict
from dmr.components import QueryComponent
from dmr.controller import Controller
from dmr.endpoint import Endpoint
from dmr.serializer import BaseSerializer
from dmr.types import EMPTY
from msgspec.structs import fields

from vivace.problems import Fault, Invalid

INTEGER = re.compile(r"-?[0-9]{1,19}")
MISSING = re.compile(r"Object missing required field `(\w+)`")
BOOLEANS = {"true": True, "false": False}


def wrong(name: str, reason: str) -> Invalid:
    return Invalid(f"The parameter {name!r} {reason}", errors=[Fault(reason, parameter=name)])


@cache
def kinds(model: Any) -> dict[str, type]:
    """What each parameter of a model is: a number, a truth value or text."""
    return {field.encode_name: kind_of(field.type) for field in fields(model)}


def kind_of(annotation: Any) -> type:
    described = msgspec.inspect.type_info(annotation)
    parts = getattr(described, "types", (described,))
    bare = {type(getattr(part, "type", part)) for part in parts}
    if msgspec.inspect.IntType in bare:
        return int
    return bool if msgspec.inspect.BoolType in bare else str


def value(name: str, text: str, kind: type) -> str | int | bool:
    if kind is int:
        if not INTEGER.fullmatch(text):
            raise wrong(name, "is not a whole number")
        return int(text)
    if kind is bool:
        if text not in BOOLEANS:
            raise wrong(name, "is neither true nor false")
        return BOOLEANS[text]
    return text


def parse(query: QueryDict, model: Any) -> Any:
    """The parameters as a model. Raises `Invalid` naming the first that is wrong."""
    known: dict[str, type] = kinds(model)
    given: dict[str, Any] = {}
    for name, texts in query.lists():
        if name not in known:
            raise wrong(name, "is not known here")
        if len(texts) > 1:
            raise wrong(name, "is given more than once")
        given[name] = value(name, texts[0], known[name])
    try:
        return msgspec.convert(given, model)
    except msgspec.ValidationError as error:
        if missing := MISSING.match(str(error)):
            raise wrong(missing[1], "is needed") from error
        reason, _, path = str(error).partition(" - at `$.")
        raise wrong(path.rstrip("`"), f"is not valid: {reason}") from error


class StrictQuery(QueryComponent):
    __slots__ = ()

    def provide_context_data(
        self,
        endpoint: Endpoint,
        controller: Controller[BaseSerializer],
        *,
        field_model: Any,
        default: Any = EMPTY,
    ) -> Any:
        return parse(controller.request.GET, field_model)


T = TypeVar("T")
Query = Annotated[T, StrictQuery()]
"""Query parameters of an endpoint; its argument is named `parsed_query`."""


class NoParameters(msgspec.Struct):
    """For an endpoint that takes none, so that one given by mistake is not passed over."""
