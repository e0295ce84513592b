"""Django's cache in Redis, with a client that is made once, and fewer trips to it."""

from functools import cached_property
from typing import Any

from django.core.cache.backends import redis

NO_REPLY = "CLIENT", "REPLY", "SKIP"
"""To the command behind it."""


class Client(redis.RedisCacheClient):
    """Of one server. Django makes redis-py's client anew for each command, which takes longer than
    to send that: it copies the table of all commands. It may be shared: connections are the
    pool's."""

    _serializer: Any

    @cached_property
    def only(self) -> Any:
        return super().get_client(write=True)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self.only

    def get_or_add(self, key: str, value: Any, seconds: int) -> Any:
        added = self._serializer.dumps(value)
        found = self.only.set(key, added, ex=seconds, nx=True, get=True)
        return None if found is None else self._serializer.loads(found)

    def put(self, key: str, value: Any, seconds: int) -> None:
        command = ("SET", key, self._serializer.dumps(value), "EX", seconds)
        pool = self.only.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_packed_command(connection.pack_commands([NO_REPLY, command]))
        finally:
            pool.release(connection)


class RedisCache(redis.RedisCache):
    _servers: list[str]
    _options: dict[str, Any]

    @cached_property
    def _cache(self) -> Client:
        return Client(self._servers, **self._options)

    def get_or_add(self, key: str, value: Any, seconds: int) -> Any:
        """What is there; None where nothing was, and the value is now. It takes Redis 7."""
        return self._cache.get_or_add(self.make_and_validate_key(key), value, seconds)

    def put(self, key: str, value: Any, seconds: int) -> None:
        """Set it without a reply, which would take as long to wait for as all the rest.

        Whether Redis took it nobody hears.
        """
        self._cache.put(self.make_and_validate_key(key), value, seconds)
