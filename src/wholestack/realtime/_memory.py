"""Channels in the memory of one process: bounded in messages, in age, in topics and in what waits for a subscriber."""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections import deque
from collections.abc import Callable
from time import monotonic

from ._backend import Stored


class MemoryFeed:
    """See `Feed` and `QuickFeed`."""

    __slots__ = ("_most", "_topic", "_waiting", "_wake", "position")

    def __init__(self, topic: _Topic, most: int) -> None:
        self.position: str = topic.id_of(topic.number)
        self._topic = topic
        self._most = most
        self._waiting: list[Stored] = []
        self._wake: Callable[[], object] | None = None

    def put(self, stored: Stored) -> None:
        """One more; where too many wait, all of them are given up for one gap."""
        if len(self._waiting) >= self._most:
            self._waiting.clear()
            stored = Stored(stored.id, None)
        self._waiting.append(stored)
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def take(self, wake: Callable[[], object]) -> list[Stored]:
        """See `QuickFeed.take`."""
        found, self._waiting = self._waiting, []
        self._wake = None if found else wake
        return found

    async def next(self) -> Stored:
        """See `Feed.next`."""
        while not self._waiting:
            came = asyncio.get_running_loop().create_future()
            self._wake = functools.partial(_came, came)
            await came
        return self._waiting.pop(0)

    def close(self) -> None:
        """See `Feed.close`."""
        self._topic.feeds.discard(self)
        self._waiting.clear()
        self._wake = None


def _came(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Topic:
    """One topic; its ids begin with a word of its own, so that those of another life are known as such."""

    def __init__(self) -> None:
        self.word = secrets.token_hex(4)
        self.number = 0
        self.kept: deque[tuple[float, Stored]] = deque()
        self.feeds: set[MemoryFeed] = set()
        self.members: dict[str, str] = {}

    def id_of(self, number: int) -> str:
        return f"{self.word}-{number}"

    @property
    def idle(self) -> bool:
        return not (self.feeds or self.members)


class MemoryBackend:
    """See `Backend`.

    Arguments:
        history: how many messages of a topic are kept.
        age: for how many seconds.
        queue: how many messages may wait for one subscriber.
        topics: how many topics without a subscriber are remembered.
    """

    many = False

    def __init__(
        self,
        history: int = 100,
        age: float = 300.0,
        queue: int = 100,
        topics: int = 1000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._history = history
        self._age = age
        self._queue = queue
        self._most = topics
        self._clock = clock
        self._topics: dict[str, _Topic] = {}

    async def open(self) -> None:
        """See `Backend.open`."""

    async def close(self) -> None:
        """See `Backend.close`."""
        self._topics = {}

    async def publish(self, topic: str, payload: bytes) -> str:
        """See `Backend.publish`."""
        found = self._topic(topic)
        found.number += 1
        stored = Stored(found.id_of(found.number), payload)
        found.kept.append((self._clock(), stored))
        self._forget_old(found)
        for feed in list(found.feeds):
            feed.put(stored)
        return stored.id

    async def subscribe(self, topic: str, after: str | None) -> MemoryFeed:
        """See `Backend.subscribe`."""
        found = self._topic(topic)
        self._forget_old(found)
        feed = MemoryFeed(found, self._queue)
        if after is not None:
            oldest = found.number - len(found.kept)
            word, _, number = after.partition("-")
            known = word == found.word and number.isdecimal() and oldest <= int(number) <= found.number
            if known:
                missed = [stored for _, stored in found.kept][int(number) - oldest :]
            else:
                missed = [Stored(found.id_of(found.number), None)]
            for stored in missed:
                feed.put(stored)
        found.feeds.add(feed)
        return feed

    async def history(self, topic: str, count: int) -> list[Stored]:
        """See `Backend.history`."""
        found = self._topics.get(topic)
        if found is None or count <= 0:
            return []
        self._forget_old(found)
        return [stored for _, stored in found.kept][-count:]

    async def enter(self, topic: str, member: str, name: str) -> None:
        """See `Backend.enter`."""
        self._topic(topic).members[member] = name

    async def leave(self, topic: str, member: str) -> None:
        """See `Backend.leave`."""
        if topic in self._topics:
            self._topics[topic].members.pop(member, None)

    async def here(self, topic: str) -> list[str]:
        """See `Backend.here`."""
        found = self._topics.get(topic)
        return sorted(set(found.members.values())) if found is not None else []

    def _topic(self, name: str) -> _Topic:
        """A topic, made where it is not known; the ones that were asked for longest ago make way."""
        found = self._topics.pop(name, None) or _Topic()
        self._topics[name] = found
        if len(self._topics) > self._most:
            idle = next((name for name, each in self._topics.items() if each.idle and each is not found), None)
            if idle is not None:
                del self._topics[idle]
        return found

    def _forget_old(self, topic: _Topic) -> None:
        limit = self._clock() - self._age
        while topic.kept and (len(topic.kept) > self._history or topic.kept[0][0] < limit):
            topic.kept.popleft()
