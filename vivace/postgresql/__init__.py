"""Django's backend for PostgreSQL, of which a serving process asks for a connection in a hurry."""
