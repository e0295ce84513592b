"""Who is it? An account, told by a name and its password within the login limit.

Whatever name an account could have, the same is asked of the database and of the hash: the time
that a refusal takes does not tell whether there is one.
"""

from typing import NamedTuple

from django.contrib.auth.hashers import is_password_usable, make_password, verify_password
from django.db import transaction

from vivace.accounts import limits
from vivace.accounts.models import RefreshToken, User
from vivace.accounts.names import is_writable, key_of
from vivace.accounts.passwords import Argon2id
from vivace.catalogue.statements import fetched

# Written out: the ORM takes longer to write it than the database to answer it. There is always a
# row, nobody's where there is no other: to take one takes time.
ACCOUNT = (
    f"SELECT id, password, is_active FROM {User._meta.db_table} WHERE {{}} = %s"
    " UNION ALL SELECT 0, %s, false ORDER BY id DESC LIMIT 1"
)


class Account(NamedTuple):
    """What a login asks of one."""

    id: int
    password: str
    is_active: bool


NOBODY = Account(0, Argon2id().of_nobody(), is_active=False)
"""In place of an account that is not there, or that has no password."""


def authenticate(login: str, password: str, address: str) -> Account | None:
    """The active account with this name and password.

    Raises `TooManyRequests`, and `Unavailable` where too many are hashing.
    """
    slots, account = tried(login, password, address)
    if account:
        slots.give_back()
    return account


def tried(login: str, password: str, address: str) -> tuple[limits.Slots, Account | None]:
    """The slots of a try, and the account that it proved.

    They are given back here only where it breaks: with an account the caller gives them back, and
    without one nobody does.
    """
    slots = limits.reserve(login, address)
    try:
        return slots, proved(account_named(login), password)
    except BaseException:
        slots.give_back()
        raise


def account_named(login: str) -> Account:
    if not is_writable(login):
        return NOBODY
    return account_where(*key_of(login))


def account_where(column: str, value: object) -> Account:
    [row] = fetched(ACCOUNT.format(column), [value, NOBODY.password])
    account = Account(*row)
    return account if is_password_usable(account.password) else NOBODY


def proved(account: Account, password: str) -> Account | None:
    """The account, where it is active and the password is its own; an old hash is made anew."""
    if not is_writable(password):
        return None
    right, is_old = verify_password(password, account.password)
    if not (right and account.is_active):
        return None
    return rehashed(account, password) if is_old else account


def rehashed(account: Account, password: str) -> Account | None:
    new = account._replace(password=make_password(password))
    if exchanged(account, new):
        return new
    # Another login was first, or it is another password by now.
    return proved(account_where("id", account.id), password)


@transaction.atomic
def exchanged(old: Account, new: Account) -> bool:
    """Whether a hash took the place of another of the same password, beside which sessions go on.

    The account's trigger ends them with any new hash, and cannot know of which password it is. So
    they are put back; nobody begins, goes on with or ends one who has not locked the account.
    """
    unchanged = User.objects.filter(pk=old.id, password=old.password)
    if not unchanged.select_for_update(no_key=True).first():
        return False
    tokens = list(RefreshToken.objects.filter(user=old.id))
    unchanged.update(password=new.password)
    RefreshToken.objects.bulk_create(tokens)
    return True
