from sqlalchemy import MetaData

from wholestack import App, Query
from wholestack.crud import Listing, Page, Pager, schema
from wholestack.db import Database, Mapped, Model, Session, select
from wholestack.testing import Client


class Coin(Model):
    metadata = MetaData()
    cents: Mapped[int]


class Coins(Listing, of=Coin, orders=("cents",)): ...


app = App()
app.use(Database("sqlite://", models=Coin))


@app.get("/coins", returns=Page[schema(Coin)])
def coins(db: Session, asked: Query[Coins], pages: Pager) -> Page[Coin]:
    return pages(db, select(Coin), asked)


def test_bad_cursor() -> None:
    with Client(app) as client:
        answer = client.get("/coins", query={"cursor": "made-by-hand"})
    assert (answer.status, answer.json()["code"]) == (400, "bad-cursor")
