"""A trigger that ends an account's sessions when its password, role or activity changes.

Whoever changes it: the API, the admin, a command, a shell. A later migration that alters the
account's table has to create it again on SQLite, where Django then builds the table anew.
"""

from typing import Any

from django.db import migrations

CHANGED = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in ("password", "role", "is_active"))
END = "DELETE FROM accounts_refreshtoken WHERE user_id = NEW.id"
ON = "AFTER UPDATE OF password, role, is_active ON accounts_user"

SQLITE = f"CREATE TRIGGER user_sessions_end {ON} WHEN {CHANGED} BEGIN {END}; END"
POSTGRESQL = (
    "CREATE FUNCTION accounts_user_sessions_end() RETURNS trigger LANGUAGE plpgsql AS $$ "
    f"BEGIN {END}; RETURN NULL; END $$; "
    f"CREATE TRIGGER user_sessions_end {ON} FOR EACH ROW WHEN ({CHANGED}) "
    "EXECUTE FUNCTION accounts_user_sessions_end()"
)


def create(apps: Any, schema_editor: Any) -> None:
    statement = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]
    schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(create)]
