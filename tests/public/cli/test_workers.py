"""What follows from the number of workers and from the app's own sockets: `serve`, and what `check` says of it."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import serving, wire

Write = Callable[[str, str], Path]

NEWS = """
import os

from wholestack import App
from wholestack.realtime import Channel, Socket

app = App(docs=False)


@app.post("/news")
async def publish(text: str, news: Channel[str]) -> str:
    return await news.publish(text)


@app.get("/workers")
async def workers() -> str:
    return os.environ["WEB_CONCURRENCY"]


@app.socket("/small", message=1000)
async def small(socket: Socket[bytes, bytes]) -> None:
    async for message in socket:
        await socket.send(message)


@app.socket("/large", message=5000)
async def large(socket: Socket[bytes, bytes]) -> None:
    async for message in socket:
        await socket.send(message)
"""
FAULT = "[one-process] {} workers would each have channels of their own, in memory: str."


@pytest.mark.parametrize(
    ("words", "variable", "said"),
    [(("--workers", "3"), None, 3), ((), "2", 2), (("--workers", "1"), "2", None), ((), None, None)],
)
def test_check_knows_the_number_of_workers(
    wholestack, write: Write, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], variable: str, said: int
) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    if variable is not None:
        monkeypatch.setenv("WEB_CONCURRENCY", variable)
    write("app.py", NEWS)
    done = wholestack("check", *words)
    assert done.code == (said is not None)
    assert (FAULT.format(said) in done.err) is (said is not None)


def test_a_number_of_workers_that_is_none(wholestack, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    write("app.py", NEWS)
    done = wholestack("check")
    assert done.code == 2
    assert "many" in done.err


@pytest.mark.parametrize("count", [1, 2])
def test_serve_says_that_each_worker_has_a_memory_of_its_own(write: Write, count: int) -> None:
    path = write("app.py", NEWS)
    with serving.serve("--workers", str(count), app=str(path)).ready() as running:
        with wire.Connection(running.port) as connection:
            assert connection.ask("/workers").body == str(count).encode()
        warned = running.records("channels of their own")
    assert [each["code"] for each in warned] == ["one-process"] * (count if count > 1 else 0)
    assert all(each["level"] == "warning" for each in warned)


def shaken(port: int, path: str) -> socket.socket:
    """A WebSocket after its handshake (RFC 6455 §4)."""
    made = socket.create_connection(("127.0.0.1", port), timeout=wire.PATIENCE)
    key = base64.b64encode(b"0123456789abcdef").decode()
    fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{fields}Sec-WebSocket-Key: {key}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += made.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    return made


def announced(length: int) -> bytes:
    """The head of a frame of bytes (RFC 6455 §5.2), with a mask of zeros."""
    return b"\x82\xff" + length.to_bytes(8, "big") + bytes(4)


def read(from_: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (chunk := from_.recv(count - len(found))):
        found += chunk
    return found


def test_the_server_reads_no_message_that_no_socket_takes(write: Write) -> None:
    path = write("app.py", NEWS)
    with serving.serve(app=str(path)).ready() as running:
        with shaken(running.port, "/large") as client:
            client.sendall(announced(5000) + b"x" * 5000)  # The largest of any socket passes.
            assert read(client, 4 + 5000) == b"\x82\x7e" + (5000).to_bytes(2, "big") + b"x" * 5000
            client.sendall(announced(5001))  # And of the first that is larger only its head has come.
            opcode, _, code = read(client, 1), read(client, 1), read(client, 2)
            assert (opcode, int.from_bytes(code, "big")) == (b"\x88", 1009)
        with shaken(running.port, "/small") as client:  # A smaller limit of another socket stays what it is.
            client.sendall(announced(1001) + b"x" * 1001)
            assert read(client, 1) == b"\x88"


def test_what_is_mounted_takes_what_the_server_does(write: Write) -> None:
    path = write("app.py", NEWS + MOUNTED)
    with serving.serve(app=str(path)).ready() as running, shaken(running.port, "/other/") as client:
        client.sendall(announced(100_000) + b"x" * 100_000)
        assert read(client, 2 + 6) == b"\x81\x06" + b"100000"


MOUNTED = """

async def other(scope, receive, send):
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    message = await receive()
    await send({"type": "websocket.send", "text": str(len(message["bytes"]))})
    await receive()


app.mount("/other", other, interface="asgi")
"""


def test_check_lists_each_page_of_documentation_and_each_guard_that_is_lacking(wholestack, write: Write) -> None:
    write("app.py", NEWS.replace("docs=False", ""))
    done = wholestack("check", "--strict")
    assert done.code == 1
    assert "/asyncapi, /asyncapi.json, /docs and /openapi.json can be read by everybody." in done.out
    for guard in ("AllowedHosts", "HTTPSOnly", "SecurityHeaders"):
        assert f"app.use({guard}(" in done.out
    guards = (
        'from wholestack.middleware import *\napp.use(AllowedHosts("example.org"), HTTPSOnly(), SecurityHeaders())\n'
    )
    write("app.py", NEWS + guards)
    done = wholestack("check", "--strict")
    assert (done.code, "For production" in done.out) == (0, False), json.dumps(done.out)
