"""How many passwords processors can hash that do nothing else: what logins are measured by."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from vivace.lab import stacks

SECONDS = 5.0


def per_second(cores: Sequence[int]) -> float:
    """Of all of these cores together, as Vivace hashes; of one where none are told."""
    with stacks.kept_to(cores), ThreadPoolExecutor(max(1, len(cores))) as threads:
        began = time.perf_counter()
        hashed = threads.map(hash_until, [began + SECONDS] * max(1, len(cores)))
        return sum(hashed) / (time.perf_counter() - began)


def hash_until(end: float) -> int:
    """How many were hashed until then: by Argon2 as it is set here, past the lane for it."""
    # Other load tests are run without Django.
    from django.contrib.auth.hashers import Argon2PasswordHasher

    from vivace.accounts.passwords import Argon2id

    hasher, number = Argon2id(), 0
    while time.perf_counter() < end:
        Argon2PasswordHasher.encode(hasher, stacks.PASSWORD, hasher.salt())
        number += 1
    return number
