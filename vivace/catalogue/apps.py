from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class Catalogue(AppConfig):
    name = "vivace.catalogue"

    def ready(self) -> None:
        from vivace.catalogue.caching import watch

        connection_created.connect(watch)
        post_migrate.connect(begin, sender=self)


def begin(using: str, **_: Any) -> None:
    """See that there is a generation: `vivace flush` takes along what a migration put there."""
    from vivace.catalogue.models import Generation

    if Generation._meta.db_table in connections[using].introspection.table_names():
        Generation.objects.using(using).get_or_create(pk=1)
