"""The tests of the workshop's site; a browser looks at it in tests/servers/test_style_pages.py."""

import re
from pathlib import Path

from examples.style.app import app
from examples.style.arabic import ARABIC

from wholestack.testing import Client

client = Client(app, raise_errors=False)
BROWSER = {"accept": "text/html"}


def test_a_page_in_two_languages() -> None:
    page = client.get("/").text
    assert '<html lang="en" dir="ltr">' in page and "<h1>Repairs</h1>" in page
    page = client.get("/?language=ar").text
    assert '<html lang="ar" dir="rtl">' in page and f"<h1>{ARABIC['Repairs']}</h1>" in page


# [error]
def test_a_page_that_is_not_there() -> None:
    page = client.get("/nowhere", headers=BROWSER)
    assert page.status == 404 and "<h1>Page not found</h1>" in page.text
    page = client.get("/broken", headers=BROWSER)
    assert page.status == 500 and "hunter2" not in page.text
    assert "<h1>الصفحة غير موجودة</h1>" in client.get("/nowhere?language=ar", headers=BROWSER).text


# [/error]
def test_every_word_has_its_arabic() -> None:
    written = (Path(__file__).parent / "templates" / "gallery.html").read_text("utf-8")
    assert set(re.findall(r'_\("([^"]+)"\)', written)) - set(ARABIC) == set()


def test_check_finds_nothing() -> None:
    app.seal()
    faults = [fault for check in app.checks for fault in check()]
    assert [fault for fault in faults if fault.where.rpartition(":")[0].endswith(".html")] == []
