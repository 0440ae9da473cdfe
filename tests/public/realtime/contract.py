"""What every backend of channels does: subclass `BackendContract` in a test file and say how one is made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from wholestack.realtime import Backend, Feed, Stored

PATIENCE = 5.0


class BackendContract:
    """The tests. `make` gives a backend that keeps 5 messages of a topic and lets 4 wait for a subscriber."""

    def make(self) -> Backend:
        raise NotImplementedError

    async def another(self, backend: Backend) -> Backend:
        """The backend of another process on the same store; the same one where there is only one process."""
        return backend

    def run(self, test: object) -> None:
        asyncio.run(test)  # type: ignore[arg-type]

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Backend, Backend]]:
        backend = self.make()
        await backend.open()
        other = await self.another(backend)
        try:
            yield backend, other
        finally:
            await backend.close()
            if other is not backend:
                await other.close()

    def test_what_is_published_comes_in_order(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                one, two = await here.subscribe("t", None), await there.subscribe("t", None)
                ids = [await here.publish("t", b"%d" % number) for number in range(3)]
                for feed in (one, two):
                    assert [(each.id, each.payload) for each in await taken(feed, 3)] == list(
                        zip(ids, [b"0", b"1", b"2"], strict=True)
                    )
                    feed.close()
                assert len(set(ids)) == 3

        self.run(test())

    def test_topics_do_not_mix(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                feed = await there.subscribe("a", None)
                await here.publish("b", b"no")
                await here.publish("a", b"yes")
                assert [each.payload for each in await taken(feed, 1)] == [b"yes"]
                feed.close()

        self.run(test())

    def test_one_comes_back_after_an_id_without_a_gap_and_without_a_double(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                feed = await here.subscribe("t", None)
                begun = feed.position
                ids = [await here.publish("t", b"%d" % number) for number in range(4)]
                feed.close()
                for after, wanted in ((begun, "0123"), (ids[0], "123"), (ids[3], "")):
                    back = await there.subscribe("t", after)
                    found = [each.payload for each in await taken(back, len(wanted))]
                    assert found == [each.encode() for each in wanted]
                    back.close()
                back = await there.subscribe("t", ids[2])
                last = await here.publish("t", b"new")
                assert [each.id for each in await taken(back, 2)] == [ids[3], last]
                back.close()

        self.run(test())

    def test_a_gap_is_told(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                first = await here.publish("t", b"0")
                for number in range(1, 9):
                    await here.publish("t", b"%d" % number)
                for after in (first, "of-another-life", "x" * 300):
                    feed = await there.subscribe("t", after)
                    (gap,) = await taken(feed, 1)
                    assert gap.payload is None
                    last = await here.publish("t", b"next")
                    assert [each.id for each in await taken(feed, 1)] == [last]
                    feed.close()
                    back = await there.subscribe("t", gap.id)
                    assert [each.payload for each in await taken(back, 1)] == [b"next"]
                    back.close()

        self.run(test())

    def test_a_slow_subscriber_gets_a_gap_and_holds_little(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                slow, quick = await there.subscribe("t", None), await there.subscribe("t", None)
                for number in range(50):
                    await here.publish("t", b"%d" % number)
                    assert (await taken(quick, 1))[0].payload == b"%d" % number
                found = []
                while not found or found[-1].payload != b"49":
                    found += await taken(slow, 1)
                assert None in [each.payload for each in found]
                assert len(found) <= 6
                slow.close()
                quick.close()

        self.run(test())

    def test_history(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                assert await there.history("t", 10) == []
                for number in range(9):
                    await here.publish("t", b"%d" % number)
                assert [each.payload for each in await there.history("t", 2)] == [b"7", b"8"]
                assert [each.payload for each in await there.history("t", 100)] == [b"4", b"5", b"6", b"7", b"8"]
                assert await there.history("t", 0) == []

        self.run(test())

    def test_who_is_here(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                await here.enter("t", "1", "bob")
                await there.enter("t", "2", "ann")
                await there.enter("t", "3", "ann")
                await there.enter("u", "4", "eve")
                assert await here.here("t") == await there.here("t") == ["ann", "bob"]
                await there.leave("t", "2")
                assert await here.here("t") == ["ann", "bob"]
                await there.leave("t", "3")
                await there.leave("t", "3")
                await there.leave("nowhere", "3")
                assert await here.here("t") == ["bob"]
                assert await here.here("nowhere") == []

        self.run(test())

    def test_a_closed_feed_gets_nothing(self) -> None:
        async def test() -> None:
            async with self.opened() as (here, there):
                feed = await there.subscribe("t", None)
                feed.close()
                await here.publish("t", b"late")
                try:
                    found = await asyncio.wait_for(feed.next(), 0.1)
                except TimeoutError:
                    found = None
                assert found is None

        self.run(test())


async def taken(feed: Feed, count: int) -> list[Stored]:
    """So many messages of a feed."""
    return [await asyncio.wait_for(feed.next(), PATIENCE) for _ in range(count)]
