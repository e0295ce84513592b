"""What happens to every request before its view sees it."""

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

from vivace.api.errors import respond

Handler = Callable[[HttpRequest], HttpResponseBase]


def trailing_slash(handle: Handler) -> Handler:
    """Take `/api/…/` for `/api/…`: a redirect would lose the body of a POST."""

    def without(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith("/api/") and path.endswith("/"):
            request.path_info = path[:-1]
        return handle(request)

    return without


# A load balancer asks by address.
HEALTH = frozenset({"/healthz", "/readyz"})


def known_host(handle: Handler) -> Handler:
    """Refuse names that are not in `VIVACE_ALLOWED_HOSTS`, wherever the path leads."""

    def checked(request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in HEALTH:
            request.get_host()
        return handle(request)

    return checked


ADMIN = "/admin/"
PATH_MAX = 200
"""Characters: what is longer leads nowhere, or many will not go there."""


REFUSED = "vivace.refused"
"""In a request that its server has no place for: the problem that says so."""


def straight(handle: Handler) -> Handler:
    """Hand a request to its view at once. Only the admin has more: sessions, forms, messages."""

    def handed(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if problem := request.META.get(REFUSED):
            return respond(problem)
        if path.startswith(ADMIN):
            return handle(request)
        found = view_of(path) if len(path) <= PATH_MAX else resolve(path)
        request.resolver_match = found
        response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
        return response

    return handed


# Raises `Resolver404`, which is an `Http404`.
view_of = lru_cache(maxsize=1_024)(resolve)
