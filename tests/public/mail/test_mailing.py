"""The plugin without an outbox: what is sent, when, and to whom, in both colours; what is wrong with an app's mail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import MetaData

from mailing import certificate, mail_server
from wholestack import App, BadRequest, Redirect, Response, SetupError
from wholestack.db import Database, Mapped, Model, Session, Table
from wholestack.errors import CannotWait, Fault
from wholestack.mail import (
    MAIL_URL,
    SMTP,
    Address,
    Console,
    Folder,
    Letter,
    Mailer,
    Mailing,
    MailNotSent,
    Memory,
    Message,
    MessageRefused,
    RecipientsRefused,
)
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Kept(Base):
    name: Mapped[str]


HELLO = Message("zoe@example.org", "Hi", "Hello")


def subjects(mailing: Mailing) -> list[str]:
    assert isinstance(mailing.backend, Memory)
    return [each.message.subject for each in mailing.backend.letters]


@pytest.fixture
def mailing() -> Mailing:
    return Mailing("Shop <shop@example.com>", Memory())


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_sent_after_an_answer_that_holds(interface: Any, colour: Colour, mailing: Mailing) -> None:
    app = App(docs=False)
    app.use(mailing)

    def order(mailer: Mailer, how: str) -> Response:
        found = mailer.send(HELLO.replace(subject=how))
        assert found.endswith("@example.com")
        if how == "raises":
            raise BadRequest("no")
        return Redirect("/") if how == "redirects" else Response(status=int(how))

    app.post("/")(colour(order))
    with Client(app, interface=interface) as client:
        for how, status in {"200": 200, "raises": 400, "redirects": 303, "404": 404, "500": 500}.items():
            assert client.post(f"/?how={how}", follow=False).status == status
    assert subjects(mailing) == ["200", "redirects"]


def test_a_commit_that_fails_sends_nothing(colour: Colour, mailing: Mailing) -> None:
    app = App(docs=False)
    app.use(Database("sqlite://", models=Base, migrations=None), mailing)

    def order(mailer: Mailer, db: Session, fails: bool = False) -> None:
        mailer.send(HELLO)
        if fails:
            db.add(Kept())  # Its name is missing: the commit is refused.

    app.post("/")(colour(order))
    client = Client(app, raise_errors=False)
    app.seal()
    app.plugin(Database).create_tables()
    assert client.post("/?fails=1").status >= 400
    assert subjects(mailing) == []
    client.post("/").expect(204)
    assert subjects(mailing) == ["Hi"]


def test_sent_now(colour: Colour, mailing: Mailing) -> None:
    app = App(docs=False)
    app.use(mailing)

    def order(mailer: Mailer) -> None:
        mailer.send_now(HELLO)
        assert subjects(mailing) == ["Hi"]
        raise BadRequest("it is sent all the same")

    app.post("/")(colour(order))
    Client(app).post("/").expect(400)
    assert subjects(mailing) == ["Hi"]


def test_a_slow_server_does_not_hold_the_event_loop() -> None:
    app = App(docs=False)

    @app.get("/")
    async def home() -> str:
        return "here"

    @app.post("/")
    async def order(mailer: Mailer) -> str:
        return mailer.send_now(HELLO)

    with mail_server() as server:
        server.hold()
        app.use(Mailing("shop@example.com", SMTP(f"smtp://127.0.0.1:{server.port}", context=certificate()[1])))

        async def ask() -> None:
            client = AsyncClient(app)
            posted = asyncio.create_task(client.post("/"))
            assert await asyncio.to_thread(server.waiting.wait, 30)
            assert (await client.get("/")).text == "here"
            assert not posted.done()
            server.let_go()
            assert (await posted).status == 200

        asyncio.run(ask())
        assert [each.message["to"] for each in server.letters] == ["zoe@example.org"]


def test_on_the_event_loop_it_is_refused(mailing: Mailing) -> None:
    async def send() -> None:
        mailing.send_now(HELLO)

    with pytest.raises(CannotWait):
        asyncio.run(send())
    assert subjects(mailing) == []


def test_what_the_server_refuses_now(mailing: Mailing) -> None:
    class Refusing:
        def send(self, letter: Letter) -> None:
            raise RecipientsRefused({letter.recipients[0]: (550, "no")})

    mailing.backend = Refusing()
    with pytest.raises(RecipientsRefused):
        mailing.send_now(HELLO)


def test_a_backend_that_fails_in_the_background_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        def send(self, letter: Letter) -> None:
            raise MailNotSent("away")

    app = App(docs=False)
    app.use(Mailing("shop@example.com", Away()))

    @app.post("/")
    def order(mailer: Mailer) -> None:
        mailer.send(HELLO)

    with Client(app, raise_errors=False) as client:
        client.post("/").expect(204)
    assert any(record.exc_info and "away" in str(record.exc_info[1]) for record in caplog.records)


def test_too_large() -> None:
    mailing = Mailing("shop@example.com", Memory(), largest=10_000)
    mailing.send_now(HELLO.replace(text="x" * 5000))
    with pytest.raises(MessageRefused, match="of 10000 at most"):
        mailing.send_now(HELLO.replace(text="x" * 10_000))


def test_a5_no_name_of_a_request_in_a_letter(mailing: Mailing) -> None:
    app = App(docs=False)
    app.use(mailing)

    @app.post("/")
    def order(mailer: Mailer) -> None:
        mailer.send(HELLO)

    Client(app, base_url="http://evil.example").post("/", headers={"x-forwarded-host": "evil.example"}).expect(204)
    assert isinstance(mailing.backend, Memory)
    (letter,) = mailing.backend.letters
    assert letter.id.endswith("@example.com")
    assert b"evil" not in letter.to_bytes()


# -- where it goes -------------------------------------------------------------------------------------------------


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.delenv(MAIL_URL, raising=False)
    return lambda name: monkeypatch.setenv("WHOLESTACK_STAGE", name)


def faults(app: App) -> list[Fault]:
    app.seal()
    return [fault for check in app.checks for fault in check()]


def test_where_mail_goes_by_itself(stage: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    stage("development")
    assert isinstance(Mailing("a@example.org").backend, Console)
    monkeypatch.setenv(MAIL_URL, "folder:mails")
    assert isinstance(Mailing("a@example.org").backend, Folder)
    assert isinstance(Mailing("a@example.org", "memory:").backend, Memory)
    stage("test")  # Tests must not write to people.
    assert isinstance(Mailing("a@example.org").backend, Memory)


def test_production_needs_a_server(stage: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    def app(backend: Any = None) -> App:
        made = App(docs=False)
        made.use(Mailing("shop@example.com", backend))
        made.get("/")(lambda: None)
        return made

    stage("production")
    for backend in (None, "console:", "memory:"):
        (fault,) = faults(app(backend))
        assert (fault.code, fault.where.rpartition(":")[0]) == ("mail-console", __file__)
    with pytest.raises(SetupError, match="mail-console"), Client(app()):
        pass
    with Client(app("console:")):  # It was said by name.
        pass
    monkeypatch.setenv(MAIL_URL, "smtp://mail.example.com")
    assert faults(app()) == []
    with Client(app()):
        pass
    monkeypatch.setenv(MAIL_URL, "nonsense")
    with pytest.raises(SetupError, match="bad-mail"), Client(app()):
        pass
    monkeypatch.delenv(MAIL_URL)
    stage("development")
    assert faults(app()) == []


@pytest.mark.parametrize(
    "base_url",
    [
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://u:p@shop.example",
        "https://a?b",
        "https://a#b",
        "https://a:b",
        "https://[",
        "https://shöp.example",
        "https://a b",
        "",
    ],
)
def test_base_urls_that_are_none(base_url: str) -> None:
    with pytest.raises(SetupError, match="bad-mail"):
        Mailing("shop@example.com", base_url=base_url)


def test_a_sender_that_is_none() -> None:
    with pytest.raises(SetupError, match="The sender is refused") as report:
        Mailing("shop")
    assert report.value.faults[0].where.rpartition(":")[0] == __file__


def test_not_used_by_an_app(mailing: Mailing) -> None:
    with pytest.raises(SetupError, match="No app"):
        mailing.compose("mail/hi", to="zoe@example.org")
    assert mailing.sender == Address("shop@example.com", "Shop")
    secret = Mailing("shop@example.com", "smtp://user:hidden@mail.example.com")
    assert "hidden" not in f"{secret!r} {vars(secret)!r} {vars(secret.sending)!r}"
