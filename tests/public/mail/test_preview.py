"""Pages that show a developer what was sent: in development only, on this machine only, and without power."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from browsing import serving
from wholestack import App
from wholestack.mail import Address, Attachment, Mailing, Message
from wholestack.middleware import SecurityHeaders
from wholestack.testing import Client

NASTY = "<script>alert(1)</script>"


def client(stage: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Client, Mailing]:
    monkeypatch.setenv("WHOLESTACK_STAGE", stage)
    app = App(docs=False)
    mailing = Mailing("Shop <shop@example.com>", "memory:", base_url=options.pop("shop", None))
    app.use(mailing, SecurityHeaders())
    app.get("/")(lambda: None)
    app.seal()
    return Client(app, **{"base_url": "http://localhost:8000", **options}), mailing


MESSAGE = Message(
    Address("zoe@example.org", NASTY),
    f"Hi {NASTY}",
    f"Text {NASTY}",
    f"<p>HTML {NASTY}</p>",
    bcc="hidden@example.org",
    attachments=[Attachment(f"{NASTY.replace('/', '')}.csv", b"1")],
    headers={"X-Note": NASTY},
)


def test_what_was_sent_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, mailing = client("development", monkeypatch, shop="https://shop.example/en")
    assert "Nothing was sent yet" in asked.get("/-/mail").expect(200).text
    first = mailing.send_now(MESSAGE)
    second = mailing.send_now(Message("kim@example.org", "", "Only text", sender="me@example.org", cc="c@example.org"))
    listed = asked.get("/-/mail").expect(200)
    assert listed.text.index(second) < listed.text.index(first)
    assert "(no subject)" in listed.text
    shown = asked.get(f"/-/mail/{first}").expect(200)
    for page in (listed, shown):
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
    for words in ("Hi &lt;script&gt;", "Text &lt;script", "hidden@example.org", "X-Note", "text/csv 1 bytes", first):
        assert words in shown.text
    assert f'<iframe sandbox title="The mail as HTML" src="/-/mail/{first}/html">' in shown.text
    assert "iframe" not in asked.get(f"/-/mail/{second}").expect(200).text
    assert asked.get("/-/mail/style.css").expect(200).headers["content-type"].startswith("text/css")


def test_html_has_no_power(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, mailing = client("development", monkeypatch, shop="https://shop.example/en")
    number = mailing.send_now(MESSAGE)
    shown = asked.get(f"/-/mail/{number}/html").expect(200)
    assert shown.text == MESSAGE.html
    policy = shown.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["sandbox", "default-src 'none'"]
    assert "img-src data: https://shop.example" in policy
    assert "frame-ancestors 'self'" in policy
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"
    source = asked.get(f"/-/mail/{number}/source").expect(200)
    assert source.headers["content-type"] == "text/plain; charset=utf-8"
    assert source.headers["x-content-type-options"] == "nosniff"
    assert f"Message-ID: <{number}>" in source.text


@pytest.mark.parametrize("stage", ["production", "test"])
def test_never_in_production(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    asked, mailing = client(stage, monkeypatch)
    number = mailing.send_now(MESSAGE)
    for path in ("", "/style.css", f"/{number}", f"/{number}/html", f"/{number}/source"):
        asked.get(f"/-/mail{path}").expect(404)
    assert mailing.sending.listeners == []


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({"base_url": "http://evil.example"}, {}),
        ({"base_url": "http://localhost.evil.example"}, {}),
        ({"address": "192.0.2.1"}, {}),
        ({"address": "x"}, {}),
        ({}, {"x-forwarded-for": "127.0.0.1"}),
        ({}, {"forwarded": "for=127.0.0.1"}),
        ({}, {"via": "1.1 tunnel"}),
    ],
)
def test_for_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], headers: dict[str, str]
) -> None:
    asked, mailing = client("development", monkeypatch, **options)
    number = mailing.send_now(MESSAGE)
    for path in ("", "/style.css", f"/{number}", f"/{number}/html", f"/{number}/source"):
        asked.get(f"/-/mail{path}", headers=headers).expect(404)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "shop.localhost", "localhost"])
def test_names_of_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    asked, _ = client("development", monkeypatch, base_url=f"http://{host}")
    asked.get("/-/mail").expect(200)


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, mailing = client("development", monkeypatch)
    first, *rest = [mailing.send_now(MESSAGE) for _ in range(101)]
    asked.get(f"/-/mail/{first}").expect(404)
    asked.get(f"/-/mail/{rest[0]}").expect(200)
    asked.get("/-/mail/nothing/html").expect(404)


def test_in_a_browser(
    monkeypatch: pytest.MonkeyPatch, service: Callable[[str], str], browser: Callable[[str], Any]
) -> None:
    asked, mailing = client("development", monkeypatch)
    script = "<script>parent.document.title = 'ran'; document.title = 'ran'</script>"
    html = f"<p style='color: rgb(255, 0, 0)'>Hello</p><img src=x onerror=\"document.title = 'ran'\">{script}"
    with ThreadPoolExecutor() as pool:  # The browser's own event loop is this thread's.
        number = pool.submit(mailing.send_now, MESSAGE.replace(html=html)).result()
    page = browser(service("chromium")).new_page()
    try:
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.log(`policy: ${event.violatedDirective}`))"
        )
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if "policy:" in message.text else None)
        with serving(asked.app) as address:
            page.goto(f"{address}/-/mail")
            assert said == []
            page.get_by_role("link", name="Hi <script>").click()
            frame = page.frame_locator("iframe")
            assert frame.locator("p").evaluate("each => getComputedStyle(each).color") == "rgb(255, 0, 0)"
            assert page.title() == f"Hi {NASTY}"
            page.goto(f"{address}/-/mail/{number}/html")
            assert page.title() == ""
            assert page.evaluate("origin") == "null"
    finally:
        page.close()
