"""The app of test_sockets.py: all guards at once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

from wholestack import JSON, App, Body, Request, Stream, Text
from wholestack.middleware import (
    CORS,
    AllowedHosts,
    Compression,
    HTTPSOnly,
    Idempotency,
    RateLimit,
    SecurityHeaders,
    TrustedProxies,
    idempotent,
    rate_limit,
)

app = App(docs=False)
app.use(
    Compression(),
    CORS(["https://shop.example"]),
    SecurityHeaders(),
    HTTPSOnly(),
    AllowedHosts("example.org"),
    RateLimit(),
    Idempotency(),
    TrustedProxies("127.0.0.0/8", fields=("for", "proto", "prefix")),
)
numbers, gone_on = itertools.count(1), threading.Event()


@app.get("/")
def home() -> str:
    return "home"


@app.get("/seen")
def seen(request: Request) -> dict[str, Any]:
    return {"client": request.client, "url": request.url}


@app.get("/long")
async def long() -> Text:
    return Text("eggs " * 50_000)


@app.get("/stream")
def stream() -> Stream:
    def lines() -> Iterator[str]:
        yield "first\n"
        gone_on.wait(5)
        yield "second\n"

    return Stream(lines(), media_type="text/plain")


@app.get("/go-on")
def go_on() -> str:
    gone_on.set()
    return "on"


@app.get("/limited", needs=rate_limit("2/hour"))
def limited() -> str:
    return "in"


@app.post("/pay", needs=idempotent())
def pay(amount: Body[int]) -> JSON:
    return JSON({"payment": next(numbers)}, 201)
