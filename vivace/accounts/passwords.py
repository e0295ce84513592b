"""How passwords are hashed, checked and chosen."""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from vivace.accounts.models import User
from vivace.accounts.names import is_writable
from vivace.metrics import hashed, hashing
from vivace.problems import Fault, Unavailable

MIN_LENGTH = 8  # as Django's MinimumLengthValidator has it
MAX_LENGTH = 1_000

ARGON2_VERSION = 19  # 1.3 (RFC 9106)
DIGEST_BYTES = 32

# Of a process that answers several requests at a time: half of the processors stay free for those
# that do not hash.
LANES = max(1, (os.cpu_count() or 1) // 2)
WAIT_SECONDS = 5
lanes = BoundedSemaphore(LANES)


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane: the OWASP minimum.

    A check takes about 20 ms, against 136 ms with Django's own parameters, and releases the GIL.
    """

    memory_cost = 19 * 1024  # KiB
    time_cost = 2
    parallelism = 1

    def of_nobody(self) -> str:
        """A hash like all others, of no password that anybody knows, made without hashing one:
        each process needs it as it starts."""
        cost = f"m={self.memory_cost},t={self.time_cost},p={self.parallelism}"
        salt, digest = (
            b64encode(part).decode().rstrip("=")
            for part in (self.salt().encode(), os.urandom(DIGEST_BYTES))
        )
        return f"{self.algorithm}$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"

    def encode(self, password: str, salt: str) -> str:
        with lane():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with lane():
            return super().verify(password, encoded)


@contextmanager
def lane() -> Iterator[None]:
    """Raises `Unavailable` where too many are hashing already."""
    with hashing.track_inprogress():
        if not lanes.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("Too many are logging in right now", headers={"Retry-After": "1"})
        hashed.inc()
        try:
            yield
        finally:
            lanes.release()


class LengthValidator:
    """For Django's forms: what is longer cannot be sent to log in."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > MAX_LENGTH:
            raise ValidationError(f"It is longer than {MAX_LENGTH:,} characters")

    def get_help_text(self) -> str:
        return f"It has {MAX_LENGTH:,} characters at the most."


def faults(password: str, user: User, pointer: str = "/password") -> list[Fault]:
    """What makes it a bad password for this account."""
    if not is_writable(password):
        return [Fault("It holds a character that cannot be typed", pointer=pointer)]
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [Fault(message, pointer=pointer) for message in error.messages]
    return []
