"""The WSGI application: static files first, then Django."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vivace.settings")

application = get_wsgi_application()
