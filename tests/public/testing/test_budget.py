"""What a request costs in the client itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import wholestack.testing
from wholestack import App
from wholestack.testing import Client

OWN = str(Path(wholestack.testing.__file__).parent)
CALLS = 45
"""Python calls of the client's own files for a plain request; each is well under a microsecond."""


def app() -> App:
    app = App(docs=False)

    @app.get("/plain")
    def plain() -> str:
        return "x"

    return app


def test_calls(interface: Any, untraced: None) -> None:
    with Client(app(), interface=interface) as client:
        client.get("/plain")
        calls: list[str] = []

        def note(frame: FrameType, event: str, argument: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(OWN):
                calls.append(frame.f_code.co_name)

        sys.setprofile(note)
        try:
            client.get("/plain")
        finally:
            sys.setprofile(None)
    assert len(calls) <= CALLS, calls


@pytest.mark.long
def test_time(untraced: None) -> None:
    """50 µs of processor time at the most, the event loop's own and the app's included."""
    inline = App(docs=False)

    @inline.get("/plain")
    async def plain() -> str:
        return "x"

    with Client(inline) as client:
        rounds = []
        for _ in range(10):
            began = time.process_time()
            for _ in range(500):
                client.get("/plain")
            rounds.append((time.process_time() - began) / 500)
    assert min(rounds) < 50e-6
