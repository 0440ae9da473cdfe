"""The WebSocket protocol of `wholestack serve`, in this process: what it reads and writes by itself, and for how much.

That it keeps to the RFC is held on a real server, frame by frame: `tests/servers/test_websocket_protocol.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from servers.frames import CLOSE, CONT, PING, TEXT, Peer, chopped, close, frame, message
from wholestack.cli._websocket import FRAMES, WebSocketProtocol
from wholestack.realtime._backend import text_frame

made: list[weakref.ref[WebSocketProtocol]] = []


@contextlib.contextmanager
def served(app: Callable[..., Any]) -> Iterator[int]:
    """The port of a loop in a thread that serves an ASGI app's sockets."""
    loop = asyncio.new_event_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, ws=WebSocketProtocol, ws_per_message_deflate=False, ws_max_size=1 << 20)
        config.load()
        state = ServerState()

        def protocol() -> WebSocketProtocol:
            each = WebSocketProtocol(config, state, {}, loop)
            made.append(weakref.ref(each))
            return each

        loop.run_until_complete(loop.create_server(protocol, sock=listening))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


@pytest.mark.parametrize("chop", [0, 1, 7, 1000])
def test_messages_of_every_kind_in_pieces_of_any_size(chop: int) -> None:
    """Whole ones, and between them what the library reads: fragments, pings, those of more than 64 KiB."""
    sizes = (0, 1, 125, 126, 127) + ((65535, 65536) if chop != 1 else ())
    texts = [f"{number}:" + "ü" * (size // 2) for number, size in enumerate(sizes)]
    wanted: list[str | bytes] = []
    sent = b""
    for text in texts:
        sent += message(text) + message(text.encode()) + frame(PING, b"p") + message(text, 1000) + message(text)
        wanted += [text, text.encode(), text, text]
    with served(echo) as port, Peer(port, "/") as peer:
        peer.exchange(chopped(sent, chop) if chop else (sent,), lambda _: len(peer.messages) >= len(wanted))
        assert peer.messages == wanted
        assert peer.pongs == [b"p"] * len(texts)
        peer.exchange((close(1000),), lambda _: False, 10)
        assert (peer.code, peer.ended) == (1000, True)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (message("x" * (1 << 20)) + message("x" * ((1 << 20) + 1)), 1009),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"a", mask=None), 1002),
        (frame(TEXT, b"a", rsv=4), 1002),
        (frame(TEXT, b"a", fin=False) + message("b"), 1002),
        (frame(TEXT, b"a", fin=False) + close(3000) + frame(CONT, b"b"), 3000),
        (close(4000) + message("late"), 4000),
    ],
    ids=["too big", "no UTF-8", "no mask", "reserved", "within another", "a close within", "after a close"],
)
def test_what_is_not_a_whole_message_is_the_librarys(sent: bytes, code: int) -> None:
    with served(echo) as port, Peer(port, "/") as peer:
        peer.answers = False
        peer.exchange((sent,), lambda _: False, 10)
        assert (peer.code, peer.ended) == (code, True)


def test_frames_that_are_made_already_wait_for_a_client_that_is_slow() -> None:
    """`write` is False instead of filling the memory; what is sent then comes behind what was written."""
    piece = "x" * 10_000
    refused = threading.Event()
    told: list[int] = []

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        write = scope["extensions"][FRAMES]["write"]
        await receive()
        assert not write(text_frame("too early"))
        await send({"type": "websocket.accept"})
        count = 0
        while write(text_frame(f"{count}:{piece}")):
            count += 1
        told.append(count)
        refused.set()
        await send({"type": "websocket.send", "text": "the end"})
        await receive()

    with served(flood) as port, Peer(port, "/") as peer:
        assert refused.wait(10)
        peer.exchange((), lambda _: peer.messages[-1:] == ["the end"], 10)
        assert peer.messages[:-1] == [f"{number}:{piece}" for number in range(told[0])]
        assert 1 <= told[0] < 2000


def test_an_app_that_waits_to_send_hears_that_its_client_has_gone() -> None:
    ended: list[str] = []
    over = threading.Event()

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 100_000})
        except OSError as error:
            ended.append(type(error).__name__)
        finally:
            over.set()

    with served(flood) as port:
        with Peer(port, "/"):
            pass
        assert over.wait(10)
    assert ended == ["ClientDisconnected"]


def test_nothing_of_a_connection_is_kept_in_a_circle() -> None:
    """A thousand clients that have left must not wait for the collector."""
    made.clear()
    gc.collect()
    gc.disable()
    try:
        with served(echo) as port:
            for _ in range(5):
                with Peer(port, "/") as peer:
                    peer.exchange((message("a"), frame(CLOSE, b"\x03\xe8")), lambda _: False, 10)
            with Peer(port, "/") as peer:  # So that the loop has let go of the ones before.
                peer.exchange((message("a"),), lambda _: bool(peer.messages), 10)
                assert [each() is not None for each in made] == [False] * 5 + [True]
    finally:
        gc.enable()
