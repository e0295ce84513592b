"""What happens to every request before its view sees it."""

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

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


def straight_to_api(handle: Handler) -> Handler:
    """Hand what is the API's to its view. Sessions and forms, for which there is more, are the
    admin's alone."""

    def handed(request: HttpRequest) -> HttpResponseBase:
        found = view_of(request.path_info)
        if found is None:
            return handle(request)
        request.resolver_match = found
        response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
        return response

    return handed


@lru_cache(maxsize=1_024)
def view_of(path: str) -> ResolverMatch | None:
    """Where a path of the API leads; None where it is another's, or leads nowhere."""
    try:
        return resolve(path) if path.startswith("/api/v1/") else None
    except Resolver404:
        return None
