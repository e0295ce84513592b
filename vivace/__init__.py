"""A music library and its REST API."""

__version__ = "0.1.0"
