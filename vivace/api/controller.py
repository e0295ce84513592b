"""What every endpoint shares: how errors answer, HEAD, and the forms of answers."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from dmr.controller import Controller
from dmr.endpoint import Endpoint
from dmr.plugins.msgspec import MsgspecJsonRenderer, MsgspecSerializer
from dmr.renderers import Renderer

from vivace import problems
from vivace.api import errors
from vivace.api.schemas import ProblemDetails

JSON = MsgspecJsonRenderer()
LINES = MsgspecJsonRenderer("application/x-ndjson")


class Api(Controller[MsgspecSerializer]):
    """The base of all endpoints. Methods return responses; exceptions become problems."""

    error_model: ClassVar[Any] = ProblemDetails
    renderers: ClassVar[Sequence[Renderer]] = (JSON,)
    is_abstract = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = request.method or ""
        # HEAD is GET without the body, which every WSGI server drops; a stream has none for it.
        endpoint = self.api_endpoints.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            return self.handle_method_not_allowed(method)
        return endpoint.func(self, *args, **kwargs)

    def handle_method_not_allowed(self, method: str) -> HttpResponse:
        allowed = set(self.api_endpoints) | ({"HEAD"} if "GET" in self.api_endpoints else set())
        return errors.respond(
            problems.MethodNotAllowed(
                f"{method} is not among {', '.join(sorted(allowed))}",
                headers={"Allow": ", ".join(sorted(allowed))},
            )
        )

    def handle_error(
        self, endpoint: Endpoint, controller: Controller[Any], exc: Exception
    ) -> HttpResponse:
        problem = errors.problem_of(exc)
        if problem is None:
            raise exc
        return errors.respond(problem)


def no_content() -> HttpResponse:
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    del response["Content-Type"]
    return response
