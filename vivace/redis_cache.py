"""Django's cache in Redis, with a client that is made once."""

from functools import cached_property
from typing import Any

from django.core.cache.backends import redis


class Client(redis.RedisCacheClient):
    """Of one server. Django makes redis-py's client anew for each command, which takes longer than
    to send that: it copies the table of all commands. It may be shared: connections are the
    pool's."""

    @cached_property
    def only(self) -> Any:
        return super().get_client(write=True)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self.only


class RedisCache(redis.RedisCache):
    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client
