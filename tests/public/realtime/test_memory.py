"""Channels in memory: the contract, and what bounds them."""

from __future__ import annotations

import asyncio

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from realtime.contract import BackendContract
from wholestack.realtime import Backend, MemoryBackend, QuickFeed, Stored


class TestMemory(BackendContract):
    def make(self) -> Backend:
        return MemoryBackend(history=5, queue=4)


def test_messages_grow_old() -> None:
    now = [0.0]
    backend = MemoryBackend(age=10, clock=lambda: now[0])

    async def test() -> None:
        first = await backend.publish("t", b"old")
        now[0] = 11
        second = await backend.publish("t", b"new")
        assert [each.payload for each in await backend.history("t", 10)] == [b"new"]
        feed = await backend.subscribe("t", first)
        assert (await feed.next()).payload == b"new"
        now[0] = 30
        assert await backend.history("t", 10) == []
        late = await backend.subscribe("t", first)
        assert (await late.next()).payload is None
        assert (await backend.subscribe("t", second)).position == second

    asyncio.run(test())


def test_topics_are_bounded_but_for_those_that_somebody_follows() -> None:
    backend = MemoryBackend(topics=10)

    async def test() -> None:
        feed = await backend.subscribe("followed", None)
        await backend.enter("occupied", "1", "ann")
        for number in range(1000):
            await backend.publish(f"t{number}", b"x")
        await backend.publish("followed", b"still")
        assert (await feed.next()).payload == b"still"
        assert await backend.here("occupied") == ["ann"]
        kept = [number for number in range(1000) if await backend.history(f"t{number}", 1)]
        assert len(kept) <= 10
        assert kept[-1] == 999

    asyncio.run(test())


def test_a_feed_hands_over_all_that_waits_and_says_once_when_more_has_come() -> None:
    backend = MemoryBackend(queue=4)
    woken: list[str] = []

    async def test() -> None:
        feed = await backend.subscribe("t", None)
        assert isinstance(feed, QuickFeed)
        assert feed.take(lambda: woken.append("first")) == []
        ids = [await backend.publish("t", b"%d" % number) for number in range(3)]
        assert woken == ["first"]
        assert [each.id for each in feed.take(lambda: woken.append("never"))] == ids
        await backend.publish("t", b"3")
        assert woken == ["first"], "what was handed over asks for no word"
        for number in range(4, 9):
            await backend.publish("t", b"%d" % number)
        found = feed.take(lambda: None)
        assert (found[0].payload, [each.payload for each in found[1:]]) == (None, [b"8"])
        assert feed.take(lambda: woken.append("closed")) == []
        feed.close()
        await backend.publish("t", b"late")
        assert woken == ["first"]

    asyncio.run(test())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_message_is_a_frame_that_every_library_reads(size: int) -> None:
    stored = Stored("id", b"")
    peer = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN)
    peer.receive_data(stored.frame("x" * size))
    (frame,) = peer.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, b"x" * size)
