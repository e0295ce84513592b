"""Columns that are added to tables with triggers."""

from typing import Any

from django.db import migrations


class AddText(migrations.AddField):
    """A column of text, of one value for now, without making SQLite's table anew.

    Django would, and the table's triggers would go with the old one.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        collation = self.field.db_parameters(schema_editor.connection).get("collation")
        collated = f' COLLATE "{collation}"' if collation else ""
        schema_editor.execute(
            f"ALTER TABLE {table} ADD COLUMN {self.name} text{collated}"
            f" NOT NULL DEFAULT '{self.field.get_default()}'"
        )
