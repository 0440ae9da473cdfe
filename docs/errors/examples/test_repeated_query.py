import pytest

from wholestack import App
from wholestack.db import Database, RepeatedQuery, Session, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://", strict=True))


@app.get("/")
def total(db: Session) -> int:
    return sum(db.scalar(text("SELECT :n"), {"n": n}) for n in range(10))


def test_repeated_query() -> None:
    with Client(app) as client, pytest.raises(RepeatedQuery):
        client.get("/")
