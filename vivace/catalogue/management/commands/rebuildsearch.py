"""`vivace rebuildsearch`: all that searching goes by, made anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from vivace.catalogue.rebuild import rebuild


class Command(BaseCommand):
    help = "Make anew what searching goes by, from the names in the library."

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            words = rebuild()
        except DatabaseError as error:
            first = str(error).partition("\n")[0]
            raise CommandError(f"{first} (`vivace migrate` prepares a database)") from error
        self.stdout.write(f"Search knows {words:,} words.")
