"""Vivace's settings, with every statement noted."""

from vivace.settings import *  # noqa: F403
from vivace.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "vivace.lab.noting"]
