"""The one app of the matrix: every kind of handler twice, `def` under /d and `async def` under /a.

What happens inside is noted under a key the client chooses, and asked for at /events/{key}; what must be seen after the
process has ended goes into the file `record.txt` of MATRIX_FOLDER.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pydantic

from servers import foreign
from wholestack import (
    HTML,
    JSON,
    App,
    Body,
    Conflict,
    Cookie,
    File,
    Form,
    Header,
    Limits,
    NotFound,
    Redirect,
    Request,
    Response,
    Router,
    Stream,
    Text,
    Upload,
    wait,
)

CONTENT = bytes(range(256)) * 4096
"""The file at /…/file: 1 MiB in which every place can be told from its neighbours."""

_log = logging.StreamHandler()
_log.setFormatter(logging.Formatter("%(message)s, request %(request_id)s", defaults={"request_id": "-"}))
logging.getLogger("wholestack").addHandler(_log)

_notes: dict[str, list[str]] = {}
_sent: dict[str, int] = {}
_lock = threading.Lock()


def note(key: str, event: str) -> None:
    with _lock:
        _notes.setdefault(key, []).append(event)


def folder() -> Path:
    return Path(os.environ["MATRIX_FOLDER"])


def record(word: str) -> None:
    with (folder() / "record.txt").open("a") as file:
        file.write(f"{word}\n")


class Order(pydantic.BaseModel):
    name: str
    count: int = pydantic.Field(ge=1)
    tags: list[str] = []


class Item(pydantic.BaseModel):
    id: int
    q: str | None


class Counted(pydantic.BaseModel):
    size: int
    digest: str
    chunks: int = 1
    fields: dict[str, str] = {}


def counted(body: bytes, **more: Any) -> Counted:
    return Counted(size=len(body), digest=hashlib.sha256(body).hexdigest(), **more)


class Noted:
    """What the yielding provider gives: it notes when it comes and when it goes."""

    def __init__(self, key: str) -> None:
        self.key = key


def noted(key: str) -> Iterator[Noted]:
    note(key, "provided")
    try:
        response = yield Noted(key)
        response.headers.set("x-provided", "yes")
    except BaseException as error:
        note(key, f"provider saw {type(error).__name__}")
        raise
    finally:
        note(key, "provider closed")


class Waited(float):
    """What the waiting provider gives."""


def waited() -> Waited:
    wait(asyncio.sleep(0.01))
    return Waited(2.5)


def marked(request: Request) -> Iterator[Any]:
    response = yield
    response.headers.set("x-middleware", request.method)
    return response


app = App(title="Matrix", docs=False)
d, a = Router(), Router()
app.provide(noted)
app.provide(waited, waits=True)
app.middleware(marked)


@app.lifespan
@contextlib.asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    (folder() / "content.bin").write_bytes(CONTENT)
    (folder() / "below").mkdir(exist_ok=True)
    (folder() / "below" / "open.txt").write_text("open")
    record("started")
    if os.environ.get("MATRIX_FAILS"):
        raise RuntimeError("asked for at the start")
    yield
    record("stopped")


@app.get("/events/{key}")
def events(key: str) -> dict[str, list[str]]:
    return {"events": _notes.get(key, [])}


@app.get("/sent/{key}")
def sent(key: str) -> int:
    return _sent.get(key, 0)


@app.get("/pid")
def pid() -> int:
    return os.getpid()


# -- answers of every kind ---------------------------------------------------------------------------------------


@d.get("/text")
def text() -> str:
    return "Grüße"


@a.get("/text")
async def text_a() -> str:
    return "Grüße"


@d.get("/json/{id}")
def json_of(id: int, q: str | None = None) -> Item:
    return Item(id=id, q=q)


@a.get("/json/{id}")
async def json_of_a(id: int, q: str | None = None) -> Item:
    return Item(id=id, q=q)


@d.get("/bytes")
def raw() -> bytes:
    return b"\x00\xff"


@a.get("/bytes")
async def raw_a() -> bytes:
    return b"\x00\xff"


@d.get("/none")
def nothing() -> None:
    return None


@a.get("/none")
async def nothing_a() -> None:
    return None


@d.get("/page")
def page() -> Response:
    return HTML("<p>page</p>")


@a.get("/page")
async def page_a() -> Response:
    return HTML("<p>page</p>")


@d.get("/made")
def made() -> Response:
    return JSON({"made": True}, status=201, headers={"location": "/made/1"})


@a.get("/made")
async def made_a() -> Response:
    return JSON({"made": True}, status=201, headers={"location": "/made/1"})


@d.get("/redirect")
def redirect(to: str = "/d/text") -> Redirect:
    return Redirect(to, otherwise="/")


@a.get("/redirect")
async def redirect_a(to: str = "/a/text") -> Redirect:
    return Redirect(to, otherwise="/")


@d.get("/file")
def file() -> File:
    return File(folder() / "content.bin")


@a.get("/file")
async def file_a() -> File:
    return File(folder() / "content.bin")


@d.get("/below/{name:path}")
def below(name: str) -> File:
    return File(name, below=folder() / "below")


@a.get("/below/{name:path}")
async def below_a(name: str) -> File:
    return File(name, below=folder() / "below")


@d.get("/cookies")
def cookies(request: Request, seen: Cookie[str] = "none") -> Response:
    response = Text(f"{seen} {len(request.cookies)}")
    response.set_cookie("seen", "yes")
    response.set_cookie("theme", "dark", httponly=False)
    return response


@a.get("/cookies")
async def cookies_a(request: Request, seen: Cookie[str] = "none") -> Response:
    return cookies(request, seen)


@d.get("/fields")
def fields(request: Request, x_real_user: Header[str] = "") -> dict[str, Any]:
    note("fields", "called")
    return {
        "host": request.host,
        "url": request.url,
        "path": request.path,
        "user": x_real_user,
        "version": request.version,
        "client": request.client,
        "names": len(request.headers),
    }


@a.get("/fields")
async def fields_a(request: Request, x_real_user: Header[str] = "") -> dict[str, Any]:
    return fields(request, x_real_user)


@d.get("/error/{status}")
def error(status: int) -> None:
    raise {404: NotFound, 409: Conflict}.get(status, ZeroDivisionError)("asked for")


@a.get("/error/{status}")
async def error_a(status: int) -> None:
    raise {404: NotFound, 409: Conflict}.get(status, ZeroDivisionError)("asked for")


@d.get("/set/{name}")
def set_header(name: str, value: str) -> Response:
    return Text("set", headers={name: value})


@a.get("/set/{name}")
async def set_header_a(name: str, value: str) -> Response:
    return Text("set", headers={name: value})


# -- bodies ------------------------------------------------------------------------------------------------------


@d.post("/echo")
def echo(body: Body[bytes], x_key: Header[str] = "echo") -> Counted:
    note(x_key, "called")
    return counted(body)


@a.post("/echo")
async def echo_a(body: Body[bytes], x_key: Header[str] = "echo") -> Counted:
    note(x_key, "called")
    return counted(body)


@d.post("/order")
def order(new: Order, x_key: Header[str] = "order") -> Order:
    note(x_key, "called")
    return new


@a.post("/order")
async def order_a(new: Order, x_key: Header[str] = "order") -> Order:
    note(x_key, "called")
    return new


@d.post("/any")
def anything(value: Body[Any]) -> Any:
    return value


@a.post("/any")
async def anything_a(value: Body[Any]) -> Any:
    return value


@d.post("/arriving/{key}")
def arriving(body: Body[Iterator[bytes]], kept: Noted) -> Counted:
    chunks = list(body)
    note(kept.key, "called")
    return counted(b"".join(chunks), chunks=len(chunks))


@a.post("/arriving/{key}")
async def arriving_a(body: Body[AsyncIterator[bytes]], kept: Noted) -> Counted:
    chunks = [chunk async for chunk in body]
    note(kept.key, "called")
    return counted(b"".join(chunks), chunks=len(chunks))


@d.post("/form")
def form(name: Form[str], tags: Form[list[str]] = []) -> dict[str, Any]:  # noqa: B006  (read only)
    return {"name": name, "tags": tags}


@a.post("/form")
async def form_a(name: Form[str], tags: Form[list[str]] = []) -> dict[str, Any]:  # noqa: B006
    return {"name": name, "tags": tags}


@d.post("/upload")
def upload(file: Upload, title: Form[str]) -> Counted:
    return counted(file.read(), fields={"title": title, "filename": file.filename, "type": file.media_type})


@a.post("/upload")
async def upload_a(file: Upload, title: Form[str]) -> Counted:
    return counted(file.read(), fields={"title": title, "filename": file.filename, "type": file.media_type})


@d.post("/big", limits=Limits(body="1 GB"))
def big(file: Upload) -> int:
    return file.size


@a.post("/big", limits=Limits(body="1 GB"))
async def big_a(file: Upload) -> int:
    return file.size


# -- streams -----------------------------------------------------------------------------------------------------


def pieces(key: str, count: int, size: int, pause: float) -> Iterator[bytes]:
    """So many pieces, or without an end for a negative count; the end is noted, whatever it was."""
    try:
        note(key, "began")
        for number in itertools.count() if count < 0 else range(count):
            _sent[key] = number * size
            yield b"%08d" % number + b"." * (size - 8)
            time.sleep(pause)
        note(key, "came to its end")
    finally:
        note(key, "closed")


async def async_pieces(key: str, count: int, size: int, pause: float) -> AsyncIterator[bytes]:
    try:
        note(key, "began")
        for number in itertools.count() if count < 0 else range(count):
            _sent[key] = number * size
            yield b"%08d" % number + b"." * (size - 8)
            await asyncio.sleep(pause)
        note(key, "came to its end")
    finally:
        note(key, "closed")


@d.get("/stream/{key}")
def stream(key: str, kept: Noted, count: int = 3, size: int = 1000, pause: float = 0.0) -> Stream:
    return Stream(pieces(key, count, size, pause))


@a.get("/stream/{key}")
async def stream_a(key: str, kept: Noted, count: int = 3, size: int = 1000, pause: float = 0.0) -> Stream:
    return Stream(async_pieces(key, count, size, pause))


@d.get("/crossed/{key}")
def crossed(key: str, count: int = 3, size: int = 1000, pause: float = 0.0) -> Stream:
    return Stream(async_pieces(key, count, size, pause))


@a.get("/crossed/{key}")
async def crossed_a(key: str, count: int = 3, size: int = 1000, pause: float = 0.0) -> Stream:
    return Stream(pieces(key, count, size, pause))


@d.get("/broken/{key}")
def broken(key: str) -> Stream:
    def chunks() -> Iterator[bytes]:
        yield from pieces(key, 3, 1000, 0.02)
        raise ZeroDivisionError("asked for in mid-stream")

    return Stream(chunks())


@a.get("/broken/{key}")
async def broken_a(key: str) -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in async_pieces(key, 3, 1000, 0.02):
            yield chunk
        raise ZeroDivisionError("asked for in mid-stream")

    return Stream(chunks())


def gated(key: str) -> Iterator[bytes]:
    """One piece, and another as soon as the client has made a file for it: whoever has the first knows it came alone."""
    yield b"first"
    gate = folder() / key
    until = time.monotonic() + 60
    while not gate.exists() and time.monotonic() < until:
        time.sleep(0.01)
    yield b"second" if gate.exists() else b"nobody came"


async def async_gated(key: str) -> AsyncIterator[bytes]:
    yield b"first"
    gate = folder() / key
    until = time.monotonic() + 60
    while not gate.exists() and time.monotonic() < until:
        await asyncio.sleep(0.01)
    yield b"second" if gate.exists() else b"nobody came"


@d.get("/gated/{key}")
def gated_d(key: str) -> Stream:
    return Stream(gated(key))


@a.get("/gated/{key}")
async def gated_a(key: str) -> Stream:
    return Stream(async_gated(key))


# -- time, providers, what comes after ---------------------------------------------------------------------------


@d.get("/slow/{key}")
def slow(key: str, kept: Noted, seconds: float = 1.0) -> str:
    note(key, "began")
    record("began")
    time.sleep(seconds)
    record("answered")
    return "done"


@a.get("/slow/{key}")
async def slow_a(key: str, kept: Noted, seconds: float = 1.0) -> str:
    note(key, "began")
    record("began")
    await asyncio.sleep(seconds)
    record("answered")
    return "done"


@d.get("/provided/{key}")
def provided(kept: Noted, fail: bool = False) -> str:
    note(kept.key, "handler")
    if fail:
        raise Conflict("asked for")
    return kept.key


@a.get("/provided/{key}")
async def provided_a(kept: Noted, fail: bool = False) -> str:
    note(kept.key, "handler")
    if fail:
        raise Conflict("asked for")
    return kept.key


@d.get("/waited")
def waited_for(value: Waited) -> float:
    return value


@a.get("/waited")
async def waited_for_a(value: Waited) -> float:
    return value


def afterwards(key: str, seconds: float) -> None:
    time.sleep(seconds)
    note(key, "after")
    record(key)


async def afterwards_a(key: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    note(key, "after")
    record(key)


@d.get("/after/{key}")
def after(key: str, seconds: float = 0.0) -> Response:
    return Text("answered").after(afterwards, key, seconds).after(note, key, "second")


@a.get("/after/{key}")
async def after_a(key: str, seconds: float = 0.0) -> Response:
    return Text("answered").after(afterwards_a, key, seconds).after(note, key, "second")


def failing(request: Request) -> Iterator[Any]:
    if request.query_string == "before":
        raise ZeroDivisionError("asked for before the handler")
    yield
    raise ZeroDivisionError("asked for after the handler")


bad = Router()
bad.middleware(failing)


@bad.get("/d")
def through() -> str:
    return "through"


@bad.get("/a")
async def through_a() -> str:
    return "through"


@d.get("/after-fails")
def after_fails() -> Response:
    return Text("answered").after(int, "asked for after the answer")


@a.get("/after-fails")
async def after_fails_a() -> Response:
    return Text("answered").after(int, "asked for after the answer")


app.include(bad, at="/bad")
app.include(d, at="/d")
app.include(a, at="/a")
app.mount("/mounted-asgi", foreign.asgi)
app.mount("/mounted-wsgi", foreign.wsgi)
