"""What happens to every request before its path is looked up."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

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


# --- For the admin alone ----------------------------------------------------------------------

ADMIN = "/admin/"


class OfAdmin(MiddlewareMixin):
    """A middleware that other requests pass by: the API knows no sessions."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(ADMIN):
            return super().__call__(request)
        return self.get_response(request)


class Sessions(OfAdmin, SessionMiddleware):
    pass


class Authentication(OfAdmin, AuthenticationMiddleware):
    pass


class Messages(OfAdmin, MessageMiddleware):
    pass
