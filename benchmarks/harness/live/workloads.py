"""What is asked of every peer, and who they are."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from time import perf_counter
from typing import Any

from apps.live.data import LINES, lines

from harness.live import generator
from harness.live.generator import Count, Run
from harness.load import LoadFailed
from harness.peers import Peer
from harness.wire import HOST

PEERS = (
    Peer("bare", "uvicorn", "apps.live.bare:app"),
    Peer("wholestack", "serve", "apps.live.wholestack:app", "wholestack"),
    Peer("wholestack", "uvicorn", "apps.live.wholestack:app", "wholestack"),
    Peer("starlette", "uvicorn", "apps.live.starlette:app", "starlette"),
    Peer("fastapi", "uvicorn", "apps.live.fastapi:app", "fastapi"),
    Peer("litestar", "uvicorn", "apps.live.litestar:app", "litestar"),
    Peer("blacksheep", "uvicorn", "apps.live.blacksheep:app", "blacksheep"),
    Peer("sanic", "sanic", "apps.live.sanic:app", "sanic"),
)


@dataclass(frozen=True)
class Workload:
    """One kind of load: what it counts, and how it is made."""

    name: str
    title: str
    unit: str
    run: Callable[[Run], Count]


def fetch_lines(port: int) -> tuple[str, bytes]:
    """One answer of JSON Lines: its media type, and the bytes."""
    with socket.create_connection((HOST, port), 60) as connection:
        connection.sendall(f"GET /lines HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
        response = HTTPResponse(connection, method="GET")
        response.begin()
        if response.status != 200:
            raise LoadFailed(f"/lines is answered with {response.status}")
        return response.getheader("content-type") or "", response.read()


def all_lines(run: Run) -> Count:
    """The 100,000 objects, again and again over connections of their own; the first answer is checked object by object."""
    kind, wanted = fetch_lines(run.port)
    if not kind.startswith("application/jsonl"):
        raise LoadFailed(f"JSON Lines are {kind!r}")
    found: list[dict[str, Any]] = [json.loads(line) for line in wanted.splitlines()]
    if found != [vars(line) for line in lines()]:
        raise LoadFailed("the lines are not the objects")
    start, before, count = perf_counter(), run.cpu(), 0
    while count == 0 or perf_counter() < start + run.seconds:
        if fetch_lines(run.port)[1] != wanted:
            raise LoadFailed("two answers differ")
        count += 1
    return Count(count * LINES, perf_counter() - start, run.cpu() - before)


def workloads(clients: int, window: int) -> tuple[Workload, ...]:
    """All of them, with so many clients of a room, and so many messages on their way at any time."""
    return (
        Workload(
            "echo", "WebSocket echo, 32 clients", "messages", lambda run: generator.on_loop(generator.echo(run, 32))
        ),
        Workload(
            "fan-out",
            f"One WebSocket to {clients:,}",
            "messages received",
            lambda run: generator.on_loop(generator.fan_out(run, clients, window)),
        ),
        Workload(
            "events",
            f"One to {clients:,} streams of events",
            "events received",
            lambda run: generator.on_loop(generator.events(run, clients, window)),
        ),
        Workload("lines", "JSON Lines of 100,000 objects", "objects", all_lines),
    )
