from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


class Page(Model):
    body: Mapped[str]


@app.post("/pages")
def add(db: Session) -> None:
    db.execute(text("PRAGMA max_page_count = 20"))
    db.add(Page(body="x" * 1_000_000))


def test_storage_full() -> None:
    with Client(app) as client:
        assert client.post("/pages").expect(507).json()["code"] == "storage-full"
