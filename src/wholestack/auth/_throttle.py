"""How often somebody may try to log in, and who has to wait."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import math
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from wholestack import App, SetupError, TooManyRequests
from wholestack.db import Database
from wholestack.errors import Fault
from wholestack.languages import ngettext
from wholestack.routing import where_of
from wholestack.settings import SigningKeys

from ._misuse import misuse
from ._throttle_limits import Limit, LimitOptions
from ._throttle_redis import RedisTries, ScriptStore
from ._throttle_stores import DatabaseTries, MemoryTries, TriesStore

_PURPOSE = "throttle"
_LIMITS = {
    "pair": Limit(free=5, first=1, longest=900, forgets=3600),
    "account": Limit(free=6, first=2, longest=900, forgets=3600),
    "address": Limit(free=8, first=20, longest=60, forgets=60),
    "device": Limit(free=10, first=1, longest=900, forgets=3600),
    "devices": Limit(free=30, first=8, longest=900, forgets=3600),
    "mail": Limit(free=50, first=1, longest=60, forgets=60),
    "passkey": Limit(free=300, first=1, longest=60, forgets=2),
}


class ThrottleOptions(TypedDict, total=False):
    """The limits of a `Throttle`, each in full or in part: ``account={"free": 10}``.

    `pair`: of one account from one address (5 tries at once, then delays of 1, 2, 4 … seconds up to 15 minutes, one
    try being forgotten in an hour); `account`: of one account from all addresses (6, then delays of 2, 4, 8 … seconds,
    so ten in the first minute); `address`: of all accounts from one address (8, then delays of 20 and 40 seconds and of
    a minute, so ten in a minute at most, one try being forgotten in a minute); `device`: of one account from a browser
    that it knows (10, then as the first); `devices`: of one account from all browsers that it knows, beside `device`
    (30, then delays of 8, 16, 32 … seconds up to 15 minutes, one try being forgotten in an hour); `mail`: of mails that
    are asked for from one address (50, then delays up to a minute, one being forgotten in a minute): who tries
    passwords there keeps nobody beside them from a mail;
    `passkey`: of pages that ask browsers of one address for a passkey, as that of login does when it is opened (300,
    then delays up to a minute, one being forgotten in 2 seconds).
    """

    pair: LimitOptions
    account: LimitOptions
    address: LimitOptions
    device: LimitOptions
    devices: LimitOptions
    mail: LimitOptions
    passkey: LimitOptions


class Throttle:
    """Counts tries to log in, and lets whoever has tried too often wait: by address, by account, and by both.

    Each try is counted before the password is looked at, in one step: of two at the edge one passes. A login that is
    right takes its tries back. Who has to wait gets a 429 with ``Retry-After``, whether there is such an account or
    not; a try while one has to wait is not counted, so that nobody makes another wait longer by it.

    From a browser that an account knows only the tries of such browsers count, its own and those of all together:
    whoever attacks the account from elsewhere, from however many addresses, does not keep its owner out; and whoever
    has let many browsers be known guesses no more than from a few. An address of IPv6 counts as its network (/64). Keys
    are kept as HMACs: the table says neither which accounts were tried nor from where.

    Arguments:
        store: ``"database"`` (the app's, shared by all processes), ``"memory"`` (of this process), or a `RedisStore` of
            `wholestack.cache` (shared by all processes and machines).
        clock: seconds since 1970; left out, the store's own: of Redis the server's, else this machine's.
        limits: see `ThrottleOptions`.

    Raises:
        SetupError: a limit that limits nothing (``bad-login-setting``).

    Example:
        >>> throttle = Throttle(store="memory", pair={"free": 2})
        >>> for _ in range(3):
        ...     try:
        ...         throttle.take("ann@example.org", "192.0.2.7")
        ...     except TooManyRequests as error:
        ...         print(error.code, error.headers["retry-after"])
        too-many-logins 1
    """

    def __init__(
        self,
        *,
        store: Literal["database", "memory"] | ScriptStore = "database",
        clock: Callable[[], float] | None = None,
        **limits: Unpack[ThrottleOptions],
    ) -> None:
        given: dict[str, Any] = dict(limits)
        there = store in {"database", "memory"} if isinstance(store, str) else hasattr(store, "run")
        if not there or set(given) - set(_LIMITS):
            raise misuse("Throttle(…) was given a store or a limit that there is not.", 'Throttle(store="memory")')
        self._clock = clock
        self._limits = {name: limit.with_options(given.get(name, {})) for name, limit in _LIMITS.items()}
        self._server = None if isinstance(store, str) else store
        self._store: TriesStore | None = MemoryTries() if store == "memory" else None
        if self._server is not None:
            self._store = RedisTries(self._server)
        self._keys = SigningKeys(area="wholestack.auth")

    def setup(self, app: App, keys: SigningKeys | None = None) -> None:
        """Find the database, and add the table to its tables; or see that the server's connections are closed.

        Arguments:
            app: the app.
            keys: what names the rows; left out, the secret of the environment.

        Raises:
            SetupError: there is no database (``no-database``).
        """
        self._keys = keys or self._keys
        if self._server is not None:
            app.lifespan(self._life)
            return
        if isinstance(self._store, MemoryTries):
            app.check(self._faults)
            return
        found = (each for each in app.plugins if isinstance(each, Database) and each.is_default and not each.read_only)
        database = next(found, None)
        if database is None:
            raise _no_database()
        self._store = DatabaseTries(database)

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            close: Callable[[], None] | None = getattr(self._server, "close", None)
            if close is not None:
                await asyncio.to_thread(close)

    def take(self, account: str, address: str | None, *, device: str | None = None, mail: bool = False) -> None:
        """Count a try, or refuse it: to be called before the password is looked at.

        Arguments:
            account: the name that was typed, whether there is such an account or not.
            address: the client's; None where nobody knows it.
            device: the id of a browser that the account knows; None of any other.
            mail: whether a mail is asked for, and nothing is guessed.

        Raises:
            TooManyRequests: there were too many tries (``too-many-logins``).
            ServiceUnavailable: the server of the store is away (``throttle-away``).
        """
        limits = {key: self._limits[kind] for kind, key in self._keys_of(account, address, device, mail).items()}
        self._count(limits)

    def take_from(self, address: str | None, kind: Literal["address", "passkey"]) -> None:
        """Count a try of which nobody can tell whose login it is to be, such as one with a passkey, or refuse it.

        Arguments:
            address: the client's; where nobody knows it, nothing is counted.
            kind: ``"address"``, as every login counts there; ``"passkey"``: that a browser is asked for one.

        Raises:
            TooManyRequests: there were too many tries (``too-many-logins``).
            ServiceUnavailable: the server of the store is away (``throttle-away``).
        """
        if network := _network(address):
            self._count({self._key(kind, network): self._limits[kind]})

    def passed_from(self, address: str | None, *kinds: Literal["address", "passkey"]) -> None:
        """Take one try of an address back, since it was right.

        Arguments:
            address: as for `take_from`.
            kinds: as what it was counted there.
        """
        if network := _network(address):
            self._used().passed([], {self._key(kind, network): self._limits[kind] for kind in kinds}, self._now())

    def _count(self, limits: dict[str, Limit]) -> None:
        wait = self._used().count(limits, self._now())
        if wait:
            seconds = math.ceil(wait)
            raise TooManyRequests(_text(seconds), code="too-many-logins", headers={"retry-after": str(seconds)})

    def passed(self, account: str, address: str | None, *, device: str | None = None, mail: bool = False) -> None:
        """Take the tries of an account back, since one was right; of its address's others that one alone.

        From a browser that the account knows nothing is forgotten of what was tried elsewhere, and of what all such
        browsers have tried that one alone.

        Arguments:
            account: as for `take`.
            address: as for `take`.
            device: as for `take`.
            mail: as for `take`.
        """
        keys = self._keys_of(account, address, device, mail)
        others = {keys.pop(kind): self._limits[kind] for kind in ("address", "devices", "mail") if kind in keys}
        self._used().passed([*keys.values(), self._key("pair", account, _network(address))], others, self._now())

    def _now(self) -> float | None:
        return None if self._clock is None else self._clock()

    def _keys_of(self, account: str, address: str | None, device: str | None, mail: bool) -> dict[str, str]:
        """What a try counts for, each under its key."""
        if device is not None:
            return {"device": self._key("device", account, device), "devices": self._key("devices", account)}
        network = _network(address)
        keys = {"pair": self._key("pair", account, network), "account": self._key("account", account)}
        others = "mail" if mail else "address"
        return {**keys, others: self._key(others, network)} if network else keys

    def _key(self, kind: str, *parts: str) -> str:
        folded = [each.strip().casefold() if index == 0 else each for index, each in enumerate(parts)]
        clean = [each.encode("utf-8", "replace").decode() for each in folded]
        return self._keys.signed(_PURPOSE, kind, *clean).hex()

    def _used(self) -> TriesStore:
        if self._store is None:
            raise RuntimeError(
                'A Throttle is not set up: app.use(Database(), Auth(User)), or Throttle(store="memory").'
            )
        return self._store

    def _faults(self) -> list[Fault]:
        """That in memory each of several processes has counts of its own."""
        workers = os.environ.get("WEB_CONCURRENCY", "1")
        if not workers.isdigit() or int(workers) < 2:
            return []
        message = (
            f"Throttle keeps its counts in memory, and WEB_CONCURRENCY starts {workers} processes: each has its own."
        )
        return [Fault("memory-store", message, where_of(Throttle), 'Throttle(store="database"), or one process.')]

    def __repr__(self) -> str:
        return f"<Throttle {self._limits}>"


def _no_database() -> SetupError:
    message = "Throttle needs a Database that takes writes."
    return SetupError([Fault("no-database", message, where_of(Throttle), "app.use(Database(), Auth(User))")])


def _network(address: str | None) -> str:
    """What one household or machine has: an address of IPv4, of IPv6 the network."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _text(seconds: int) -> str:
    if seconds <= 90:
        return ngettext(
            "Too many tries. Please try again in %(num)s second.",
            "Too many tries. Please try again in %(num)s seconds.",
            seconds,
        )
    return ngettext(
        "Too many tries. Please try again in %(num)s minute.",
        "Too many tries. Please try again in %(num)s minutes.",
        math.ceil(seconds / 60),
    )
