"""What docs/guides/sessions.md shows, and the tests that hold it."""

from __future__ import annotations

import re

import pydantic

# [imports]
from wholestack import App, Form, Redirect
from wholestack.db import Database, Mapped, Session, UUIDModel, assert_queries
from wholestack.sessions import BrowserSession, CookieSessions, Device, Messages, Sessions
from wholestack.templates import Page
from wholestack.testing import Client

# [/imports]

app = App(docs=False)
app.use(Database("sqlite://"))


# [cart]
class Cart(pydantic.BaseModel):
    items: list[int] = []


@app.post("/cart/{item}")
def add(item: int, session: BrowserSession[Cart], messages: Messages) -> Redirect:
    session.data.items.append(item)
    messages.success("It is in your cart.")
    return Redirect("/cart")


@app.get("/cart")
def cart(session: BrowserSession[Cart]) -> Page:
    return Page("shop/cart.html", items=session.data.items)


# [/cart]


# [login]
@app.post("/login/{name}")
def login(name: str, session: BrowserSession) -> None:
    session.user = name  # A new id, and the lifetime begins anew.


@app.post("/logout")
def logout(session: BrowserSession, messages: Messages, csrf_token: Form[str] = "") -> None:
    session.revoke()
    messages.info("Goodbye.")


# [/login]


class Reader(UUIDModel):
    name: Mapped[str]


# [owner]
@app.get("/reader")
def reader(session: BrowserSession, db: Session) -> str:
    found = session.owner(Reader, db)
    return found.name if found else "nobody"


# [/owner]


# [devices]
@app.get("/devices")
def devices(session: BrowserSession, sessions: Sessions) -> list[Device]:
    return sessions.of(session.user or "")


@app.post("/password")
def change_password(session: BrowserSession, sessions: Sessions) -> int:
    return sessions.revoke_all(session.user or "", but=session)


# [/devices]
# [options]
app.use(Sessions(idle=30 * 60, lifetime=12 * 3600))
# [/options]


# [cookies]
def small_app() -> App:
    small = App()
    small.use(Sessions(CookieSessions(), secret=["a" * 32, "the one before it, for a while..."]))
    return small


# [/cookies]
OWN = {"sec-fetch-site": "same-origin"}


def test_a_cart_and_a_message() -> None:
    with Client(app, headers=OWN) as client:
        client.post("/cart/7")
        shown = client.get("/cart").text
        assert '<p class="success">It is in your cart.</p>' in shown and "1 in the cart" in shown
        assert "It is in your cart." not in client.get("/cart").text


def test_login_devices_logout() -> None:
    with Client(app, headers=OWN) as one, Client(app, headers=OWN) as two:
        for each in (one, two):
            each.post("/login/ann")
        assert len(one.get("/devices").json()) == 2
        assert one.post("/password").json() == 1
        assert two.get("/devices").json() == []
        one.post("/logout", data={})
        assert "Goodbye." in one.get("/cart").text
        assert one.get("/devices").json() == []


def test_the_row_of_a_user() -> None:
    with Client(app, headers=OWN) as client:
        assert client.get("/reader").text == "nobody"
        with app.session() as db:
            db.add(found := Reader(name="Ann"))
        client.post(f"/login/{found.id}")
        with assert_queries(1):
            assert client.get("/reader").text == "Ann"


def test_logout_in_an_old_browser() -> None:
    with Client(app) as client:
        client.post("/login/ann")
        client.same_origin = False
        found = re.search(r'name="csrf_token" value="([\w-]+)"', client.get("/cart").text)
        assert found is not None
        client.post("/logout", data={"csrf_token": found[1]})
        assert client.get("/devices").json() == []


def test_sessions_in_cookies() -> None:
    small_app().seal()
