"""What a load balancer asks, and what Prometheus does."""

from functools import cache

from django.conf import settings
from django.core.cache import caches
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from vivace.accounts.bearer import identify
from vivace.api.errors import problem_of, respond
from vivace.catalogue.statements import fetched
from vivace.metrics import CONTENT_TYPE, exposition
from vivace.problems import Forbidden, Unauthenticated, Unavailable


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 where the database, and Redis where there is one, are reached and every migration is
    applied."""
    shared = [("cache", cached)] if settings.REDIS_URL else []
    for name, check in [("database", migrated), *shared]:
        try:
            missing = check()
        except Exception as error:  # noqa: BLE001 whatever it is, it is not ready
            missing = type(error).__name__
        if missing:
            detail = f"The {name} is not ready: {missing}"
            return respond(Unavailable(detail, headers={"Retry-After": "1"}))
    return JsonResponse({"status": "ready"})


@cache
def migrations() -> frozenset[tuple[str, str]]:
    """Those of the version that runs, by app and name: another may take its place on the disk."""
    return frozenset(MigrationLoader(None).graph.nodes)


def migrated() -> str:
    # Those that another version has applied as well are no matter.
    missing = migrations().difference(fetched("SELECT app, name FROM django_migrations"))
    return f"{len(missing)} migrations are not applied" if missing else ""


def cached() -> str:
    caches["default"].get("ready")
    return ""


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For an admin's API key: it tells what others ask."""
    try:
        identity = identify(request.META.get("HTTP_AUTHORIZATION"))
        if identity is None:
            raise Unauthenticated("Send an admin's API key: Authorization: Bearer …")
        if not identity.has("admin"):
            raise Forbidden(f"It takes the role admin, yours is {identity.role}")
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return respond(problem)
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)
