import secrets
import sys
from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class Catalogue(AppConfig):
    name = "vivace.catalogue"

    def ready(self) -> None:
        from vivace.catalogue.caching import watch

        connection_created.connect(watch)
        post_migrate.connect(begin, sender=self)
        post_migrate.connect(index, sender=self)


def begin(using: str, **_: Any) -> None:
    """See that there is a generation: `vivace flush` takes along what a migration put there."""
    from vivace.catalogue.caching import BITS
    from vivace.catalogue.models import Generation

    if Generation._meta.db_table in connections[using].introspection.table_names():
        # Not the first one again, under which answers of what is gone may still be kept.
        drawn = {"value": secrets.randbits(BITS)}
        Generation.objects.using(using).get_or_create(pk=1, defaults=drawn)


def index(using: str, verbosity: int, **_: Any) -> None:
    """Make a library searchable that was filled before there was a search."""
    from vivace.catalogue.rebuild import is_wanting, rebuild

    if using != DEFAULT_DB_ALIAS or not has_words(using) or not is_wanting():
        return
    if verbosity:
        sys.stdout.write("  Making the library searchable …\n")
    rebuild()


def has_words(using: str) -> bool:
    """Whether the migrations that search needs are through, the last of them that of playlists."""
    tables = connections[using].introspection
    with connections[using].cursor() as cursor:
        if "listening_playlist" not in tables.table_names(cursor):
            return False
        columns = tables.get_table_description(cursor, "listening_playlist")
    return any(column.name == "name_words" for column in columns)
