"""`wholestack check`: messages of channels that reach nobody, since tasks run elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, str], Path]
APP = """
from wholestack import App
from wholestack.db import Database
from wholestack.outbox import Outbox
from wholestack.realtime import Channel, Live, MemoryBackend

class Shared(MemoryBackend):
    many = True

app = App(docs=False)
app.use(Database("sqlite:///news.db", migrations=None), Outbox(OPTIONS), LIVE)

@app.get("/")
async def news(says: Channel[str]) -> None: ...
"""
LOST = "reaches nobody"


@pytest.mark.parametrize(
    ("options", "live", "switch", "is_lost"),
    [
        ("embedded=False", "", "", True),
        ("embedded=False", "Live()", "", True),
        ("embedded=False", "Live(Shared())", "", False),
        ("embedded=False", "", "on", False),
        ("", "", "off", True),
        ("", "", "", False),
    ],
)
def test_tasks_elsewhere_and_channels_in_memory(
    wholestack: Any, write: Write, monkeypatch: pytest.MonkeyPatch, options: str, live: str, switch: str, is_lost: bool
) -> None:
    if switch:
        monkeypatch.setenv("WHOLESTACK_OUTBOX", switch)
    write("app.py", APP.replace("OPTIONS", options).replace("LIVE", live))
    done = wholestack("check", "app.py")
    assert (LOST in done.out) is is_lost and done.err == "", done.err
    if is_lost:
        assert "(str)" in done.out and done.code == 0


def test_an_app_without_channels_loses_nothing(wholestack: Any, write: Write) -> None:
    write("app.py", APP.replace("OPTIONS", "embedded=False").replace("LIVE", "").replace("says: Channel[str]", ""))
    assert LOST not in wholestack("check", "app.py").out
