"""Django's backend for SQLite, which reads a statement once."""
