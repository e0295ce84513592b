"""Django's cache in Redis, with a client that is made once, and fewer trips to it."""

import threading
from functools import cached_property
from typing import Any

from django.core.cache.backends import redis


class Own(threading.local):
    """A connection of a thread's own, and whether its last reply is yet to be read."""

    connection: Any = None
    owes = False


class Client(redis.RedisCacheClient):
    """Of one server. Django makes redis-py's client anew for each command, which takes longer than
    to send that: it copies the table of all commands. It may be shared: connections are the
    pool's, or of each thread."""

    _lib: Any
    _serializer: Any

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, **options)
        self.own = Own()

    @cached_property
    def only(self) -> Any:
        return super().get_client(write=True)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self.only

    def get_or_add(self, key: str, value: Any, seconds: int) -> Any:
        added = self._serializer.dumps(value)
        found = self.sent("SET", key, added, "EX", seconds, "NX", "GET")
        return None if found is None else self._serializer.loads(found)

    def put(self, key: str, value: Any, seconds: int) -> None:
        self.sent("SET", key, self._serializer.dumps(value), "EX", seconds, heard=False)

    def sent(self, *command: Any, heard: bool = True) -> Any:
        """The reply, past the pool and what redis-py does besides, which takes as long again.

        One that is not heard now is heard before the next command: it is here by then.
        """
        was_open = self.own.connection is not None and self.own.connection.is_connected
        try:
            return self.sent_once(command, heard=heard)
        except self._lib.ConnectionError:
            if not was_open:
                raise
            # Redis closed it while it was idle: now it is made anew.
            return self.sent_once(command, heard=heard)

    def sent_once(self, command: tuple[Any, ...], *, heard: bool) -> Any:
        own = self.own
        if own.connection is None:
            pool = self.only.connection_pool
            own.connection = pool.connection_class(**pool.connection_kwargs)
        try:
            if own.owes:
                own.connection.read_response()
            own.owes = False
            if own.connection.can_read():
                raise self._lib.ConnectionError("There is more than replies: it was closed")
            own.connection.send_command(*command)
            own.owes = not heard
            return own.connection.read_response() if heard else None
        except BaseException:
            # Or a reply would be taken for that of another command.
            own.connection.disconnect()
            own.owes = False
            raise


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
        """Set it, and hear what came of it at the next command: to wait would take as long again.

        Raises what a command before it failed by, and is then not sent itself.
        """
        self._cache.put(self.make_and_validate_key(key), value, seconds)
