"""Albums and tracks carry their genres and credits as they are shown: columns and triggers.

The next migration fills them for what is there; until then they are as empty as by default. On
PostgreSQL it waits for both tables, not for long: if they are in use all the time, run it again.
"""

from typing import Any

from django.db import migrations

from vivace.catalogue import carried
from vivace.catalogue.fields import ListField


class AddList(migrations.AddField):
    """A column for a list, empty for now, without making SQLite's table anew."""

    def __init__(self, model_name: str, name: str) -> None:
        super().__init__(model_name, name, ListField())

    def deconstruct(self) -> Any:
        return (type(self).__name__, [], {"model_name": self.model_name, "name": self.name})

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        schema_editor.execute(
            f"ALTER TABLE {table} ADD COLUMN {self.name} text NOT NULL DEFAULT '[]'"
        )


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
        *(AddList(kind, each.column) for kind in carried.KINDS for each in carried.LISTS),
        migrations.RunPython(create),
    ]
