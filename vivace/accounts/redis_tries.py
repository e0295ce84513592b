"""Tries to log in, counted in Redis. Imported only where there is one: it takes 7 MB."""

import logging
from collections.abc import Sequence
from functools import cache
from itertools import chain

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from vivace.accounts.limits import Limit

log = logging.getLogger(__name__)

RedisError = redis.RedisError

SECONDS = 0.5
OUTLAST_SECONDS = settings.SHARED_SECONDS + 60
"""Where memory runs short, Redis forgets what ends the soonest (`volatile-ttl`): counts end later
than any answer, so that nobody gets tries back by reading much."""


class InRedis:
    TAKE = """
        for i, key in ipairs(KEYS) do
            if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[2 * i - 1]) then return i end
        end
        for i, key in ipairs(KEYS) do
            if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[2 * i]) end
        end
        return 0
    """
    GIVE_BACK = """
        for _, key in ipairs(KEYS) do
            if redis.call('EXISTS', key) == 1 then redis.call('DECR', key) end
        end
    """

    def __init__(self, url: str) -> None:
        self.client = client(url)

    def take(self, limits: Sequence[Limit]) -> Limit | None:
        """Raises `RedisError`."""
        told = [(each.most, each.window + OUTLAST_SECONDS) for each in limits]
        full = self.client.eval(
            self.TAKE, len(limits), *map(key, limits), *chain.from_iterable(told)
        )
        return limits[int(full) - 1] if full else None

    def give_back(self, limits: Sequence[Limit]) -> None:
        try:
            self.client.eval(self.GIVE_BACK, len(limits), *map(key, limits))
        except RedisError as error:
            log.warning("A login stays counted, Redis does not answer: %s", error)


@cache
def client(url: str) -> redis.Redis:
    """A client that gives up soon, since the database can count instead.

    One more try is for a connection that Redis closed while it was idle. What took too long is not
    asked again: Redis may yet come to it, and would count twice.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
    )


def key(limit: Limit) -> str:
    return f"vivace:tries:{limit.subject}"
