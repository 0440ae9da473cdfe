"""`wholestack user invite` and `wholestack user tokens`: who is asked in, and what programs are let in by."""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, str], Path]
APP = """
from sqlalchemy.orm import DeclarativeBase
from uuid import UUID, uuid4
from wholestack import App
from wholestack.auth import Auth, Passwords, Tokens, UserMixin, permission
from wholestack.db import Database, Mapped, mapped_column, select
from wholestack.mail import Mailing
from wholestack.testing import Client

class Base(DeclarativeBase):
    pass

class User(UserMixin, Base):
    __tablename__ = "user"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)

app = App(docs=False, title="The site")
auth = Auth(User, passwords=Passwords(memory=8, passes=1), sign_up="SIGN_UP")
mailing = Mailing("a@example.org", "folder:mails", base_url="https://site.example")
app.use(Database("sqlite:///site.db", models=Base, migrations=None), mailing, auth)
app.use(Tokens())

@app.get("/news", needs=permission("news.read"))
def news() -> str:
    return "in"

@app.command
def begin() -> None:
    app.plugin(Database).create_tables()

@app.command
def ask(token: str) -> int:
    with Client(app) as client:
        return client.get("/news", headers={"authorization": f"Bearer {token}"}).status

@app.command
def sign_up(path: str) -> list[str]:
    with Client(app, headers={"sec-fetch-site": "same-origin"}) as client:
        client.get(path).expect(200)
        client.post(path, data={"email": "zoe@example.org", "password": "correct horse battery"})
    with app.session() as db:
        zoe = auth.accounts(app, db).find("zoe@example.org")
        membership, role = auth.tables.membership, auth.tables.role
        held = select(role.name).join(membership, membership.role_id == role.id).where(membership.user_id == zoe.id)
        return list(db.scalars(held))

@app.command
def age() -> None:
    from datetime import timedelta
    with app.session() as db:
        for row in db.scalars(select(auth.tables.token)):
            row.last_used_at = row.created_at + timedelta(days=1)
            row.name = "K\\x1b[2Jy"
"""
NO_COMMIT = """
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from wholestack.db import Session

@event.listens_for(Session, "before_commit")
def fail(session: Session) -> None:
    if Path("full").exists():
        raise OperationalError("COMMIT", {}, OSError("The disk is full."))
"""
EMAIL = "robot@example.org"


@pytest.fixture
def site(wholestack: Any, write: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("WHOLESTACK_STAGE", "test")
    write("app.py", APP.replace("SIGN_UP", "invited"))
    assert wholestack("run", "app.py", "begin").code == 0

    def run(*words: str) -> Any:
        return wholestack(*words)

    return run


def test_a_service_and_its_tokens(site: Callable[..., Any], tmp_path: Path) -> None:
    site("user", "role", "reader", "news.read")
    assert site("user", "add", EMAIL, "--service", "--role", "reader").code == 0
    assert not (tmp_path / "mails").exists(), "a program reads no mail"
    assert site("user", "tokens", "app.py", EMAIL).out.splitlines() == [EMAIL, "  no token"]
    made = site("user", "tokens", EMAIL, "--make", "News", "--scope", "news.read", "--days", "2")
    text = made.out.strip()
    assert made.err == "Keep it safe: nobody can show it again.\n" and re.fullmatch(r"wst_\w+", text)
    assert json.loads(site("run", "app.py", "ask", text).out) == 200
    other = site("user", "tokens", EMAIL, "--make", "Nothing", "--for-good").out.strip()
    assert json.loads(site("run", "app.py", "ask", other).out) == 403
    first, second = site("user", "tokens", EMAIL).out.splitlines()[1:]
    assert re.fullmatch(
        rf"  {text[:8]}\w*… News: news.read; ends \d{{4}}-\d\d-\d\d, last used \d{{4}}-\d\d-\d\d", first
    )
    assert second.endswith("Nothing: no permissions; does not end, last used " + second[-10:])
    site("run", "app.py", "age")
    ended = site("user", "tokens", EMAIL, "--revoke", text[:7])
    assert ended.out.startswith("revoked: wst_") and "\x1b" not in ended.out
    assert json.loads(site("run", "app.py", "ask", text).out) == 401
    assert len(site("user", "tokens", EMAIL).out.splitlines()) == 2


def test_what_is_wrong_with_tokens_is_said(site: Callable[..., Any], write: Write) -> None:
    site("user", "add", EMAIL, "--service")
    assert site("user", "tokens", EMAIL, "--scope", "*").code == 2
    assert site("user", "tokens", EMAIL, "--make", "A", "--days", "1", "--for-good").code == 2
    for wrong in (("--make", ""), ("--make", "a" * 256), ("--make", "A", "--days", "1e300")):
        refused = site("user", "tokens", EMAIL, *wrong)
        assert refused.code == 1 and refused.err.startswith("Error: ") and "Traceback" not in refused.err, wrong
    assert site("user", "tokens", EMAIL, "--revoke", "wst_x").err == (
        f"Error: {EMAIL} has no token that begins with 'wst_x'.\n"
    )
    for name in ("A", "B"):
        site("user", "tokens", EMAIL, "--make", name)
    assert "several tokens that begin with 'wst_'" in site("user", "tokens", EMAIL, "--revoke", "wst_").err
    assert "never used" in site("user", "tokens", EMAIL).out
    write("app.py", APP.replace("app.use(Tokens())", "").replace("SIGN_UP", "closed"))
    assert "app.use(Tokens())" in site("user", "tokens", EMAIL).err


def test_what_is_not_committed_is_not_said(site: Callable[..., Any], write: Write) -> None:
    site("user", "add", EMAIL, "--service")
    token = site("user", "tokens", EMAIL, "--make", "News").out.strip()
    write("app.py", APP.replace("SIGN_UP", "invited") + NO_COMMIT)
    write("full", "")
    for words in (("add", "other@example.org", "--service"), ("tokens", EMAIL, "--make", "More"),
                  ("tokens", EMAIL, "--revoke", token[:7]), ("grant", EMAIL, "--staff"),
                  ("revoke-sessions", EMAIL)):  # fmt: skip
        refused = site("user", *words)
        assert refused.out == "" and refused.err == "The database says: The disk is full.\n", words


def test_somebody_is_invited(site: Callable[..., Any], tmp_path: Path, write: Write) -> None:
    assert "There is no role 'reader'" in site("user", "invite", "zoe@example.org", "--role", "reader").err
    site("user", "role", "reader", "news.read")
    asked = site("user", "invite", "app.py", "zoe@example.org", "--role", "reader", "--days", "3")
    assert asked.out == "zoe@example.org is invited, for 3 days.\n"
    assert "Error: This is no address of a mailbox" in site("user", "invite", "zoe at home").err
    [path] = (tmp_path / "mails").iterdir()
    mail: Any = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text = mail.get_body().get_content()
    assert mail["to"] == "zoe@example.org" and "within 3 days" in " ".join(text.split())
    [link] = re.findall(r"https://site\.example(/\S+)", text)
    done = site("run", "app.py", "sign-up", link)
    assert done.err == "" and json.loads(done.out) == ["reader"]
    assert site("user", "invite", "zoe@example.org").err == "Error: zoe@example.org has an account.\n"
    write("app.py", APP.replace("SIGN_UP", "open"))
    refused = site("user", "invite", "bo@example.org")
    assert refused.code == 1 and 'sign_up="invited"' in refused.err and len([*(tmp_path / "mails").iterdir()]) == 1
