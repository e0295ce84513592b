"""Access tokens: who is asking, signed, so that checking one costs no query.

A token reads `account.role.nonce.time.signature` and counts for `LIFETIME_S` seconds. It cannot be
called back: what ends an account's sessions takes effect when its last access token has run out.
"""

import time
from functools import lru_cache
from secrets import token_urlsafe

from django.conf import settings
from django.core.signing import BadSignature, Signer, TimestampSigner, b62_decode

from vivace.accounts.identity import Identity
from vivace.problems import Unauthenticated

LIFETIME_S = 300
SALT = "vivace.accounts.access-token"
# A bearer token may not hold the colon that Django parts with (RFC 6750, section 2.1).
SEPARATOR = "."
NONCE_BYTES = 6


def issue(identity: Identity) -> str:
    """A token unlike any other, even of the same second."""
    nonce = token_urlsafe(NONCE_BYTES)
    return signer().sign(SEPARATOR.join([str(identity.account_id), identity.role, nonce]))


def read(token: str) -> Identity:
    """Whom a token was issued to. Raises `Unauthenticated` if it is not ours or has run out."""
    identity, issued_at = signed(token, settings.SECRET_KEY)
    if time.time() - issued_at > LIFETIME_S:
        raise rejected("The access token has run out: refresh it")
    return identity


@lru_cache(maxsize=2_048)
def signed(token: str, _key: str) -> tuple[Identity, int]:
    """Who it says it is, and since when, in seconds since 1970; checked once in its life."""
    try:
        value, stamp = Signer.unsign(signer(), token).rsplit(SEPARATOR, 1)
        account_id, role, _ = value.split(SEPARATOR)
        return Identity(int(account_id), role), b62_decode(stamp)
    except (BadSignature, ValueError) as error:
        raise rejected("The access token is not one of this server's") from error


def rejected(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def signer() -> TimestampSigner:
    return TimestampSigner(sep=SEPARATOR, salt=SALT)
