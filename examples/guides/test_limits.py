"""What docs/guides/limits.md shows, and the tests that hold it."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from pathlib import Path

from wholestack import App, Body, Limits, Upload
from wholestack.testing import Client

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "limits.md"

# [limits]
app = App(limits=Limits(body="1 MiB", timeout=10))


@app.post("/notes")
def add(text: Body[str]) -> int:
    return len(text)


@app.post("/videos", limits=Limits(body="2 GB"), timeout=600)
def upload(video: Upload) -> int:
    return video.size


# [/limits]
# [timeout]
@app.get("/slow", timeout=0.1)
async def slow() -> str:
    await asyncio.sleep(60)
    return "done"


# [/timeout]
def test_limits() -> None:
    client = Client(app)
    assert client.post("/notes", body=b"a" * 1024**2).status == 200
    assert client.post("/notes", body=b"a" * (1024**2 + 1)).status == 413
    assert client.post("/videos", files={"video": ("a.mp4", b"a" * (1024**2 + 1))}).status == 200
    assert client.get("/slow").json()["code"] == "time-limit"


def test_the_page_lists_every_limit_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,.]+)( KiB| MiB| s)? \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    units = {"": 1, " s": 1, " KiB": 1024, " MiB": 1024**2}
    shown = {name: float(number.replace(",", "")) * units[unit] for name, number, unit in rows}
    assert shown == {field.name: field.default for field in dataclasses.fields(Limits)}
