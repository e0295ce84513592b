"""How an endpoint states what it answers, for the OpenAPI document."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from dmr import ResponseSpec, validate
from dmr.headers import HeaderSpec

from vivace.api.schemas import ProblemDetails

ETAG = {"ETag": HeaderSpec(description="A strong validator of this representation")}
LOCATION = {"Location": HeaderSpec(description="The path of what was made")}


def answers(
    model: Any,
    *errors: int,
    status: int = 200,
    etag: bool = False,
    **about: Any,
) -> Callable[[Any], Any]:
    """Document an endpoint: the shape it answers with, its status, and the errors of its own.

    401, 403 and what the parameters and the body can cause are added in `documents.py`.
    """
    headers = (ETAG if etag else {}) | (LOCATION if status == HTTPStatus.CREATED else {})
    specs = [ResponseSpec(model, status_code=HTTPStatus(status), headers=headers or None)]
    if etag and status == HTTPStatus.OK:
        specs.append(ResponseSpec(None, status_code=HTTPStatus.NOT_MODIFIED))
    specs += [ResponseSpec(ProblemDetails, status_code=HTTPStatus(code)) for code in errors]
    documented: Callable[[Any], Any] = validate(*specs, validate_responses=False, **about)
    return documented
