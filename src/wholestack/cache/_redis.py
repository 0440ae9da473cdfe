"""Values in Redis or Valkey: one client for both colours, whose calls wait in a thread where a loop must not."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from wholestack import Secret, wait
from wholestack.errors import CannotWait
from wholestack.handlers import is_driven

from ._errors import misuse

T = TypeVar("T")

_INCREMENT = """
local found = redis.call('GET', KEYS[1])
if found and not string.match(found, '^-?%d+$') then redis.call('DEL', KEYS[1]); found = false end
local number = redis.call('INCRBY', KEYS[1], ARGV[1])
if not found and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return number
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
_SCANNED = 1000


class RedisStore:
    """Values in Redis or Valkey, which all processes and machines of the app share.

    Give the server a bound (``maxmemory``) and ``maxmemory-policy allkeys-lru``; a value that it has thrown away is
    made again. How long values are kept is told by the server's own clock.

    Arguments:
        url: the address: ``redis://…``, ``rediss://…`` with TLS, ``unix://…``.
        prefix: what the keys begin with: another one for each app that uses the same database of the server.
        timeout: seconds for a call, after which the store counts as away.
        connections: the most that a process opens.

    Raises:
        SetupError: the package redis is not installed, or an address that is none (``bad-cache``).

    Example:
        >>> RedisStore("redis://:secret@cache.example:6379/0")
        <RedisStore redis://cache.example:6379/0>
    """

    shared: bool = True
    one_writer: bool = False

    def __init__(
        self,
        url: str | Secret = "redis://127.0.0.1:6379/0",
        *,
        prefix: str = "cache",
        timeout: float = 1.0,
        connections: int = 50,
    ) -> None:
        if importlib.util.find_spec("redis") is None:
            raise misuse("RedisStore needs the package redis.", "pip install 'wholestack[redis]'")
        from redis import RedisError

        self._url = url.get_secret_value() if isinstance(url, Secret) else url
        if urlsplit(self._url).scheme not in {"redis", "rediss", "unix"}:
            raise misuse("The address of RedisStore is none.", 'Write one like "redis://127.0.0.1:6379/0".')
        self.failures: tuple[type[Exception], ...] = (RedisError, OSError)
        self._prefix = prefix
        self._timeout = timeout
        self._connections = connections
        self._lock = threading.Lock()
        self._process = 0
        # The package's types say that each answer may be awaited as well.
        self._client: Any = None

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """See `CacheStore`."""
        keys = self._keys(names)
        return self._ask(lambda client: [*client.mget(keys)]) if keys else []

    def set(self, name: str, value: bytes, seconds: float) -> None:
        """See `CacheStore`."""
        self._ask(lambda client: client.set(self._key(name), value, px=_milliseconds(seconds)))

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        """See `CacheStore`."""
        return self._ask(lambda client: bool(client.set(self._key(name), value, px=_milliseconds(seconds), nx=True)))

    def delete(self, names: Sequence[str]) -> None:
        """See `CacheStore`."""
        keys = self._keys(names)
        if keys:
            self._ask(lambda client: client.unlink(*keys))

    def release(self, name: str, value: bytes) -> None:
        """See `CacheStore`."""
        self._ask(lambda client: client.eval(_RELEASE, 1, self._key(name), value))

    def swap(self, name: str, value: bytes, new: bytes, seconds: float) -> bool:
        """See `CacheStore`."""
        until = _milliseconds(seconds)
        given = self._key(name), value, new, "" if until is None else until
        return self._ask(lambda client: bool(client.eval(_SWAP, 1, *given)))

    def increment(self, name: str, by: int, seconds: float) -> int:
        """See `CacheStore`."""
        until = _milliseconds(seconds)
        return self._ask(
            lambda client: int(client.eval(_INCREMENT, 1, self._key(name), by, "" if until is None else until))
        )

    def run(self, script: str, names: Sequence[str], *arguments: str | bytes | float) -> Any:
        """Run a script of Lua on the server, which is one step to everybody else: for what is more than a cache.

        Arguments:
            script: its text, in which ``KEYS`` are the keys of the names, and ``ARGV`` the arguments, as texts.
            names: of values, below the store's prefix.
            arguments: what else it takes.

        Returns:
            what it returns, texts as bytes.

        Example:
            >>> store = RedisStore("redis://127.0.0.1:6379/0")
            >>> store.run("return redis.call('APPEND', KEYS[1], ARGV[1])", ["log"], "a line") # doctest: +SKIP
            6
        """
        keys = self._keys(names)
        return self._ask(lambda client: client.eval(script, len(keys), *keys, *arguments))

    def clear(self) -> None:
        """See `CacheStore`."""
        self._ask(self._clear)

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            client, self._client = self._client, None
            if client is not None and self._process == os.getpid():
                client.close()

    def _clear(self, client: Any) -> None:
        pattern = "".join(f"\\{each}" if each in r"*?[]\^" else each for each in self._prefix) + ":*"
        batch: list[bytes] = []
        for key in client.scan_iter(match=pattern, count=_SCANNED):
            batch.append(key)
            if len(batch) == _SCANNED:
                client.unlink(*batch)
                batch.clear()
        if batch:
            client.unlink(*batch)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{name}"

    def _keys(self, names: Sequence[str]) -> list[str]:
        return [self._key(name) for name in names]

    def _ask(self, call: Callable[[Any], T]) -> T:
        """Make a call as its caller's colour asks: a thread may block, a driven call hands it to one."""
        if is_driven():
            return wait(asyncio.to_thread(lambda: call(self._connected())))
        if asyncio._get_running_loop() is not None:
            raise CannotWait(
                "RedisStore was asked on the event loop, outside a driven call. Let the handler ask for "
                "`cache: Cache`, or make the function that is @cached `async def`."
            )
        return call(self._connected())

    def _connected(self) -> Any:
        """The client of this process: what a fork has copied is the parent's, and its connections are left alone."""
        with self._lock:
            if self._client is None or self._process != os.getpid():
                import redis
                from redis.backoff import NoBackoff
                from redis.retry import Retry

                _left_behind.append(self._client)
                self._process = os.getpid()
                pool = redis.BlockingConnectionPool.from_url(
                    self._url,
                    max_connections=self._connections,
                    timeout=self._timeout,
                    socket_timeout=self._timeout,
                    socket_connect_timeout=self._timeout,
                    # Once more, at once: the server may have closed a connection that nobody used for long.
                    retry=Retry(NoBackoff(), 1),
                )
                self._client = redis.Redis(connection_pool=pool)
            return self._client

    def __repr__(self) -> str:
        parts = urlsplit(self._url)
        place = parts.netloc.rpartition("@")[2]
        return f"<RedisStore {parts.scheme}://{place}{parts.path}>"


_left_behind: list[Any] = []
"""Clients that a fork has copied from the parent process: not even the collector may close their connections."""


def _milliseconds(seconds: float) -> int | None:
    return None if seconds == math.inf else max(1, round(seconds * 1000))
