"""`vivace rebuildsearch`: all that searching goes by, made anew."""

from typing import Any

from django.core.management.base import BaseCommand

from vivace.catalogue.rebuild import rebuild


class Command(BaseCommand):
    help = "Make anew what searching goes by, from the names in the library."

    def handle(self, *_: Any, **__: Any) -> None:
        words = rebuild()
        self.stdout.write(f"Search knows {words:,} words.")
