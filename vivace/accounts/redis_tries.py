"""Tries to log in, counted in Redis. Imported only where there is one: it takes 7 MB."""

import logging
from functools import cache

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
        if tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(ARGV[1]) then return 0 end
        if redis.call('INCR', KEYS[1]) == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
        return 1
    """
    GIVE_BACK = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECR', KEYS[1]) end"

    def __init__(self, url: str) -> None:
        self.client = client(url)

    def take(self, limit: Limit) -> bool:
        """Raises `RedisError`."""
        lasts = limit.window + OUTLAST_SECONDS
        return bool(self.client.eval(self.TAKE, 1, key(limit), limit.most, lasts))

    def give_back(self, limit: Limit) -> None:
        try:
            self.client.eval(self.GIVE_BACK, 1, key(limit))
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
