"""What happens to every request of the API before its path is looked up."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

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
