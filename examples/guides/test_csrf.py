"""What docs/guides/csrf.md shows, and the tests that hold it."""

from __future__ import annotations

import re

from wholestack import App, Form
from wholestack.middleware import OriginPattern
from wholestack.sessions import CSRF, Sessions
from wholestack.templates import Page
from wholestack.testing import Client

app = App(docs=False)
# [trusted]
app.use(Sessions(trusted_origins=["https://shop.example", OriginPattern("https://*.example.org")]))


# [/trusted]
@app.get("/cart")
def cart() -> Page:
    return Page("shop/cart.html", items=[])


@app.post("/pay")
def pay(amount: Form[int]) -> str:
    return f"paid {amount}"


# [hook]
@app.post("/hooks/stock", csrf=False)
def stock_has_changed() -> str:
    return "noted"


# [/hook]


# [alone]
def plain_app() -> App:
    plain = App()
    plain.use(CSRF(trusted_origins=["https://shop.example"]))
    return plain


# [/alone]


# [test]
def test_a_form_of_the_shop_s_own() -> None:
    client = Client(app)
    client.get("/cart")
    assert client.post("/pay", data={"amount": "7"}).text == "paid 7"


def test_a_form_of_another_site() -> None:
    said = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert Client(app).post("/pay", data={"amount": "7"}, headers=said).status == 403


# [/test]
def test_an_old_browser_sends_the_token() -> None:
    client = Client(app)
    client.same_origin = False
    found = re.search(r'name="csrf_token" value="([\w-]+)"', client.get("/cart").text)
    assert found is not None
    assert client.post("/pay", data={"amount": "7"}).status == 403
    assert client.post("/pay", data={"amount": "7", "csrf_token": found[1]}).text == "paid 7"


def test_trusted_sites_and_hooks() -> None:
    client = Client(app, cookies={"session": "x"})
    for origin in ("https://shop.example", "https://a.example.org"):
        assert client.post("/pay", data={"amount": "7"}, headers={"origin": origin}).status == 200
    assert client.post("/hooks/stock", headers={"sec-fetch-site": "cross-site"}).text == "noted"


def test_the_guard_alone() -> None:
    plain_app().seal()
