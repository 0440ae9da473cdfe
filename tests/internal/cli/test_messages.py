"""How large a message of a WebSocket Uvicorn is told to read."""

from __future__ import annotations

from typing import Any

import pytest

from wholestack import App
from wholestack.cli._development import ErrorPage
from wholestack.cli._uvicorn import most_message
from wholestack.realtime import Socket

USUAL = 16 * 1024 * 1024


async def other(scope: Any, receive: Any, send: Any) -> None: ...


def app(*sizes: int | str, mounted: bool = False) -> App:
    made = App(docs=False)
    for number, size in enumerate(sizes):

        @made.socket(f"/{number}", message=size)
        async def talk(socket: Socket[str, str]) -> None: ...

    if mounted:
        made.mount("/other", other, interface="asgi")
    return made


@pytest.mark.parametrize(
    ("served", "most"),
    [
        (app(1000, "5 KiB"), 5120),
        (app("64 MiB", 1), 64 * 1024 * 1024),
        (app(), USUAL),
        (app(1000, mounted=True), USUAL),
        (app("64 MiB", mounted=True), 64 * 1024 * 1024),
        (ErrorPage("broken"), USUAL),
    ],
)
def test_what_uvicorn_reads(served: Any, most: int) -> None:
    assert most_message(served) == most


def test_a_socket_that_says_nothing_of_it() -> None:
    made = App(docs=False)

    @made.socket("/")
    async def talk(socket: Socket[str, str]) -> None: ...

    assert most_message(made) == 64 * 1024
