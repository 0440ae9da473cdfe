"""What docs/guides/static.md shows, and the tests that hold it."""

from __future__ import annotations

import re
from pathlib import Path

from wholestack import App
from wholestack.static import Static, build
from wholestack.testing import Client

# [use]
app = App(docs=False)
static = Static()
app.use(static)
# [/use]


def test_an_address_that_is_kept() -> None:
    # [address]
    url = static.url("app.css")
    assert re.fullmatch(r"/static/app\.[0-9a-f]{12}\.css", url)
    answer = Client(app).get(url)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert re.search(r"url\(dot\.[0-9a-f]{12}\.svg\)", answer.text)
    # [/address]


def test_build(tmp_path: Path) -> None:
    assert build(static, str(tmp_path)) == 2
