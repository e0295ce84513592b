"""JSON bodies: bounded before they are read, decoded straight to their type, errors by pointer."""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from django.http import HttpRequest
from dmr.components import BodyComponent
from dmr.controller import Controller
from dmr.endpoint import Endpoint
from dmr.serializer import BaseSerializer
from dmr.types import EMPTY

from vivace.problems import (
    MAX_FAULTS,
    Fault,
    Invalid,
    LengthRequired,
    TooLarge,
    UnsupportedMediaType,
)

MAX_BYTES = 32 << 20
"""Of a list of many things."""
OF_ONE_MAX = 4 << 20
"""Bytes of one thing. To read what is none of its type takes up to 24 times the memory."""
OF_NOBODY_MAX = 64 << 10
"""Bytes of a body that anybody may send: no login is as large."""

MAX_DIGITS = 18
BEYOND = 10**MAX_DIGITS
LENGTH = re.compile(r"[0-9]+")
PLACE = re.compile(r" - at `(?:key in )?\$(.*)`$")
FRACTION = re.compile(r"^Expected `[^`]*\bint\b[^`]*`, got `float`")
FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `(.*?)`(?: - at `|$)")
HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
"""The first of two escapes of one character beyond U+FFFF, without the second."""
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

EXACT_MAX = 2**53
"""Beyond it a fraction cannot be seen in a number."""

decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def check_length(request: HttpRequest, limit: int) -> None:
    """Refuse a body by its stated length, before any of it is read."""
    length = length_of(request.META)
    if length > limit:
        raise TooLarge(f"The body has {length} bytes, at most {limit} are taken")


def length_of(meta: Mapping[str, Any]) -> int:
    """The stated length of a request's body. Raises `LengthRequired` and `Invalid`."""
    length = meta.get("CONTENT_LENGTH") or ""
    if not length and meta.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired("Send Content-Length: a chunked body cannot be bounded here")
    if length and not LENGTH.fullmatch(length):
        raise Invalid("Content-Length is not a number")
    # Python refuses to read a number of thousands of digits.
    return int(length or 0) if len(length) <= MAX_DIGITS else BEYOND


def check_media_type(request: HttpRequest, *accepted: str) -> None:
    if request.content_type not in accepted:
        raise UnsupportedMediaType(
            f"The body is {request.content_type or 'of no stated type'},"
            f" {' or '.join(accepted)} is taken",
            headers={"Accept-Post": ", ".join(accepted)},
        )
    coding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if coding not in {"", "identity"}:
        raise UnsupportedMediaType(
            f"The body is compressed ({coding}); only one that is not is taken",
            headers={"Accept-Encoding": "identity"},
        )
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType("The body is in UTF-8 or it is not read")


def fault(error: Exception, prefix: str = "") -> Fault:
    """Where in the body msgspec found what to be wrong; where the field is or should be."""
    text = str(error)
    place, field = PLACE.search(text), FIELD.match(text)
    pointer = "".join(f"/{a or b}" for a, b in STEP.findall(place[1])) if place else ""
    if field:
        pointer += "/" + field[1].replace("~", "~0").replace("/", "~1")
    return Fault(PLACE.sub("", text), pointer=prefix + pointer)


def decoder(model: Any) -> msgspec.json.Decoder[Any]:
    if model not in decoders:
        decoders[model] = msgspec.json.Decoder(model)
    return decoders[model]


def decode(body: bytes, model: Any) -> Any:
    """The body as its type. Raises `Invalid` with what is wrong and where, item by item."""
    try:
        return typed(body, model)
    except msgspec.ValidationError as error:
        faults = list(item_faults(body, model)) or [fault(error)]
        raise Invalid("The body is not valid", errors=faults) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        told = str(error)
        if "truncated" in told and HALF.search(body):  # msgspec says so of both
            told += ", or a \\u escape of two stands alone"
        raise Invalid(f"The body is not JSON: {told}") from error
    except RecursionError as error:
        raise Invalid("The body is nested too deeply") from error


def typed(body: bytes | msgspec.Raw, model: Any) -> Any:
    """The body as its type, with `1.0` and `1e0` for 1, which JSON Schema does not tell apart."""
    try:
        return decoder(model).decode(body)
    except msgspec.ValidationError as error:
        if not FRACTION.search(str(error)):
            raise
    return decoder(model).decode(msgspec.json.encode(loose.decode(body)))


def number(text: str) -> int | float:
    value = float(text)
    if not isfinite(value):
        raise msgspec.ValidationError("Number out of range")
    return int(value) if value.is_integer() and abs(value) <= EXACT_MAX else value


loose = msgspec.json.Decoder(float_hook=number)


def item_faults(body: bytes, model: Any) -> Iterator[Fault]:
    """The first fault of each bad item of a list, up to `MAX_FAULTS`.

    The decoder stops at the first of all, so each item is tried again by itself.
    """
    listed = get_args(model)[0] if get_origin(model) is Annotated else model
    if get_origin(listed) is not list:
        return
    (item_model,) = get_args(listed)
    try:
        items = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # After the item at which the decoder stopped it is no list, or not even JSON.
    found = 0
    for index, item in enumerate(items):
        try:
            typed(item, item_model)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield fault(error, f"/{index}")
            found += 1
            if found == MAX_FAULTS:
                return


class StrictBody(BodyComponent):
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(pass_model=True)

    def provide_context_data(
        self,
        endpoint: Endpoint,
        controller: Controller[BaseSerializer],
        *,
        field_model: Any,
        default: Any = EMPTY,
    ) -> Any:
        check_length(controller.request, most_of(endpoint, field_model))
        check_media_type(controller.request, "application/json")
        return decode(controller.request.body, self.bounded(endpoint, field_model))

    def bounded(self, endpoint: Endpoint, model: Any) -> Any:
        """The model with its own `Meta`, the bounds of a list, which the framework puts aside."""
        about = (
            meta
            for spec in endpoint.metadata.component_parsers
            if spec.parser is self
            for meta in spec.model_meta
        )
        bounds = [meta for meta in about if isinstance(meta, msgspec.Meta)]
        return Annotated[(model, *bounds)] if bounds else model


def most_of(endpoint: Endpoint, model: Any) -> int:
    """How many bytes a body may have."""
    if not endpoint.metadata.auth:
        return OF_NOBODY_MAX
    return MAX_BYTES if get_origin(model) is list else OF_ONE_MAX


T = TypeVar("T")
Json = Annotated[T, StrictBody()]
"""The JSON body of an endpoint; its argument is named `parsed_body`."""
