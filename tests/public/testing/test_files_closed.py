"""A file that is opened for an answer without a body is closed."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest

from wholestack import App, File
from wholestack.testing import Client


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_a_file_without_a_body_to_send_is_closed(interface: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    app = App()

    @app.get("/a.txt")
    def a() -> File:
        return File(tmp_path / "a.txt")

    with warnings.catch_warnings(record=True) as seen, Client(app, interface=interface) as client:  # type: ignore[arg-type]
        warnings.simplefilter("always")
        tag = client.head("/a.txt").expect(200).headers["etag"]
        client.get("/a.txt", headers={"if-none-match": tag}).expect(304)
        gc.collect()
    assert [str(each.message) for each in seen] == []
