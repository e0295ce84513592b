from django.apps import AppConfig

from vivace.lab.noting import notes


class Noting(AppConfig):
    name = "vivace.lab.noting"

    def ready(self) -> None:
        notes.start()
