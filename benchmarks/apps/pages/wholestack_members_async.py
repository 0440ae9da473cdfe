"""Wholestack with login, `async def` handlers."""

from apps.pages.data import PERMISSION
from apps.pages.wholestack_members import User, application
from wholestack import Text
from wholestack.auth import permission
from wholestack.templates import Page

app = application()


@app.get("/plaintext")
async def plaintext() -> Text:
    return Text("Hello, World!")


@app.get("/member", needs=permission(PERMISSION))
async def member(user: User) -> Page:
    return Page("member.html")
