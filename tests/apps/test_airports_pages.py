"""The pages of the richest example: in this process, and in a browser over ASGI and WSGI, on SQLite and PostgreSQL."""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.airports.app import app

import databases
from servers.serving import Serving
from wholestack.testing import Client

HTML = {"accept": "text/html", "sec-fetch-site": "same-origin"}
GOOD = {"name": "Ann", "stars": "5", "text": "Short ways, good coffee.", "visited": "2026-02-01"}


def png(width: int = 8, height: int = 8) -> bytes:
    """A red picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """The app with the data that is shipped: it lies in memory, and ends with the client."""
    with Client(app, interface=request.param, raise_errors=False) as client:
        yield client


def test_a_list_in_pages_and_while_somebody_types(client: Client) -> None:
    page = client.get("/visit/", headers=HTML)
    assert page.status == 200 and "3364 airports." in page.text and "Page 1 of 169" in page.text
    assert page.text.count("<tr>") == 21 and 'rel="next"' in page.text and 'rel="prev"' not in page.text
    last = client.get("/visit/?page=1000", headers=HTML).text
    assert "Page 169 of 169" in last and 'rel="next"' not in last
    rows = client.get("/visit/?q=kennedy", headers={"hx-request": "true"})
    assert "<html" not in rows.text and "JFK" in rows.text and "hx-request" in rows.headers["vary"]
    evil = client.get("/visit/", query={"q": '"><script>alert(1)</script>'}, headers=HTML).text
    assert "<script>alert" not in evil and "0 airports." in evil
    assert client.get("/visit/?page=0", headers=HTML).status == 422


def test_a_report_with_a_photo(client: Client) -> None:
    answer = client.post("/visit/JFK", data=GOOD, files={"photo": ("a.html", png(), "text/html")}, headers=HTML)
    assert (answer.status, answer.headers["location"]) == (303, "/visit/JFK")
    page = client.get("/visit/JFK", headers=HTML).text
    assert "Thank you for your report." in page and "Short ways, good coffee." in page and 'value="Ann"' in page
    found = re.search(r'<img src="(/files/[^"]+)"', page)
    assert found is not None
    photo = client.get(found[1].replace("&amp;", "&"))
    assert (photo.body, photo.headers["content-type"]) == (png(), "image/png")
    assert photo.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "Thank you" not in client.get("/visit/JFK", headers=HTML).text
    client.cookies.clear()
    assert 'value="Ann"' not in client.get("/visit/JFK", headers=HTML).text


def test_what_is_not_right_is_shown_beside_its_field(client: Client) -> None:
    answer = client.post("/visit/jfk", data={**GOOD, "text": "short", "stars": "7"}, headers=HTML)
    assert answer.status == 422
    assert 'id="f-text-error"' in answer.text and 'id="f-stars-error"' in answer.text and 'value="Ann"' in answer.text
    late = client.post("/visit/jfk", data={**GOOD, "visited": "2999-01-01"}, headers=HTML)
    assert late.status == 422 and "This day is yet to come." in late.text
    bad = client.post("/visit/JFK", data=GOOD, files={"photo": ("a.png", b"<script>", "image/png")}, headers=HTML)
    assert bad.status == 422 and 'id="f-photo-error"' in bad.text
    assert client.post("/visit/JFK", json={"name": "Ann"}).json()["code"] == "validation-failed"
    assert client.post("/visit/ZZZZ", data=GOOD, headers=HTML).status == 404
    forged = client.post("/visit/JFK", data=GOOD, headers={**HTML, "sec-fetch-site": "cross-site"})
    assert forged.status == 403


def test_two_languages(client: Client) -> None:
    german = client.get("/visit/JFK", headers={**HTML, "accept-language": "de"})
    assert '<html lang="de"' in german.text and "Was Besucher sagen" in german.text
    assert german.headers["content-language"] == "de" and "accept-language" in german.headers["vary"]
    client.post("/language", data={"language": "de", "next": "/visit/"}, headers=HTML)
    again = client.post("/visit/JFK", data={**GOOD, "text": ""}, headers=HTML).text
    assert "Ihr Bericht" in again and "Bericht senden" in again


SERVERS = {"asgi": (), "wsgi": ("--server", "granian", "--interface", "wsgi")}


@pytest.mark.parametrize(("interface", "kind"), [("asgi", "sqlite"), ("wsgi", "postgresql")])
def test_a_visit_in_a_browser(service: Any, browser: Any, tmp_path: Path, interface: str, kind: str) -> None:
    chromium, said = browser(service("chromium")), list[str]()
    picture = tmp_path / "photo.png"
    picture.write_bytes(png(320, 200))
    with databases.fresh(kind, tmp_path) as url:
        own = {"DATABASE_URL": url, "SECRET_KEY": "a long text that nobody can guess, for a test"}
        own["AIRPORTS_UPLOADS"] = str(tmp_path / "uploads")
        with Serving("db", "migrate", "examples/airports/app.py", environment=own) as migrating:
            assert migrating.process.wait(60) == 0, migrating.output
        words = ("serve", "examples/airports/app.py", "--port", "0", *SERVERS[interface])
        with Serving(*words, environment=own) as server:
            page = chromium.new_context(viewport={"width": 360, "height": 800}, locale="en-GB").new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            visit(page, f"http://127.0.0.1:{server.ready().port}", picture)
    assert [each for each in said if "422" not in each] == []


def visit(page: Any, address: str, picture: Path) -> None:
    """What a visitor does: search, read, send a form that is not right and then is, and read in German."""
    page.goto(f"{address}/visit/")
    page.get_by_label("Part of a code").press_sequentially("kennedy")
    page.get_by_text("2 airports.").wait_for()
    page.get_by_role("link", name="JFK").click()
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("How was it?").select_option("5")
    page.get_by_label("Your report").fill("Short ways, good coffee.")
    page.get_by_label("When were you there?").fill("2999-01-01")
    page.get_by_role("button", name="Send the report").click()
    page.get_by_text("This day is yet to come.").first.wait_for()
    assert page.get_by_label("Your report").input_value() == "Short ways, good coffee."
    page.get_by_label("When were you there?").fill("2026-02-01")
    page.get_by_label("A photo").set_input_files(picture)
    page.get_by_role("button", name="Send the report").click()
    page.get_by_text("Thank you for your report.").wait_for()
    image = page.get_by_alt_text("A photo by Ann")
    image.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth === 320", arg=image.element_handle())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_text("Was Besucher sagen").wait_for()
    assert page.get_by_label("Ihr Name").input_value() == "Ann"
