"""The one place where exceptions become answers: RFC 9457 problem documents."""

import logging
import sys
from http import HTTPStatus

import msgspec
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from dmr.exceptions import NotAcceptableError

from vivace import problems
from vivace.api.schemas import ProblemDetails

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="vivace"'
TYPE = "/api/docs/problems#"
"""Where each code is explained; the code completes it."""

# Exceptions of Django and django-modern-rest that are a client's doing.
FOREIGN: tuple[tuple[type[Exception], problems.Problem], ...] = (
    (NotAcceptableError, problems.NotAcceptable("None of the types in Accept can be given")),
    (RequestDataTooBig, problems.TooLarge("The body is larger than is taken here")),
    (SuspiciousOperation, problems.Invalid("The request cannot be understood")),
    (Http404, problems.NotFound("No such path")),
)


def problem_of(error: Exception) -> problems.Problem | None:
    """What an exception is to the client; None for a fault of ours."""
    if isinstance(error, problems.Problem):
        return error
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("The database did not answer: %s", error)
        return problems.Unavailable("The database does not answer", headers={"Retry-After": "1"})
    for kind, problem in FOREIGN:
        if isinstance(error, kind):
            return problem
    return None


def document(problem: problems.Problem) -> ProblemDetails:
    return ProblemDetails(
        type=TYPE + problem.code,
        code=problem.code,
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        errors=list(problem.errors),
    )


def respond(problem: problems.Problem) -> HttpResponse:
    response = HttpResponse(
        msgspec.json.encode(document(problem)), status=problem.status, content_type=CONTENT_TYPE
    )
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = CHALLENGE
    for name, value in problem.headers.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problem_of(exception) or problems.Invalid("The request cannot be understood"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problems.Forbidden(str(exception) or "That is not allowed"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problems.NotFound("No such path"))


OURS = problems.InternalError("It is not your request's fault; the log has the cause")


def server_error(request: HttpRequest) -> HttpResponse:
    """Of the admin, above all: Django calls it where the exception is caught, but not with it."""
    error = sys.exc_info()[1]
    return respond((isinstance(error, Exception) and problem_of(error)) or OURS)
