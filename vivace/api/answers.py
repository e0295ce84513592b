"""How an endpoint states what it answers, for the OpenAPI document."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from dmr import ResponseSpec, validate
from dmr.headers import HeaderSpec

from vivace.api.schemas import ProblemDetails

KEY_REFUSALS = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Of an Idempotency-Key: its request is still running, or was another one."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

# What they mean is in `wording.py`.
ETAG = {"ETag": HeaderSpec()}
LOCATION = {"Location": HeaderSpec()}


def answers(
    model: Any,
    *errors: int,
    status: int = 200,
    etag: bool = False,
    location: bool | None = None,
    **about: Any,
) -> Callable[[Endpoint], Endpoint]:
    """Document an endpoint: the shape it answers with, its status, and the errors of its own.

    What is made has a Location unless that is denied. 401, 403 and what the parameters and the
    body can cause are added in `documents.py`.
    """
    located = status == HTTPStatus.CREATED if location is None else location
    headers = (ETAG if etag else {}) | (LOCATION if located else {})

    def documented(endpoint: Endpoint) -> Endpoint:
        specs = [ResponseSpec(model, status_code=HTTPStatus(status), headers=headers or None)]
        if etag and endpoint.__name__ == "get":
            specs.append(ResponseSpec(None, status_code=HTTPStatus.NOT_MODIFIED))
        refusals = {*errors, *(KEY_REFUSALS if hasattr(endpoint, "keeps_answers") else ())}
        specs += [ResponseSpec(ProblemDetails, status_code=HTTPStatus(c)) for c in sorted(refusals)]
        wrap: Callable[[Endpoint], Endpoint] = validate(*specs, validate_responses=False, **about)
        return wrap(endpoint)

    return documented
