"""`wholestack user`: users made, listed, changed and logged out; those of a Django site taken over."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, str], Path]
APP = """
from sqlalchemy.orm import DeclarativeBase
from uuid import UUID, uuid4
from wholestack import App
from wholestack.auth import Auth, Passwords, UserMixin
from wholestack.db import Database, Mapped, mapped_column
from wholestack.mail import Mailing

class Base(DeclarativeBase):
    pass

class User(UserMixin, Base):
    __tablename__ = "user"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    nickname: Mapped[str] = mapped_column(default="")

app = App(docs=False)
mailing = Mailing("a@example.org", "folder:mails", base_url="https://site.example")
auth = Auth(User, passwords=Passwords(memory=8, passes=1))
app.use(Database("sqlite:///site.db", models=Base, migrations=None), mailing, auth)

@app.command
def begin() -> None:
    app.plugin(Database).create_tables()

@app.command
def verify(email: str, password: str) -> bool:
    with app.session() as db:
        return auth.passwords.verify(password, auth.accounts(app, db).find(email).password).ok

@app.command
def trail() -> list[str]:
    from wholestack.db import select
    with app.session() as db:
        return list(db.scalars(select(auth.tables.event.kind).order_by(auth.tables.event.created_at)))
"""
EMAIL = "ann@example.org"


@pytest.fixture
def site(wholestack: Any, write: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command, with what is typed."""
    monkeypatch.setenv("WHOLESTACK_STAGE", "test")
    write("app.py", APP)

    def run(*words: str, typed: str = "") -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return wholestack(*words)

    assert run("run", "app.py", "begin").code == 0
    return run


def test_a_user_is_made_listed_and_changed(site: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("editors", "writers"):
        assert site("user", "role", name).out == f"{name}: no permissions\n"
    done = site(
        "user", "add", "Ann@Example.org", "--role", "editors", "--set", "nickname=Ann", typed="a good long one\n"
    )
    assert done.code == 0 and done.out.startswith(f"{EMAIL} is user ")
    assert site("run", "app.py", "verify", EMAIL, "a good long one").out.strip() == "true"
    assert site("user", "add", "app.py", EMAIL, typed="another long one\n").code == 1
    assert site("user", "add", "bo@example.org", typed="short\n").err.startswith("Error: At least")
    assert site("user", "add", "bo@example.org", "--no-password", "--superuser").code == 0
    (mail,) = (tmp_path / "mails").iterdir()
    assert b"https://site.example/account/reset/" in mail.read_bytes().replace(b"=\n", b"")
    done = site("user", "list", "app.py")
    assert done.out.splitlines() == [
        "ann@example.org  editors  last login never",
        "bo@example.org  superuser, staff  last login never",
        "2 users in all.",
    ]
    assert json.loads(site("user", "list", "--json", "--staff").out)["users"][0]["email"] == "bo@example.org"
    assert site("user", "role", "editors", "news.publish", "news.delete").out == "editors: news.delete, news.publish\n"
    assert site("user", "role", "editors").out == "editors: news.delete, news.publish\n"
    done = site("user", "grant", EMAIL, "--role", "!editors", "--role", "writers", "--staff", "--closed")
    assert done.out.splitlines() == [
        "ann@example.org: !editors",
        "ann@example.org: writers",
        "ann@example.org: staff",
        "ann@example.org: not active",
    ]
    assert "as before" in site("user", "grant", EMAIL, "--role", "writers").out
    assert site("user", "list", "--find", "ANN").out.splitlines()[0] == (
        "ann@example.org  staff, closed, writers  last login never"
    )
    assert site("user", "password", EMAIL, typed="a newer long one\n").code == 0
    assert site("run", "app.py", "verify", EMAIL, "a newer long one").out.strip() == "true"
    assert site("user", "password", EMAIL, typed="short\n").code == 1
    assert site("user", "revoke-sessions", EMAIL).out == f"{EMAIL} is logged out everywhere.\n"
    trail = json.loads(site("run", "app.py", "trail").out)
    assert trail[:2] == ["account-made", "role-given"] and trail[-1] == "logout-everywhere"


def test_a_role_that_there_is_not_is_named_and_not_made(site: Callable[..., Any]) -> None:
    refused = site("user", "add", EMAIL, "--role", "editors", typed="a good long one\n")
    assert refused.code == 1 and "There is no role 'editors'. There is none yet." in refused.err
    assert site("user", "list").out == "0 users in all.\n"
    for name in ("writers", "editors"):
        site("user", "role", name)
    assert site("user", "add", EMAIL, "--role", "editors", typed="a good long one\n").code == 0
    for typed in ("editor", "!editor"):
        refused = site("user", "grant", EMAIL, "--role", "writers", "--role", typed, "--staff")
        assert (refused.code, refused.err) == (
            1,
            "Error: There is no role 'editor'. There are: editors, writers. `wholestack user role editor` makes it.\n",
        )
    assert site("user", "list").out.splitlines()[0] == f"{EMAIL}  editors  last login never"


def test_what_is_wrong_is_said(site: Callable[..., Any]) -> None:
    assert site("user", "password", "nobody@example.org", typed="a good long one").err == (
        "Error: Nobody has the address nobody@example.org.\n"
    )
    assert site("user", "add", "a.py", "b", "c").code == 2
    assert site("user", "add", EMAIL, "--set", "nickname").code == 1
    assert site("user", "import", "nothing://there").code == 1
    assert site("user", "import", "sqlite:///empty.db").err.count("bad-import") == 1


DJANGO = """
CREATE TABLE auth_user (id INTEGER PRIMARY KEY, password TEXT, last_login TEXT, is_superuser INT, username TEXT,
  first_name TEXT, last_name TEXT, email TEXT, is_staff INT, is_active INT, date_joined TEXT);
INSERT INTO auth_user VALUES
  (1, 'pbkdf2_sha256$1000000$abcdefgh$xx', '2026-01-02 03:04:05', 1, 'root', 'Ann', '', 'Ann@Example.org', 1, 1, '2020-01-01'),
  (2, '!unusable', NULL, 0, 'bo', 'Bo', '', 'bo@example.org', 0, 0, '2021-01-01 10:00:00'),
  (3, 'x', NULL, 0, 'nomail', '', '', '', 0, 1, '2021-01-01'),
  (4, 'x', NULL, 0, 'twin', '', '', 'BO@example.org', 0, 1, '2021-01-01');
CREATE TABLE auth_group (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO auth_group VALUES (1, 'editors');
CREATE TABLE auth_user_groups (id INTEGER PRIMARY KEY, user_id INT, group_id INT);
INSERT INTO auth_user_groups VALUES (1, 2, 1), (2, 3, 1);
CREATE TABLE django_content_type (id INTEGER PRIMARY KEY, app_label TEXT, model TEXT);
INSERT INTO django_content_type VALUES (7, 'blog', 'post');
CREATE TABLE auth_permission (id INTEGER PRIMARY KEY, name TEXT, content_type_id INT, codename TEXT);
INSERT INTO auth_permission VALUES (1, 'Can add post', 7, 'add_post'), (2, 'Can view post', 7, 'view_post');
CREATE TABLE auth_group_permissions (id INTEGER PRIMARY KEY, group_id INT, permission_id INT);
INSERT INTO auth_group_permissions VALUES (1, 1, 1), (2, 1, 2);
CREATE TABLE auth_user_user_permissions (id INTEGER PRIMARY KEY, user_id INT, permission_id INT);
INSERT INTO auth_user_user_permissions VALUES (1, 1, 2), (2, 2, 1), (3, 2, 2), (4, 3, 1);
"""


def test_users_of_django_are_taken_over(site: Callable[..., Any], tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "django.db")) as theirs, theirs:
        theirs.executescript(DJANGO)
    words = ("user", "import", "app.py", "sqlite:///django.db", "--set", "nickname=first_name")
    done = site(*words, "--dry-run")
    assert done.out.splitlines()[-1] == "2 users would be made, 0 known, 2 left out, 1 roles."
    assert site("user", "list").out == "0 users in all.\n"
    assert site(*words[:-1], "nickname=nothing").code == 1
    done = site(*words)
    assert done.out.splitlines() == [
        "left out: nomail has no e-mail address",
        "left out: twin has the address of another: bo@example.org",
        "2 had permissions of their own, which are in a role of each alone.",
        "2 prove their address when they first log in.",
        "2 users made, 0 known, 2 left out, 1 roles.",
    ]
    assert site(*words).out.splitlines()[-1] == "0 users made, 2 known, 2 left out, 1 roles."
    ann, bo = json.loads(site("user", "list", "--json").out)["users"]
    assert (ann["is"], ann["last_login_at"]) == (["superuser", "staff", "unconfirmed"], "2026-01-02T03:04+00:00")
    assert (bo["is"], bo["roles"]) == (["closed", "unconfirmed"], ["editors", f"of user {bo['key']} alone"])
    assert ann["roles"] == [f"of user {ann['key']} alone"]
    assert site("user", "role", ann["roles"][0]).out.endswith(" alone: blog.view_post\n")
    assert site("user", "role", bo["roles"][1]).out.endswith(" alone: blog.add_post, blog.view_post\n")
    assert site("user", "role", "editors").out == "editors: blog.add_post, blog.view_post\n"
    with contextlib.closing(sqlite3.connect(tmp_path / "site.db")) as ours, ours:
        rows = ours.execute("SELECT email, nickname, password FROM user ORDER BY email").fetchall()
    assert rows == [("ann@example.org", "Ann", "pbkdf2_sha256$1000000$abcdefgh$xx"), ("bo@example.org", "Bo", None)]


@pytest.mark.parametrize(
    ("options", "unconfirmed"),
    [(["--confirmed"], []), (["--confirmed-by", "is_active"], ["bo@example.org"])],
    ids=["all", "by a column"],
)
def test_addresses_that_a_django_site_has_proven(
    site: Callable[..., Any], tmp_path: Path, options: list[str], unconfirmed: list[str]
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "django.db")) as theirs, theirs:
        theirs.executescript(DJANGO)
    theirs.close()
    assert site("user", "import", "sqlite:///django.db", *options).code == 0
    users = json.loads(site("user", "list", "--json").out)["users"]
    assert [each["email"] for each in users if "unconfirmed" in each["is"]] == unconfirmed
    assert site("user", "import", "sqlite:///django.db", "--confirmed", "--confirmed-by", "is_active").code == 2
    assert "no column nothing" in site("user", "import", "sqlite:///django.db", "--confirmed-by", "nothing").err
