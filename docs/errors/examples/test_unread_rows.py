import pytest

from wholestack import App, Stream
from wholestack.db import Database, Session, UnreadRows, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


@app.get("/numbers")
def numbers(db: Session) -> Stream:
    rows = db.execute(text("SELECT 1 UNION SELECT 2"))
    return Stream(f"{number}\n" for (number,) in rows)


def test_unread_rows() -> None:
    with Client(app) as client, pytest.raises(UnreadRows):
        client.get("/numbers")
