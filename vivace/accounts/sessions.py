"""Sessions: a login, and the pairs of tokens that carry it on.

A refresh token reads `family.secret`. The family is one login; of each secret the database holds
a hash, from when the token is given out until the first refresh that comes `GRACE` or more after
its use. Within the grace it may be used again, and each time another token is given out; of those
that were never used the last `UNUSED_MAX` are held. Any other secret with the name of a family is
an old token, held by two: the family ends.

Whoever gives out tokens or ends a family locks the account's row first. A change of password,
role or activity locks it too, and its trigger then finds every token there is.
"""

import re
import secrets
from datetime import timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.accounts.logins import Account, tried
from vivace.accounts.models import RefreshToken, User, digest
from vivace.catalogue.fields import timestamp
from vivace.catalogue.statements import fetched, run
from vivace.problems import Unauthenticated

LIFETIME = timedelta(days=30)
GRACE = timedelta(seconds=30)
"""For two tabs that refresh at once, and for the client whose answer was lost."""
UNUSED_MAX = 50
"""Of a session. As many tabs may refresh at once; more are of answers that were lost."""

FAMILY_BYTES = 16
SECRET_BYTES = 32
FORM = re.compile(r"([\w-]{22})\.([\w-]{43})", re.ASCII)

# Written out: the ORM takes longer to write them than the database to answer them.
USERS, TOKENS = User._meta.db_table, RefreshToken._meta.db_table
LOGGED_IN = (
    f"UPDATE {USERS} SET last_login = %s"
    " WHERE id = %s AND password = %s AND is_active RETURNING role"
)
FORGOTTEN = f"DELETE FROM {TOKENS} WHERE user_id = %s AND expires_at < %s"
HOLDER = f"SELECT user_id FROM {TOKENS} WHERE family = %s LIMIT 1"
ACCOUNT = f"SELECT id, role FROM {USERS} WHERE id = %s"
USED = (
    f"UPDATE {TOKENS} SET used_at ="
    " CASE WHEN used_at IS NULL AND expires_at >= %s THEN %s ELSE used_at END"
    " WHERE family = %s AND digest = %s RETURNING"
    " CASE WHEN used_at < %s THEN true WHEN expires_at < %s THEN NULL ELSE false END"
)
"""Marks a token as used, and tells whether it was before the grace; null if it has expired."""
PRUNED = (
    f"DELETE FROM {TOKENS} WHERE family = %s AND (used_at < %s OR (used_at IS NULL AND id <="
    f" (SELECT id FROM {TOKENS} WHERE family = %s AND used_at IS NULL"
    f" ORDER BY id DESC LIMIT 1 OFFSET {UNUSED_MAX - 1})))"
)
"""Leaves room for one more that is not used."""
ENDED = f"DELETE FROM {TOKENS} WHERE family = %s"
ISSUED = f"INSERT INTO {TOKENS} (user_id, family, digest, expires_at) VALUES (%s, %s, %s, %s)"


class Pair(NamedTuple):
    access_token: str
    refresh_token: str


def log_in(login: str, password: str, address: str) -> Pair:
    """The first pair of a session. `login` is a username or an e-mail address.

    Raises `Unauthenticated`, `TooManyRequests` when the login limit is reached, and `Unavailable`
    where too many are hashing.
    """
    slots, account = tried(login, password, address)
    pair = None
    if account:
        try:
            pair = begin(account)
        finally:
            slots.give_back()
    if pair is None:
        raise Unauthenticated("There is no such account, or the password is another")
    return pair


@transaction.atomic
def begin(account: Account) -> Pair | None:
    """A new session; None where it got another password or was put out of use meanwhile."""
    now = timezone.now()
    moment = connection.ops.adapt_datetimefield_value(now)
    # Which locks the row.
    if not (found := fetched(LOGGED_IN, [moment, account.id, account.password])):
        return None
    [(role,)] = found
    run(FORGOTTEN, [account.id, timestamp(now)])
    return issue(Identity(account.id, role), secrets.token_urlsafe(FAMILY_BYTES))


def refresh(refresh_token: str) -> Pair:
    """The next pair of the session. Raises `Unauthenticated`, which may have ended it."""
    pair = None
    if form := FORM.fullmatch(refresh_token):
        pair = rotate(*form.groups())
    if pair is None:
        raise Unauthenticated("The session is over: log in again")
    return pair


def rotate(family: str, secret: str) -> Pair | None:
    if not (account_id := holder_of(family)):
        return None
    with transaction.atomic():
        if not (holder := lock(account_id)):
            return None
        now = timezone.now()
        moment, graced = timestamp(now), timestamp(now - GRACE)
        used = fetched(USED, [moment, moment, family, digest(secret), graced, moment])
        is_old = used[0][0] if used else True
        if is_old is None:  # It expired.
            return None
        if is_old:
            run(ENDED, [family])
            return None
        run(PRUNED, [family, graced, family])
        return issue(holder, family)


def log_out(refresh_token: str) -> None:
    """End the session, if there is one."""
    form = FORM.fullmatch(refresh_token)
    if form and (account_id := holder_of(form[1])):
        with transaction.atomic():
            lock(account_id)
            run(ENDED, [form[1]])


def holder_of(family: str) -> int | None:
    """The id of the account whose session it is, or was a moment ago.

    To be asked before the transaction: on SQLite that begins with the write lock, which an import
    may hold for minutes, and none is due to a token that somebody made up.
    """
    found = fetched(HOLDER, [family])
    return found[0][0] if found else None


def lock(account_id: int) -> Identity | None:
    """The account, locked until the transaction ends, unless it has gone."""
    # SQLite has taken its write lock by then and knows no locks of rows.
    how = " FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""
    found = fetched(ACCOUNT + how, [account_id])
    return Identity(*found[0]) if found else None


def issue(holder: Identity, family: str) -> Pair:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    expires_at = timestamp(timezone.now() + LIFETIME)
    run(ISSUED, [holder.account_id, family, digest(secret), expires_at])
    return Pair(tokens.issue(holder), f"{family}.{secret}")
