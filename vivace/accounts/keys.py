"""API keys: for programs, until they are deleted. Shown once, stored hashed."""

import secrets

from django.db import transaction

from vivace.accounts import people
from vivace.accounts.identity import Identity
from vivace.accounts.models import ApiKey, User, digest
from vivace.accounts.tokens import rejected
from vivace.problems import NotFound

PREFIX = "viv_"
SECRET_BYTES = 32


@transaction.atomic
def create(account_id: int, name: str) -> tuple[ApiKey, str]:
    """The stored key and its text, which nobody can show again.

    Raises `Unauthenticated` where the account has gone since.
    """
    text = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    owner = people.active(account_id, for_more=True)
    return ApiKey.objects.create(user=owner, name=name, digest=digest(text)), text


def delete(account_id: int, key_id: int) -> None:
    """Raises `NotFound`, for someone else's key too."""
    deleted, _ = ApiKey.objects.filter(user_id=account_id, pk=key_id).delete()
    if not deleted:
        raise NotFound("There is no such API key")


def identify(text: str) -> Identity:
    """Whose key it is, in one query. Raises `Unauthenticated`."""
    owner = User.objects.filter(api_keys__digest=digest(text), is_active=True)
    found = owner.values_list("pk", "role").first()
    if found is None:
        raise rejected("The API key was deleted or never given out")
    return Identity(*found)
