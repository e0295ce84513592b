"""Who is asking, by the `Authorization` field of the request."""

from vivace.accounts import keys, tokens
from vivace.accounts.identity import Identity


def identify(authorization: str | None) -> Identity | None:
    """Who it is; None where the field is absent.

    An access token costs no query, an API key one. Raises `Unauthenticated` for anything that
    is neither.
    """
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise tokens.rejected("Authorization takes: Bearer and an access token or API key")
    return keys.identify(token) if token.startswith(keys.PREFIX) else tokens.read(token)
