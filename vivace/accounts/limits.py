"""How often a login may fail, counted across all workers and nodes.

Tries are counted per login name and per address in windows of `settings.LOGIN_LIMIT`, in Redis
or else in the database. A slot is taken before the password is hashed and given back when it
was right, so that tries at the same time cannot slip past the count.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from vivace.accounts.addresses import site
from vivace.accounts.models import Tries
from vivace.accounts.names import fold_name
from vivace.catalogue.statements import fetched, run
from vivace.problems import TooManyRequests

log = logging.getLogger(__name__)

ADDRESS_FACTOR = 10
"""Many people can share an address: it may fail this many times as often as an account."""

PRUNE_ROWS = 1_000


class Limit(NamedTuple):
    """So many tries at something until a time in seconds since 1970."""

    policy: str
    subject: str
    most: int
    window: int
    resets_at: int


class Store(Protocol):
    def take(self, limits: Sequence[Limit]) -> Limit | None:
        """Count one more try for each, or for none: then the first one that has no room."""

    def give_back(self, limits: Sequence[Limit]) -> None:
        """Count one try less for each. Where Redis does not answer, they stay counted."""


class Slots(NamedTuple):
    """A try that is under way. What becomes of it decides whether it stays counted."""

    store: Store
    limits: Sequence[Limit]

    def give_back(self) -> None:
        self.store.give_back(self.limits)


def reserve(login: str, address: str) -> Slots:
    """A slot for one try to log in. Raises `TooManyRequests` where there is none left."""
    # The address first: one that is out of slots then leaves no rows for the names it tries.
    limits = [*limits_of(login, address)]
    store, full = take(limits)
    if full:
        raise refusal(full)
    return Slots(store, limits)


def limits_of(login: str, address: str) -> Iterable[Limit]:
    most, window = settings.LOGIN_LIMIT
    yield window_of("login-address", site(address), most * ADDRESS_FACTOR, window)
    yield window_of("login-account", fold_name(login), most, window)


def window_of(policy: str, name: str, most: int, window: int) -> Limit:
    number = int(time.time()) // window
    # Hashed, since people type passwords where a name belongs; with the window, so that a
    # slot is never given back to a later one.
    counted = f"{number} {name}".encode(errors="surrogatepass")
    subject = salted_hmac(f"vivace.accounts.limits.{policy}", counted, algorithm="sha256")
    return Limit(policy, subject.hexdigest(), most, window, (number + 1) * window)


def take(limits: Sequence[Limit]) -> tuple[Store, Limit | None]:
    """Where the try was counted, and which limit had no room for it."""
    if settings.REDIS_URL:
        from vivace.accounts.redis_tries import InRedis, RedisError

        try:
            return (store := InRedis(settings.REDIS_URL)), store.take(limits)
        except RedisError as error:
            log.warning("Logins are counted in the database, Redis does not answer: %s", error)
    return (fallback := InDatabase()), fallback.take(limits)


def refusal(limit: Limit) -> TooManyRequests:
    """With the fields of draft-ietf-httpapi-ratelimit-headers-11 and RFC 9110's Retry-After."""
    seconds = max(1, limit.resets_at - int(time.time()))
    return TooManyRequests(
        f"Too many logins failed: the next try counts in {seconds} seconds",
        headers={
            "Retry-After": str(seconds),
            "RateLimit": f'"{limit.policy}";r=0;t={seconds}',
            "RateLimit-Policy": f'"{limit.policy}";q={limit.most};w={limit.window}',
        },
    )


class InDatabase:
    TAKE = (
        "INSERT INTO accounts_tries (subject, count, resets_at) VALUES (%s, 1, %s) "
        "ON CONFLICT (subject) DO UPDATE SET count = accounts_tries.count + 1 "
        "WHERE accounts_tries.count < %s RETURNING count"
    )

    GIVE_BACK = "UPDATE accounts_tries SET count = count - 1 WHERE subject = %s"
    PAST = "SELECT 1 FROM accounts_tries WHERE resets_at < %s LIMIT 1"

    def take(self, limits: Sequence[Limit]) -> Limit | None:
        full, counts = None, list[int]()
        with transaction.atomic():
            for limit in limits:
                found = fetched(self.TAKE, [limit.subject, limit.resets_at, limit.most])
                if not found:
                    full = limit
                    self.give_back(limits[: len(counts)])
                    break
                counts += found[0]
        # By itself: it would hold counts while it waits for those it removes.
        if 1 in counts:
            self.prune()
        return full

    def give_back(self, limits: Sequence[Limit]) -> None:
        for limit in limits:
            run(self.GIVE_BACK, [limit.subject])

    def prune(self) -> None:
        """Forget windows that are over, some at a time."""
        now = int(time.time())
        if not fetched(self.PAST, [now]):
            return
        with transaction.atomic():
            # Those that somebody counts in or removes this moment are left to the next one.
            free = Tries.objects.select_for_update(skip_locked=True).filter(resets_at__lt=now)
            past = free.order_by("resets_at", "subject").values_list("pk", flat=True)
            Tries.objects.filter(pk__in=[*past[:PRUNE_ROWS]]).delete()
