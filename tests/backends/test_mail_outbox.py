"""Mail through the outbox, on each database and in both colours: sent if, and only if, the transaction commits."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData

import databases
from mailing import MailServer, certificate, mail_server
from wholestack import App, Conflict
from wholestack.db import Database, Mapped, Model, Session, Table
from wholestack.mail import SMTP, Attachment, Mailbox, Mailer, Mailing, MailNotSent, Message, MessageRefused
from wholestack.outbox import Entry, Outbox, Queue, State, given, settle, task
from wholestack.testing import Client

Colour = Callable[[Any], Any]
HOUR = datetime.timedelta(hours=1)
HELLO = Message("zoe@example.org", "Hi", "Hello")


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Purchase(Base):
    what: Mapped[str]


@task
def remind(what: str, *, mailer: Mailer = given, db: Session = given) -> None:
    db.add(Purchase(what=what))
    mailer.send(HELLO.replace(subject=what))
    if what == "raises":
        raise ValueError(what)


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


class Case:
    def __init__(self, url: str, colour: Colour, server: MailServer) -> None:
        self.url, self.server = url, server
        server.letters.clear()
        server.replies.clear()
        server.data = "250 Taken"
        self.app = App(docs=False)
        self.mailing = Mailing("shop@example.com", SMTP(f"smtp://127.0.0.1:{server.port}", context=certificate()[1]))
        self.app.use(Database(url, models=Base, migrations=None), self.mailing, Outbox(remind))
        self.does: Callable[[Session, Mailer], object] = lambda db, mailer: mailer.send(HELLO)
        self.app.post("/")(colour(self.handler))
        self.app.post("/remind/{what}")(colour(self.remind))
        self.app.seal()
        database = self.app.plugin(Database)
        database.create_tables()
        with database.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())

    def handler(self, db: Session, mailer: Mailer) -> str:
        return str(self.does(db, mailer))

    def remind(self, what: str, queue: Queue) -> int:
        return queue.put(remind, what)

    def post(self, does: Callable[[Session, Mailer], object] | None = None, status: int = 200) -> str:
        self.does = does or self.does
        return Client(self.app).post("/").expect(status).text

    def rows(self, table: str) -> int:
        ((count,),) = databases.rows(self.url, f"SELECT count(*) FROM {table}")
        return int(count)

    def settle(self, **options: Any) -> list[tuple[State, int]]:
        return [(entry.state, entry.failures) for entry in settle(self.app, **options)]

    @property
    def sent(self) -> list[tuple[str, list[str]]]:
        return [(str(each.message["subject"]), each.recipients) for each in self.server.letters]


@pytest.fixture
def case(url: str, colour: Colour, server: MailServer) -> Case:
    return Case(url, colour, server)


def test_sent_once_the_transaction_has_committed(case: Case) -> None:
    file = Attachment("Ümläut.bin", bytes(range(256)) * 800)  # More than a payload of the outbox may have.

    def order(db: Session, mailer: Mailer) -> str:
        db.add(Purchase(what="tea"))
        return mailer.send(HELLO.replace(attachments=[file], bcc="b@example.org", to="Zoë <zoe@example.org>"))

    number = case.post(order)
    assert (case.rows("purchase"), case.rows("outbox_mail")) == (1, 1)
    assert case.sent == []
    assert case.settle() == [(State.DONE, 0)]
    assert case.sent == [("Hi", ["zoe@example.org", "b@example.org"])]
    (letter,) = case.server.letters
    assert letter.encrypted
    assert letter.message["message-id"] == f"<{number}>"
    assert letter.message["to"] == "Zoë <zoe@example.org>"
    (attached,) = letter.message.iter_attachments()
    assert (attached.get_filename(), attached.get_payload(decode=True)) == (file.name, file.content)
    assert case.rows("outbox_mail") == 0  # What was sent is not kept.
    assert case.settle() == []


def test_a_roll_back_sends_nothing(case: Case) -> None:
    def raises(db: Session, mailer: Mailer) -> None:
        mailer.send(HELLO)
        raise Conflict("no")

    def by_hand(db: Session, mailer: Mailer) -> None:
        mailer.send(HELLO.replace(subject="lost"))
        db.rollback()
        mailer.send(HELLO.replace(subject="kept"))

    case.post(raises, 409)
    assert (case.rows("outbox"), case.rows("outbox_mail"), case.settle()) == (0, 0, [])
    case.post(by_hand)
    assert case.settle() == [(State.DONE, 0)]
    assert case.sent == [("kept", ["zoe@example.org"])]


def test_a_server_that_is_away_is_tried_again(case: Case) -> None:
    case.server.data = "451 not now"
    number = case.post()
    ((_, first),) = case.settle()
    assert first == 1
    assert case.settle() == []  # Not yet.
    assert case.rows("outbox_mail") == 1
    case.server.data = "250 Taken"
    assert case.settle(ahead=HOUR) == [(State.DONE, 1)]
    assert [each.message["message-id"] for each in case.server.letters] == [f"<{number}>"]
    assert case.rows("outbox_mail") == 0


def test_only_those_get_it_again_who_have_not_got_it(case: Case) -> None:
    listed = ["a@example.org", "b@example.org", "c@example.org"]
    case.server.replies = {"b@example.org": "450 later", "c@example.org": "550 <c@example.org> unknown"}
    case.post(lambda db, mailer: mailer.send(HELLO.replace(to=listed)))
    assert case.settle() == [(State.WAITING, 1)]
    case.server.replies.pop("b@example.org")
    assert case.settle(ahead=HOUR) == [(State.WAITING, 2)]
    assert [recipients for _, recipients in case.sent] == [["a@example.org"], ["b@example.org"]]
    for turn in range(3, 14):
        (found,) = case.settle(ahead=turn * 2 * HOUR)
    assert found == (State.DEAD, 13)
    assert len(case.sent) == 2
    with case.app.session() as db:
        (entry,) = db.query(Entry).all()
        assert "refused 1 of 1 recipients: 550 <…@example.org> unknown" in (entry.error or "")
    # The dead are kept until somebody says what is to become of them.
    assert case.rows("outbox_mail") == 1
    with case.app.session() as db:
        db.delete(db.get_one(Entry, entry.id))
    assert case.rows("outbox_mail") == 0


def test_a_task_sends_as_a_handler_does(case: Case) -> None:
    client = Client(case.app)
    client.post("/remind/tea").expect(200)
    assert [state for state, _ in case.settle()] == [State.DONE, State.DONE]
    assert case.sent == [("tea", ["zoe@example.org"])]
    client.post("/remind/raises").expect(200)
    assert [state for state, _ in case.settle()] == [State.WAITING]
    assert len(case.sent) == 1
    assert case.rows("outbox_mail") == 0


def test_what_was_sent_is_not_sent_again(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    case.post()
    (entry,) = settle(case.app)
    with case.app.session() as db:
        assert Queue(case.app, db).retry(entry.id)
    assert case.settle() == [(State.DONE, 0)]
    assert len(case.sent) == 1
    assert "was sent before" in caplog.text


def test_now_and_by_hand(case: Case) -> None:
    def now(db: Session, mailer: Mailer) -> None:
        mailer.send_now(HELLO.replace(subject="now"))
        raise Conflict("all the same")

    case.post(now, 409)
    assert case.sent == [("now", ["zoe@example.org"])]
    case.server.data = "451 not now"
    with pytest.raises(MailNotSent):
        case.mailing.send_now(HELLO)
    case.server.data = "250 Taken"
    with case.app.session() as db:
        case.mailing.mailer(db).send(HELLO.replace(subject="by hand"))
    case.settle()
    assert [subject for subject, _ in case.sent] == ["now", "by hand"]


def test_too_large_is_refused_where_it_is_put(case: Case) -> None:
    def large(db: Session, mailer: Mailer) -> None:
        with pytest.raises(MessageRefused, match="at most"):
            mailer.send(HELLO.replace(attachments=[Attachment("a.bin", b"x" * 8 * 1024 * 1024)]))

    case.post(large)
    assert case.rows("outbox") == 0


def test_a_mailbox_has_what_has_committed(case: Case) -> None:
    def raises(db: Session, mailer: Mailer) -> None:
        mailer.send(HELLO.replace(subject="lost"))
        raise Conflict("no")

    with Mailbox(case.app) as mailbox:
        case.post()
        case.post(raises, 409)
        case.post(lambda db, mailer: mailer.send_now(HELLO.replace(subject="now", bcc="kim@example.org")))
        assert [message.subject for message in mailbox] == ["Hi", "now"]
        assert [message.subject for message in mailbox.to("kim@example.org")] == ["now"]
        assert case.settle() == [(State.DONE, 0)]
        assert (len(mailbox), mailbox[-1].subject, mailbox[:1]) == (2, "now", [HELLO])
        assert repr(mailbox) == f"<Mailbox {list(mailbox)!r}>"
        mailbox.clear()
        assert not mailbox
    assert case.sent == []
    case.post(lambda db, mailer: mailer.send(HELLO))
    case.settle()
    assert (len(mailbox), len(case.sent)) == (0, 1)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_served_app_sends_by_itself(case: Case) -> None:
    case.app.plugin(Outbox).embedded = True
    arrived = threading.Event()
    taken = case.server.handle_DATA

    async def handle_DATA(server: Any, session: Any, envelope: Any) -> str:
        arrived.set()
        return await taken(server, session, envelope)

    case.server.handle_DATA = handle_DATA  # type: ignore[method-assign]
    try:
        with Client(case.app, interface="wsgi") as client:  # Its loop goes on between requests.
            client.post("/").expect(200)
            assert arrived.wait(60)
    finally:
        del case.server.handle_DATA
    assert case.sent == [("Hi", ["zoe@example.org"])]


def test_an_outbox_that_is_used_before() -> None:
    app = App(docs=False)
    app.use(Database("sqlite://", models=Base, migrations=None), Outbox(), Mailing("shop@example.com"))

    @app.post("/")
    def send(mailer: Mailer) -> None:
        mailer.send(Message("zoe@example.org", "Hi", "Hello."))

    app.seal()
    app.plugin(Database).create_tables()
    with Client(app) as client:
        client.post("/").expect(204)
        assert [entry.state.value for entry in settle(app)] == ["done"]
