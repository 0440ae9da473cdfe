"""What docs/guides/mail.md shows, and the tests that hold it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import MetaData

# [imports]
from wholestack import App, Settings
from wholestack.db import Database, Mapped, Model, Session, Table
from wholestack.mail import Attachment, Letter, Mailbox, Mailer, Mailing, Message, MessageRefused
from wholestack.outbox import Outbox, settle
from wholestack.testing import Client

# [/imports]


class Base(Model):
    """Of this guide only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Shop(Settings):
    base_url: str = "https://shop.example"


settings = Shop.read()


# [first]
class Order(Base):
    email: Mapped[str]


app = App(docs=False)
mailing = Mailing("The shop <shop@example.com>", base_url=settings.base_url)
app.use(Database("sqlite://", models=Base), mailing, Outbox())


@app.post("/orders", status=201)
def place(email: str, db: Session, mailer: Mailer) -> int:
    order = Order(email=email)
    db.add(order)
    db.flush()
    mailer.send(Message(email, f"Your order {order.id}", "It is on its way."))  # Sent only if this transaction commits.
    return order.id
    # [/first]


# [compose]
@app.post("/orders/{number}/ask")
def ask(number: int, name: str, db: Session, mailer: Mailer) -> None:
    order = db.get_one(Order, number)
    message = mailer.compose("mail/confirm", to=order.email, name=name, number=number)
    mailer.send(message.replace(attachments=[Attachment("terms.txt", b"No returns.")]))


@app.get("/orders/{number}/confirm")
def confirm_order(number: int) -> str:
    return f"Order {number} is confirmed."
    # [/compose]


# [backend]
class Service:
    """Sends by the API of some service."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []

    def send(self, letter: Letter) -> None:
        self.posted.append(letter.to_bytes())  # Called in a thread; what it raises is tried again.
        # [/backend]


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(app) as client:
        database = app.plugin(Database)
        with database.rolled_back():
            yield client


# [mailbox]
@pytest.fixture(name="app")
def the_app() -> App:
    return app


def test_an_order_is_told(client: Client, mailbox: Mailbox) -> None:
    client.post("/orders?email=zoe@example.org").expect(201)
    (message,) = mailbox
    assert message.subject.startswith("Your order")
    assert message.to[0].address == "zoe@example.org"
    # [/mailbox]


def test_a_message_from_templates(client: Client, mailbox: Mailbox) -> None:
    number = client.post("/orders?email=zoe@example.org").expect(201).json()
    client.post(f"/orders/{number}/ask?name=Zo%C3%AB+%26+co").expect(204)
    message = mailbox[-1]
    assert message.subject == "Confirm your order, Zoë & co"
    link = f"https://shop.example/orders/{number}/confirm"
    assert message.text == f"Dear Zoë & co,\n\nplease confirm your order: {link}\n"
    assert f'Dear Zoë &amp; co, please <a href="{link}">' in message.html
    assert [each.name for each in message.attachments] == ["terms.txt"]


def test_by_hand(client: Client) -> None:
    service = Service()
    other = Mailing("shop@example.com", service)
    # [now]
    other.send_now(Message("zoe@example.org", "The nightly report", "All is well."))
    # [/now]
    assert b"Subject: The nightly report" in service.posted[0]
    # [script]
    with app.session() as db:
        mailing.mailer(db).send(Message("zoe@example.org", "The nightly report", "All is well."))
    settle(app)
    # [/script]


def test_refused() -> None:
    # [refused]
    with pytest.raises(MessageRefused):
        Message("zoe@example.org", "Hello\r\nBcc: everybody@example.org", "…")
    # [/refused]
