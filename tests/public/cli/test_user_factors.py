"""`wholestack user factors`: what a user has beside the password, and how it is taken away from who has lost it."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, str], Path]
APP = """
import datetime
from sqlalchemy.orm import DeclarativeBase
from uuid import UUID, uuid4
from wholestack import App
from wholestack.auth import TOTP, Auth, Passkeys, Passwords, UserMixin
from wholestack.db import Database, Mapped, mapped_column, select
from wholestack.mail import Mailing

class Base(DeclarativeBase):
    pass

class User(UserMixin, Base):
    __tablename__ = "user"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)

app = App(docs=False, title="The site")
auth = Auth(User, passwords=Passwords(memory=8, passes=1))
mailing = Mailing("a@example.org", "folder:mails", base_url="https://site.example")
app.use(Database("sqlite:///site.db", models=Base, migrations=None), mailing, auth, TOTP(), Passkeys())

@app.command
def begin() -> None:
    app.plugin(Database).create_tables()
    day = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    tables = auth.tables
    with app.session() as db:
        for name, hashed in (("ann", "x"), ("bo", None)):
            db.add(user := User(email=f"{name}@example.org", password=hashed))
            db.flush()
            passkey = {"user_id": user.id, "public_key": b"x", "created_at": day}
            db.add(tables.passkey(name="Laptop", credential=f"{name} 1", **passkey))
            if name == "ann":
                db.add(tables.passkey(name="K\\x1b[2Jy", credential="2", last_used_at=day, **passkey))
                db.add(tables.totp(user_id=user.id, secret=b"x", confirmed_at=day, failures=100))
                db.add_all(tables.recovery_code(user_id=user.id, digest=str(n)) for n in range(3))
        db.add(User(email="cem@example.org"))

@app.command
def trail() -> list[list[str]]:
    event = auth.tables.event
    with app.session() as db:
        return [[each.kind, each.user == auth.accounts(app, db).find("ann@example.org").key, each.actor]
                for each in db.scalars(select(event).order_by(event.created_at))]
"""


@pytest.fixture
def site(wholestack: Any, write: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("WHOLESTACK_STAGE", "test")
    write("app.py", APP)
    assert wholestack("run", "app.py", "begin").code == 0

    def run(*words: str) -> Any:
        return wholestack(*words)

    return run


def mails(folder: Path) -> list[str]:
    """What was mailed, each as its addressee, its subject and its text."""
    found = []
    for path in sorted((folder / "mails").iterdir()) if (folder / "mails").is_dir() else []:
        message: Any = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append(f"{message['to']}\n{message['subject']}\n{message.get_body().get_content()}".replace("\r\n", "\n"))
    return found


def test_factors_are_listed_and_taken_away(site: Callable[..., Any], tmp_path: Path) -> None:
    assert site("user", "factors", "app.py", "Ann@example.org").out.splitlines() == [
        "ann@example.org",
        "  totp, since 2026-01-02, wrong codes in a row: 100",
        "  passkey Laptop, since 2026-01-02, never used",
        "  passkey K�[2Jy, since 2026-01-02, last used 2026-01-02",
        "  recovery codes, 3 left",
    ]
    assert mails(tmp_path) == [] and json.loads(site("run", "app.py", "trail").out) == []
    assert site("user", "factors", "ann@example.org", "--remove", "totp").out.splitlines() == [
        "removed: totp, since 2026-01-02, wrong codes in a row: 100",
        "ann@example.org is logged out everywhere, and told by mail.",
    ]
    (mail,) = mails(tmp_path)
    assert mail.startswith("ann@example.org\nSecond factors were removed from your account\n")
    assert "- App for codes\n" in mail and "Recovery" not in mail and "https://site.example/account/factors" in mail
    assert json.loads(site("run", "app.py", "trail").out) == [["totp-removed", True, ""]]
    assert site("user", "factors", "ann@example.org", "--remove", "totp").err == (
        "Error: ann@example.org has none of these.\n"
    )
    done = site("user", "factors", "ann@example.org", "--remove", "passkeys", "--remove", "recovery")
    assert done.out.count("removed: ") == 3 and "They have no password" not in done.out
    assert "\x1b" not in done.out and len(mails(tmp_path)) == 2
    assert site("user", "factors", "ann@example.org").out.splitlines() == ["ann@example.org", "  no second factor"]


def test_all_of_them_and_the_only_way_in(site: Callable[..., Any], tmp_path: Path) -> None:
    assert site("user", "factors", "app.py", "bo@example.org", "--remove", "all").out.splitlines() == [
        "removed: passkey Laptop, since 2026-01-02, never used",
        "bo@example.org is logged out everywhere, and told by mail.",
        "They have no password: wholestack user password bo@example.org gives them one.",
    ]
    assert "- Passkeys: Laptop\n" in mails(tmp_path)[0]
    assert "recovery codes, 3 left" in site("user", "factors", "ann@example.org").out, "another's stay"


def test_what_is_wrong_is_said(site: Callable[..., Any]) -> None:
    assert site("user", "factors", "cem@example.org").out.splitlines() == ["cem@example.org", "  no second factor"]
    assert site("user", "factors", "cem@example.org", "--remove", "all").code == 1
    assert site("user", "factors", "nobody@example.org").err == "Error: Nobody has the address nobody@example.org.\n"
    assert site("user", "factors", "cem@example.org", "--remove", "password").code == 2
