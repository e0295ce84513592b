from django.apps import AppConfig
from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries


class Api(AppConfig):
    name = "vivace.api"

    def ready(self) -> None:
        # A tenth of a small request went there, for nothing: a connection that broke is closed at
        # the start of the next request, no cache here needs closing, and queries are not kept.
        request_finished.disconnect(close_old_connections)
        request_finished.disconnect(close_caches)
        if not settings.DEBUG:
            request_started.disconnect(reset_queries)
