"""What users write of sessions: the data have the model's type, in every form of model."""

from __future__ import annotations

import dataclasses
from typing import Any, assert_type

import pydantic
from typing_extensions import TypedDict

from wholestack import App
from wholestack.db import Database
from wholestack.middleware import OriginPattern
from wholestack.sessions import (
    CSRF,
    BrowserSession,
    CookieSessions,
    DatabaseSessions,
    Device,
    MemorySessions,
    Message,
    Messages,
    Sessions,
)

app = App()


class Cart(pydantic.BaseModel):
    items: list[int] = []


@dataclasses.dataclass
class Theme:
    dark: bool = False


class Seen(TypedDict, total=False):
    pages: list[str]


@app.post("/cart/{item}")
def add(
    item: int,
    session: BrowserSession[Cart],
    theme: BrowserSession[Theme],
    seen: BrowserSession[Seen],
    free: BrowserSession,
) -> None:
    assert_type(session.data, Cart)
    assert_type(session.data.items, list[int])
    session.data.items.append(item)
    session.data.items.append("seven")  # wrong
    session.data.thing = 7  # wrong
    session.data = Cart(items=[1])
    session.data = Theme()  # wrong
    assert_type(theme.data, Theme)
    assert_type(seen.data, Seen)
    seen.data["pages"] = ["/"]
    seen.data["pages"] = 7  # wrong
    assert_type(free.data, dict[str, Any])
    free.data["anything"] = [1, "two"]
    assert_type(session.user, str | None)
    session.user = "ann"
    session.user = 7  # wrong
    assert_type(session.key, str | None)
    session.key = "x"  # wrong
    session.rotate()
    session.clear()
    session.revoke()
    session.forget()  # wrong


@app.get("/devices")
def devices(sessions: Sessions, session: BrowserSession[Cart], messages: Messages) -> list[Device]:
    assert_type(sessions.of("ann"), list[Device])
    assert_type(sessions.revoke_all("ann", but=session), int)
    sessions.revoke_all("ann", but="this one")  # wrong
    sessions.revoke(*(each.key for each in sessions.of("ann")))
    sessions.revoke(7)  # wrong
    messages.success("Saved.")
    messages.add("own", "text")
    messages.success(7)  # wrong
    for message in messages:
        assert_type(message, Message)
        assert_type(message.text, str)
    return sessions.of("ann")


app.use(Database(), Sessions(idle=1800, lifetime=3600, secret=["a" * 32], trusted_origins=["https://a.example"]))
Sessions(MemorySessions())
Sessions(DatabaseSessions())
Sessions(CookieSessions(), cookie="shop", csrf=False)
Sessions(timeout=7)  # wrong
Sessions("memory")  # wrong
CSRF(trusted_origins=["https://a.example", OriginPattern("https://*.a.example")])
CSRF("https://a.example")  # wrong
