"""What an account likes. Saying it twice, or taking back what was never said, changes nothing."""

from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from vivace.accounts import people
from vivace.catalogue.models import Album, Artist, Track
from vivace.catalogue.statements import fetched
from vivace.listening.models import Favourite
from vivace.problems import NotFound

KINDS: dict[str, type[Model]] = {"artists": Artist, "albums": Album, "tracks": Track}


@transaction.atomic
def add(account_id: int, kind: str, thing_id: int) -> None:
    """`NotFound` where the library has no such artist, album or track."""
    model = KINDS[kind]
    # Before the account, which a login waits for: whoever has the thing may have it for minutes.
    if not hold(model, thing_id):
        raise NotFound(f"There is no such {model._meta.model_name}")
    people.active(account_id, for_more=True)
    Favourite.objects.get_or_create(**saying(account_id, kind, thing_id))


def hold(model: type[Model], id_: int) -> bool:
    """Whether the library has it, which it then does not leave until the transaction ends.

    So the favourite is there to go with it. Others may change it meanwhile, all but its key.
    """
    how = " FOR KEY SHARE" if connection.vendor == "postgresql" else ""
    return bool(fetched(f"SELECT id FROM {model._meta.db_table} WHERE id = %s{how}", [id_]))


def remove(account_id: int, kind: str, thing_id: int) -> None:
    Favourite.objects.filter(**saying(account_id, kind, thing_id)).delete()


def saying(account_id: int, kind: str, thing_id: int) -> dict[str, Any]:
    """The columns of the favourite."""
    return {"account_id": account_id, f"{KINDS[kind]._meta.model_name}_id": thing_id}
