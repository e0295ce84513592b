"""What a load balancer asks, and what Prometheus does."""

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from vivace.accounts.bearer import identify
from vivace.api.errors import problem_of, respond
from vivace.metrics import CONTENT_TYPE, exposition
from vivace.problems import Forbidden, Unauthenticated, Unavailable


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 where the database and the cache are reached and every migration is applied."""
    for name, check in (("database", migrated), ("cache", cached)):
        try:
            missing = check()
        except Exception as error:  # noqa: BLE001 whatever it is, it is not ready
            missing = type(error).__name__
        if missing:
            detail = f"The {name} is not ready: {missing}"
            return respond(Unavailable(detail, headers={"Retry-After": "1"}))
    return JsonResponse({"status": "ready"})


def migrated() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(plan)} migrations are not applied" if plan else ""


def cached() -> str:
    cache.get("ready")
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
