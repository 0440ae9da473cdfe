"""The code of docs/guides/auth.md, run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# [imports]
from wholestack import App, NotFound, Router
from wholestack.auth import Accounts, Auth, Identity, SignUp, UserMixin, permission, recent_login, staff
from wholestack.db import Database, Mapped, Session, UUIDModel, mapped_column
from wholestack.mail import Mailing
from wholestack.testing import Client, log_in

# [/imports]


# [user]
class Person(UserMixin, UUIDModel):
    nickname: Mapped[str] = mapped_column(default="")


class NewPerson(SignUp):
    nickname: str = ""


app = App(title="The club", docs=False)
mailing = Mailing("The club <club@example.org>", base_url="https://club.example")
app.use(Database("sqlite://"), mailing, Auth(Person, sign_up="open", form=NewPerson))
# [/user]


# [ask]
@app.get("/me")
def show_me(person: Person) -> str:
    return person.nickname


@app.get("/hello")
async def say_hello(person: Person | None) -> str:
    return f"Hello, {person.nickname}" if person else "Hello, stranger"


# [/ask]
# [rules]
back_office = Router("/office", needs=staff)


@back_office.get("/members")
def count_members(identity: Identity[Person]) -> str:
    return f"{sorted(identity.roles)}"


@app.post("/news", needs=permission("news.publish"))
def publish(text: str) -> str:
    return text


@app.post("/members/{nickname}/throw-out", needs=permission("members.delete") & recent_login(minutes=10))
def throw_out(nickname: str) -> str:
    return f"{nickname} is out."


app.include(back_office)
# [/rules]


# [roles]
def make_editors(db: Session, person: Person) -> None:
    tables = app.plugin(Auth).tables
    editors = tables.role(name="editors", permissions=["news.publish"])
    db.add(editors)
    db.flush()
    db.add(tables.membership(user_id=person.id, role_id=editors.id))


# [/roles]


# [accounts]
@app.post("/guests", needs=staff)
def make_guest(email: str, accounts: Accounts[Person]) -> None:
    guest = accounts.create(email, nickname="A guest")  # Without a password: a link lets them choose one.
    accounts.mail_link("reset", guest, hours=24)


@app.post("/members/{email}/log-out", needs=staff)
def log_out_member(email: str, accounts: Accounts[Person]) -> None:
    if (person := accounts.find(email)) is None:
        raise NotFound("No such member.")
    accounts.log_out_everywhere(person)


# [/accounts]


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(app) as client:
        yield client


def somebody(nickname: str = "Zoë", **fields: bool) -> Person:
    with app.session() as db:
        db.add(person := Person(email=f"{nickname}@example.org", nickname=nickname, **fields))
    return person


def test_users_and_visitors(client: Client) -> None:
    # [ask-seen]
    assert client.get("/me").json()["code"] == "login-required"
    page = client.get("/me", headers={"accept": "text/html"}, follow=False)
    assert page.headers["location"] == "/account/login?next=%2Fme"
    assert client.get("/hello").text == "Hello, stranger"
    # [/ask-seen]


# [test]
def test_who_may_publish(client: Client) -> None:
    person = somebody()
    log_in(client, person)
    assert client.get("/me").text == "Zoë"
    assert client.post("/news?text=Spring").status == 403
    with app.session() as db:
        make_editors(db, person)
    assert client.post("/news?text=Spring").text == "Spring"


# [/test]
def test_the_office(client: Client) -> None:
    log_in(client, somebody())
    assert client.get("/office/members").status == 403
    log_in(client, somebody("Chief", is_superuser=True))
    assert client.get("/office/members").text == "[]"
    assert client.post("/members/Zoë/throw-out").text == "Zoë is out."
    client.post("/guests?email=guest@example.org").expect(204)
    assert client.post("/members/nobody@example.org/log-out").status == 404
    client.post("/members/guest@example.org/log-out").expect(204)
