"""The least that a Django project needs; the environment says which views, and where."""

import os
from urllib.parse import unquote, urlsplit

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["tests.planted"]
ROOT_URLCONF = f"tests.planted.{os.environ['PLANTED_URLS']}"
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

told = urlsplit(os.environ["PLANTED_DATABASE"])
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": told.path}
    if told.scheme == "sqlite"
    else {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": told.path.lstrip("/"),
        "HOST": unquote(told.hostname or ""),
        "PORT": told.port,
        "USER": told.username,
    }
}
