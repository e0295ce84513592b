"""The carried lists of what was there before they were, some thousand rows at a time.

In transactions of their own, so that on PostgreSQL nobody waits for all of them. Whatever is
written meanwhile, by code that does not know the lists, too, the triggers see to.
"""

from itertools import pairwise
from typing import Any

from django.db import migrations

from vivace.catalogue import carried
from vivace.catalogue.statements import fetched

AT_ONCE = 10_000


def fill(apps: Any, schema_editor: Any) -> None:
    for kind in carried.KINDS:
        [(last,)] = fetched(f"SELECT coalesce(max(id), 0) FROM catalogue_{kind}")
        for ends in pairwise(range(0, last + AT_ONCE + 1, AT_ONCE)):
            carried.renew(kind, "> %s AND id <= %s", ends)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("catalogue", "0005_carried_lists")]
    operations = [migrations.RunPython(fill)]
