"""The code of the guide to the database."""

import asyncio
import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import NewType

import pytest
from pydantic import BaseModel, ConfigDict

from wholestack import App, NotFound, Stream
from wholestack.db import (
    Database,
    Encrypted,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Timestamps,
    UUIDModel,
    assert_queries,
    func,
    mapped_column,
    relationship,
    select,
)
from wholestack.realtime import Socket
from wholestack.testing import Client


# [models]
class Customer(UUIDModel):
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Timestamps, Model):
    total: Mapped[decimal.Decimal]
    paid_at: Mapped[datetime.datetime | None] = mapped_column()
    customer_id: Mapped[object] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")


# [/models]


# [encrypted]
class Account(Model):
    name: Mapped[str]
    token: Mapped[str] = mapped_column(Encrypted(lambda: ["u3Uc-qAi9iiCv3fkBfRUAKrM1gH8w51-nVU8M8A73Jg="]))


# [/encrypted]


class OrderOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    total: decimal.Decimal


@pytest.fixture
def app(tmp_path: Path) -> App:
    app = App(docs=False)
    address = f"sqlite:///{tmp_path}/shop.db"
    app.use(Database(address))

    # [handlers]
    @app.get("/orders/{id}", returns=OrderOut)
    async def read_order(id: int, db: Session) -> object:
        order = db.get(Order, id)
        if order is None:
            raise NotFound(f"There is no order {id}.")
        return order

    @app.post("/orders/{id}/paid", returns=OrderOut, queries=3)
    def pay(id: int, db: Session) -> object:
        order = db.get_one(Order, id, with_for_update=True)
        order.paid_at = datetime.datetime.now(datetime.UTC)
        db.after(commit=lambda: told.append(id), failure=lambda: told.append(-id))
        return order

    # [/handlers]

    # [manual]
    @app.post("/import", transaction="manual")
    def take_in(count: int, db: Session) -> int:
        for number in range(count):
            db.add(Customer(name=f"Customer {number}", email=f"c{number}@example.org"))
            db.commit()  # Each for itself: what is in stays in.
        return count

    # [/manual]

    # [tasks]
    @app.get("/totals")
    async def totals() -> list[int]:
        async def count(paid: bool) -> int:
            async with app.session() as db:
                wanted = select(Order).where(Order.paid_at.is_not(None) if paid else Order.paid_at.is_(None))
                return len((await db.scalars(wanted)).all())

        async with asyncio.TaskGroup() as group:
            both = [group.create_task(count(paid)) for paid in (True, False)]
        return [each.result() for each in both]

    # [/tasks]

    # [stream]
    @app.get("/orders.txt")
    def export(db: Session) -> Stream:
        def lines() -> Iterator[str]:
            for order in db.scalars(select(Order).execution_options(yield_per=500)):
                yield f"{order.id} {order.total}\n"

        return Stream(lines(), media_type="text/plain")

    # [/stream]

    # [socket]
    @app.socket("/customers")
    async def sign_up(socket: Socket[str, int], db: Session) -> None:
        async for email in socket:
            db.add(Customer(name=email.partition("@")[0], email=email))
            count = select(func.count()).select_from(Customer)
            await socket.send(db.scalar(count) or 0)

    # [/socket]
    return app


told: list[int] = []


def filled(app: App) -> None:
    # [script]
    with app.session() as db:
        ann = Customer(name="Ann", email="ann@example.org")
        db.add(Order(total=decimal.Decimal("12.50"), customer=ann))
    # [/script]


def test_the_handlers(app: App) -> None:
    told.clear()
    with Client(app) as client:
        filled(app)
        assert client.get("/orders/1").json()["total"] == "12.5000"
        assert client.get("/orders/2").status == 404
        assert client.post("/orders/1/paid").status == 200
        assert told == [1]
        assert client.get("/totals").json() == [1, 0]
        assert client.get("/orders.txt").text == "1 12.5000\n"
        assert client.post("/import?count=3").json() == 3
        with client.socket("/customers") as socket:
            socket.send("bob@example.org")
            assert socket.receive(int) == 5
            with app.session() as db:
                assert db.scalars(select(Customer.name).where(Customer.email == "bob@example.org")).one() == "bob"


def test_a_list_is_two_statements(app: App) -> None:
    with Client(app):
        filled(app)
        # [queries]
        with assert_queries(2), app.session() as db:
            assert {order.customer.name for order in db.scalars(select(Order))} == {"Ann"}
        # [/queries]


def test_a_replica(tmp_path: Path) -> None:
    # [replica]
    Replica = NewType("Replica", Session)

    app = App(docs=False)
    app.use(
        Database(f"sqlite:///{tmp_path}/shop.db"),
        Database(f"sqlite:///{tmp_path}/shop.db", session=Replica, read_only=True),
    )

    @app.get("/customers")
    def names(db: Replica) -> list[str]:
        return [each.name for each in db.scalars(select(Customer).order_by(Customer.name))]

    # [/replica]
    with Client(app) as client:
        with app.session() as db:
            db.add(Customer(name="Ann", email="ann@example.org"))
        assert client.get("/customers").json() == ["Ann"]


def test_what_is_encrypted(app: App) -> None:
    pytest.importorskip("cryptography")
    with Client(app):
        with app.session() as db:
            db.add(Account(name="Ann", token="secret"))
        with app.session() as db:
            assert db.scalars(select(Account)).one().token == "secret"
