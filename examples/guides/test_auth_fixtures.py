"""The code of docs/guides/auth.md on the fixtures for tests, run."""

from __future__ import annotations

import pytest

from wholestack import App
from wholestack.auth import Auth, UserMixin, mfa, permission, role
from wholestack.db import Database, Mapped, Session, UUIDModel, mapped_column

# [imports]
from wholestack.testing import AsUser, Client, make

# [/imports]


class Journalist(UserMixin, UUIDModel):
    nickname: Mapped[str] = mapped_column(default="")


app_of_the_paper = App(title="The paper", docs=False)
app_of_the_paper.use(Database("sqlite:///paper.db", migrations=None), Auth(Journalist))


@app_of_the_paper.get("/desk", needs=role("editors"))
def show_desk(journalist: Journalist) -> str:
    return journalist.nickname


@app_of_the_paper.post("/news", needs=permission("news.publish") & mfa())
def publish(text: str) -> str:
    return text


@pytest.fixture
def app() -> App:
    return app_of_the_paper


# [fixtures]
def test_who_sees_the_desk(as_user: AsUser[Client], client: Client) -> None:
    editor, reader = as_user("editors", nickname="Zoë"), as_user()
    assert editor.get("/desk").text == "Zoë"
    assert reader.get("/desk").status == 403
    assert client.get("/desk").status == 401


def test_who_publishes(as_user: AsUser[Client], db: Session) -> None:
    db.add(journalist := make(Journalist, email="ann@example.org"))
    client = as_user(user=journalist, permissions=["news.publish"], methods=("pwd", "otp", "mfa"))
    assert client.post("/news?text=Spring").text == "Spring"


# [/fixtures]
