"""Albums and tracks carry their genres and credits as they are shown: columns and triggers.

The next migration fills them for what is there; until then they are as empty as by default. On
PostgreSQL it waits for both tables, not for long: if they are in use all the time, run it again.
"""

from typing import Any

from django.db import migrations

from vivace.catalogue import carried
from vivace.catalogue.columns import AddText
from vivace.catalogue.fields import ListField


def hold(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET LOCAL lock_timeout = '10s'")
        schema_editor.execute("LOCK TABLE catalogue_track, catalogue_album")


def create(apps: Any, schema_editor: Any) -> None:
    for statement in carried.triggers(schema_editor.connection.vendor):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0004_pending_words")]
    operations = [
        migrations.RunPython(hold),
        *(
            AddText(kind, each.column, ListField())
            for kind in carried.KINDS
            for each in carried.LISTS
        ),
        migrations.RunPython(create),
    ]
