from wholestack import App
from wholestack.db import Database, Session, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://", timeout=0.1))
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


@app.get("/")
def count(db: Session) -> int:
    return db.scalar(text(ENDLESS)) or 0


def test_statement_timeout() -> None:
    with Client(app) as client:
        assert client.get("/").expect(503).json()["code"] == "statement-timeout"
