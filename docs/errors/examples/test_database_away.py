from wholestack import App
from wholestack.db import Database, Session, text
from wholestack.testing import Client

app = App()
app.use(Database("postgresql://127.0.0.1:1/app", migrations=None))


@app.get("/")
def home(db: Session) -> int:
    return db.scalar(text("SELECT 1")) or 0


def test_database_away() -> None:
    with Client(app) as client:
        answer = client.get("/").expect(503)
        assert answer.json()["code"] == "database-away" and answer.headers["retry-after"]
