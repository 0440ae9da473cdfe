from typing import Any

from wholestack import App
from wholestack.db import Database, Session, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


@app.get("/")
def count(db: Session) -> int:
    connection: Any = db.connection().connection.dbapi_connection
    connection.set_progress_handler(lambda: 1, 10_000)  # SQLite has no time limit; this ends it after some work.
    return db.scalar(text(ENDLESS)) or 0


def test_statement_timeout() -> None:
    with Client(app) as client:
        assert client.get("/").expect(503).json()["code"] == "statement-timeout"
