"""What searching needs: the vocabulary, documents of albums and tracks, words of genres.

A library that was filled before is indexed when all migrations are through (`apps.py`).
"""

from collections.abc import Iterator
from typing import Any

from django.db import migrations, models

from vivace.catalogue import documents
from vivace.catalogue.columns import AddText
from vivace.catalogue.fields import KeyField

TOKENS = "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co M*'\""
"""Marks belong to their word, as in `folding.words`."""
ROWS_ALONE = "detail=none, columnsize=0"
"""The rows matching are all that is asked: no positions, no ranks."""


def words() -> KeyField:
    return KeyField(editable=False, default="")


def names_found(table: str, vendor: str) -> Iterator[str]:
    """An index of the words of names that is kept up by triggers, for a table with few writes."""
    index, on = f"{table}_words", f"ON {table}"
    if vendor == "postgresql":
        yield (
            f"CREATE INDEX {index} ON {table} USING gin "
            "(array_to_tsvector(string_to_array(name_words, ' ')))"
        )
        return
    forget = (
        f"INSERT INTO {index}({index}, rowid, name_words) VALUES ('delete', OLD.id, OLD.name_words)"
    )
    learn = f"INSERT INTO {index}(rowid, name_words) VALUES (NEW.id, NEW.name_words)"
    yield (
        f"CREATE VIRTUAL TABLE {index} USING fts5(name_words, content='{table}', "
        f"content_rowid='id', {ROWS_ALONE}, prefix='1 2 3', {TOKENS})"
    )
    yield f"CREATE TRIGGER {index}_added AFTER INSERT {on} BEGIN {learn}; END"
    yield f"CREATE TRIGGER {index}_removed AFTER DELETE {on} BEGIN {forget}; END"
    yield (
        f"CREATE TRIGGER {index}_changed AFTER UPDATE OF name_words {on} "
        f"WHEN OLD.name_words <> NEW.name_words BEGIN {forget}; {learn}; END"
    )
    yield f"INSERT INTO {index}({index}) VALUES ('rebuild')"


def tables(vendor: str) -> Iterator[str]:
    if vendor == "postgresql":
        yield "CREATE EXTENSION IF NOT EXISTS pg_trgm"
        yield "CREATE INDEX word_by_parts ON catalogue_word USING gin (word gin_trgm_ops)"
        for kind in documents.KINDS:
            search = f"catalogue_{kind}_search"
            yield f"CREATE TABLE {search} (rowid bigint PRIMARY KEY, words tsvector)"
            yield f"CREATE INDEX {search}_words ON {search} USING gin (words)"
        return
    yield (
        "CREATE VIRTUAL TABLE catalogue_word_parts USING fts5(word, content='catalogue_word', "
        f"content_rowid='id', {ROWS_ALONE}, tokenize='trigram')"
    )
    for kind in documents.KINDS:
        yield (
            f"CREATE VIRTUAL TABLE catalogue_{kind}_search USING fts5(words, {ROWS_ALONE}, "
            f"prefix='1 2 3', {TOKENS})"
        )


def create(apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    for statements in (
        tables(vendor),
        documents.triggers(vendor),
        names_found("catalogue_genre", vendor),
    ):
        for statement in statements:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0002_carried_keys")]
    operations = [
        migrations.CreateModel(
            name="Word",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("word", KeyField()),
                (
                    "backward",
                    KeyField(help_text="From its last letter to its first"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["word"], name="word_by_start"),
                    models.Index(fields=["backward"], name="word_by_end"),
                ],
            },
        ),
        AddText("genre", "name_words", words(), preserve_default=False),
        AddText("track", "composer_words", words(), preserve_default=False),
        migrations.RunPython(create),
    ]
