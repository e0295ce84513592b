"""Accounts: how they come about, change and go."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from vivace.accounts import logins, passwords
from vivace.accounts.models import TAKEN, User
from vivace.problems import Conflict, Fault, Forbidden, Invalid, NotFound, Unauthenticated


def register(email: str, username: str, password: str) -> User:
    """A new listener. Raises `Forbidden` where only an administrator makes accounts."""
    if not settings.REGISTRATION:
        raise Forbidden("Registration is closed here: ask an administrator for an account")
    return create(email, username, password)


def create(email: str, username: str, password: str, role: str = User.Role.LISTENER) -> User:
    """A new account. Raises `Invalid`, or `Conflict` where a name is taken, naming the fields."""
    user = User(
        email=User.objects.normalize_email(email),
        username=User.normalize_username(username),
        role=role,
    )
    if faults := [*field_faults(user), *passwords.faults(password, user)]:
        raise Invalid("The account cannot be made like this", errors=faults)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        # The database decides, so that of two at once one wins; then it is asked what for.
        if taken := user.names_taken():
            faults = [Fault(TAKEN, pointer=f"/{name}") for name in taken]
            raise Conflict("There is such an account already", errors=faults) from error
        raise
    return user


def field_faults(user: User) -> list[Fault]:
    try:
        user.clean_fields(exclude={"password"})
    except ValidationError as error:
        found = error.message_dict.items()
        return [Fault(text, pointer=f"/{name}") for name, texts in found for text in texts]
    return []


def active(account_id: int, *, for_more: bool = False) -> User:
    """The account of whoever asks. Raises `Unauthenticated` where it has gone since.

    `for_more` keeps it there until the transaction that adds something to it ends.
    """
    users = User.objects.filter(pk=account_id, is_active=True)
    user = (users.select_for_update(no_key=True) if for_more else users).first()
    if user is None:
        raise Unauthenticated("The account is no longer there")
    return user


def change_password(account_id: int, current: str, new: str, address: str) -> None:
    """Ends all sessions of the account.

    Raises `Invalid` naming the field; `TooManyRequests`, as a wrong password is a failed login.
    """
    user = active(account_id)
    account = logins.authenticate(user.username, current, address)
    if account is None:
        raise not_the_password()
    if faults := passwords.faults(new, user, pointer="/new_password"):
        raise Invalid("The new password will not do", errors=faults)
    hashed = make_password(new)
    unchanged = User.objects.filter(pk=user.pk, password=account.password)
    if not unchanged.update(password=hashed, updated_at=timezone.now()):
        raise not_the_password()


def not_the_password() -> Invalid:
    wrong = Fault("It is not the password of this account", pointer="/current_password")
    return Invalid("The password was not changed", errors=[wrong])


def locked(account_id: int, by: int | None) -> User:
    """The account, which nobody else changes until the transaction ends.

    Raises `NotFound`, and `Forbidden` where whoever it is done `by` is no administrator by then:
    an access token may say so for minutes longer, but what is done to accounts is for good.
    """
    # Locked fully, so that nothing can be added to an account on its way out; in one order, so that
    # no two wait for each other.
    both = User.objects.select_for_update().filter(pk__in={account_id, by or account_id})
    found = {user.pk: user for user in both.order_by("pk")}
    if by is not None and not (by in found and found[by].is_active and found[by].is_staff):
        raise Forbidden("It takes the role admin, which is no longer yours")
    if account_id not in found:
        raise NotFound("There is no such account")
    return found[account_id]


@transaction.atomic
def change(
    account_id: int,
    *,
    role: str | None = None,
    is_active: bool | None = None,
    by: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> User:
    """The account as it is then. A change ends its sessions. Raises what `locked` does.

    `check` is called when nobody else can change it; what it raises undoes the change.
    """
    user = locked(account_id, by)
    check()
    user.role = user.role if role is None else role
    user.is_active = user.is_active if is_active is None else is_active
    user.save(update_fields=["role", "is_active", "updated_at"])
    return user


@transaction.atomic
def delete(
    account_id: int, *, by: int | None = None, check: Callable[[], None] = lambda: None
) -> None:
    """With its playlists, favourites and keys; the rest as for `change`."""
    user = locked(account_id, by)
    check()
    user.delete()
