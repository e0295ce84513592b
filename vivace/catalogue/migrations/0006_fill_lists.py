"""The carried lists of what was there before they were, some thousand rows at a time.

In transactions of their own, so that on PostgreSQL nobody waits for all of them. Whatever is
written meanwhile, by code that does not know the lists, too, the triggers see to.
"""

from typing import Any

from django.db import migrations

from vivace.catalogue import carried
from vivace.catalogue.statements import fetched

AT_ONCE = 10_000


def fill(apps: Any, schema_editor: Any) -> None:
    for kind in carried.KINDS:
        last = 0
        while end := reached(kind, last):
            carried.renew(kind, "> %s AND id <= %s", [last, end])
            last = end


def reached(kind: str, last: int) -> int | None:
    """The id of the last row of the next ones."""
    following = f"SELECT id FROM catalogue_{kind} WHERE id > %s ORDER BY id LIMIT {AT_ONCE}"
    [(end,)] = fetched(f"SELECT max(id) FROM ({following}) AS following", [last])
    found: int | None = end
    return found


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("catalogue", "0005_carried_lists")]
    operations = [migrations.RunPython(fill)]
