"""The WSGI application: answers that are kept, then static files, then Django."""

import os
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from whitenoise import WhiteNoise  # type: ignore[import-untyped]

from vivace.api.requests import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vivace.settings")


def with_static_files(application: WhiteNoise) -> WhiteNoise:
    """Each app's files, found once, at the start: nothing is collected into a folder first."""
    for app in apps.get_app_configs():
        folder = Path(app.path, "static")
        if folder.is_dir():
            application.add_files(str(folder), prefix=settings.STATIC_URL)
    return application


def in_front(application: WhiteNoise) -> Any:
    # What they import needs the apps.
    from vivace.api.observed import Observed
    from vivace.api.stored import StoredAnswers

    return Observed(StoredAnswers(application) if settings.CACHE else application)


django.setup(set_prefix=False)
application = in_front(with_static_files(WhiteNoise(Handler())))
