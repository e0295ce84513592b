"""What an account likes. Saying it twice, or taking back what was never said, changes nothing."""

from typing import Any

from django.db import transaction
from django.db.models import Model

from vivace.accounts import people
from vivace.catalogue.models import Album, Artist, Track
from vivace.listening.models import Favourite
from vivace.problems import NotFound

KINDS: dict[str, type[Model]] = {"artists": Artist, "albums": Album, "tracks": Track}


@transaction.atomic
def add(account_id: int, kind: str, thing_id: int) -> None:
    """`NotFound` where the library has no such artist, album or track."""
    model = KINDS[kind]
    people.active(account_id, for_more=True)
    # Locked, so that it does not leave the library before the favourite is there to go with it.
    if not model._default_manager.select_for_update(no_key=True).filter(pk=thing_id).exists():
        raise NotFound(f"There is no such {model._meta.model_name}")
    Favourite.objects.get_or_create(**saying(account_id, kind, thing_id))


def remove(account_id: int, kind: str, thing_id: int) -> None:
    Favourite.objects.filter(**saying(account_id, kind, thing_id)).delete()


def saying(account_id: int, kind: str, thing_id: int) -> dict[str, Any]:
    """The columns of the favourite."""
    return {"account_id": account_id, f"{KINDS[kind]._meta.model_name}_id": thing_id}
