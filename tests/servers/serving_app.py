"""The app that `wholestack serve` is tested with; what it opens and closes it writes into EVENTS."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import AsyncIterator, Generator

from wholestack import App, Body, Request, Response, Stream

app = App(
    title="Serving",
    docs=False,
    concurrency=int(os.environ.get("CONCURRENCY", "1000")),
    threads=int(os.environ.get("THREADS", "40")),
)
HELD: list[bytes] = []


def note(text: str) -> None:
    with open(os.environ.get("EVENTS", os.devnull), "a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def begun() -> None:
    """Count a request that is on its way now."""
    if "EVENTS" in os.environ:
        with open(os.environ["EVENTS"] + "-begun", "a", encoding="utf-8") as file:
            file.write("begun\n")


@app.lifespan
@contextlib.asynccontextmanager
async def life() -> AsyncIterator[None]:
    note("open")
    if os.environ.get("BREAK") == "lifespan":
        raise RuntimeError("the database is away")
    yield
    note("close")


@app.middleware
def brittle(request: Request) -> Generator[None, Response, Response]:
    if request.path == "/middleware":
        raise RuntimeError("middleware broke")
    response = yield
    return response


@app.get("/")
async def home() -> str:
    return "home"


@app.get("/frozen")
async def frozen() -> int:
    """How many objects Python's collector leaves alone."""
    return gc.get_freeze_count()


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/slow")
async def slow(seconds: float = 1.0) -> str:
    begun()
    await asyncio.sleep(seconds)
    return "slow"


@app.get("/thread")
def thread(seconds: float = 1.0) -> str:
    begun()
    time.sleep(seconds)
    return "thread"


@app.get("/busy")
def busy(ms: float = 5.0) -> str:
    """Work that holds the processor."""
    until = time.thread_time() + ms / 1000
    while time.thread_time() < until:
        pass
    return "busy"


@app.get("/forever")
async def forever() -> str:
    begun()
    while True:
        pass


@app.get("/leak")
async def leak(mib: int = 40) -> int:
    HELD.append(b"x" * mib * 1024**2)
    return len(HELD)


@app.get("/stubborn")
async def stubborn() -> str:
    begun()
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@app.get("/broken-stream")
async def broken_stream() -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("stream broke")

    return Stream(chunks())


@app.get("/endless")
async def endless() -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    return Stream(chunks())


@app.get("/after")
async def after() -> Response:
    response = Response("ok", media_type="text/plain")
    response.after(fail)
    return response


def fail() -> None:
    raise RuntimeError("background broke")


@app.get("/broken")
async def broken() -> str:
    raise RuntimeError("handler broke")


@app.post("/echo")
async def echo(data: Body[bytes]) -> bytes:
    return data
