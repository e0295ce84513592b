"""The words of playlists' names, and their index."""

from importlib import import_module
from typing import Any

from django.db import migrations

from vivace.catalogue.columns import AddText

search = import_module("vivace.catalogue.migrations.0003_search")


def create(apps: Any, schema_editor: Any) -> None:
    for statement in search.names_found("listening_playlist", schema_editor.connection.vendor):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("listening", "0001_initial"), ("catalogue", "0003_search")]
    operations = [
        AddText("playlist", "name_words", search.words(), preserve_default=False),
        migrations.RunPython(create),
    ]
