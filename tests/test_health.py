"""What a load balancer is told: a process is ready while its database has what it needs."""

import json
import runpy

import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

import vivace.settings
from vivace.api import health

pytestmark = pytest.mark.django_db

Applied = MigrationRecorder.Migration


def test_it_costs_one_small_query(
    client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Strangers may ask: what the version needs is not read from its files again."""
    health.migrations()
    monkeypatch.setattr(MigrationLoader, "build_graph", None)
    with django_assert_num_queries(1):  # what is applied
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


def test_it_is_not_ready_until_every_migration_is_applied(client: Client) -> None:
    last = Applied.objects.filter(app="api").latest("id")
    last.delete()
    refused = client.get("/readyz")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    detail = "The database is not ready: 1 migrations are not applied"
    assert json.loads(refused.content)["detail"] == detail
    last.save()
    assert client.get("/readyz").status_code == 200


def test_it_is_ready_while_another_version_has_applied_more(client: Client) -> None:
    Applied.objects.create(app="catalogue", name="9999_of_another_version")
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("answers", ["on", "off"])
def test_it_is_not_ready_where_redis_is_missing(
    answers: str, client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logins are counted there even where no answers are."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("VIVACE_CACHE", answers)
    own = runpy.run_path(vivace.settings.__file__)
    settings.REDIS_URL, settings.CACHES = own["REDIS_URL"], own["CACHES"]
    refused = client.get("/readyz")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    detail = "The cache is not ready: ConnectionError"
    assert json.loads(refused.content)["detail"] == detail


def test_every_migration_that_there_is_is_asked_for() -> None:
    assert health.migrations() == {*MigrationLoader(None).disk_migrations}
