"""Playlists with a common word on PostgreSQL: as the rest of the library has it."""

from importlib import import_module
from typing import Any

from django.db import migrations

samples = import_module("vivace.catalogue.migrations.0008_samples")


def create(apps: Any, schema_editor: Any) -> None:
    samples.sample_names(schema_editor, "listening_playlist", "name_words")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("listening", "0002_playlist_words"), ("catalogue", "0008_samples")]
    operations = [migrations.RunPython(create)]
