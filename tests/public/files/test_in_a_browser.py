"""SECURITY's row B9 in a browser: a page of the app embeds each file in each way, and each is opened by itself."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from servers import serving, wire

SCRIPT = b"window.ran = 1; alert(1)"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
FILES = {
    "html.jpg": b"<!doctype html><script>" + SCRIPT + b"</script>",
    "svg.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>' + SCRIPT + b"</script></svg>",
    "script.js": SCRIPT,
    "gif-js.gif": b"GIF89a/*" + bytes(20) + b"*/=1;" + SCRIPT,
    "png-html.png": PNG + b"<script>" + SCRIPT + b"</script>",
}


def test_B9_in_a_browser(service: Callable[[str], str], browser: Callable[[str], Any], tmp_path: Path) -> None:
    """Nothing of them runs, what is no picture is saved under its name, and pictures and sound are shown and play."""
    environment = {"FILES_FOLDER": str(tmp_path / "files"), "FILES_KEY": "a key that nobody can guess"}
    app = str(Path(__file__).parent / "served_app.py")
    with serving.serve(app=app, environment=environment, cwd=tmp_path) as running:
        running.ready()
        urls = {name: upload(running.port, name, content) for name, content in FILES.items()}
        page = browser(service("chromium")).new_page()
        ran: list[str] = []
        page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
        origin = f"http://127.0.0.1:{running.port}"
        page.goto(f"{origin}/page")
        assert page.evaluate("window.ran") is None
        for name, url in urls.items():
            if name.endswith((".gif", ".png")):
                page.goto(origin + url)
                assert page.evaluate("window.ran") is None
                continue
            with page.expect_download() as download, pytest.raises(Exception, match="Download is starting"):
                page.goto(origin + url)
            assert download.value.suggested_filename == name
        assert ran == []
        page.goto(origin + upload(running.port, "real.png", picture()))
        assert page.evaluate("document.images[0].naturalWidth") == 3
        page.goto(origin + upload(running.port, "real.wav", sound()))
        player = "document.querySelector('video, audio').readyState"
        serving.until(lambda: page.evaluate(player) > 0, what="a sound that plays")
        page.close()


def picture() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(target, "PNG")
    return target.getvalue()


def sound() -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return target.getvalue()


def upload(port: int, name: str, content: bytes) -> str:
    """The address of a file that was sent by a form."""
    head = f'--xyz\r\nContent-Disposition: form-data; name=file; filename="{name}"\r\n\r\n'.encode()
    with wire.Connection(port) as connection:
        headers = [("Content-Type", "multipart/form-data; boundary=xyz")]
        answer = connection.ask("/plain", "POST", headers, head + content + b"\r\n--xyz--\r\n")
        return str(json.loads(answer.body)["url"])
