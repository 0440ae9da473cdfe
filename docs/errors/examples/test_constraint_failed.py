from wholestack import App
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, mapped_column
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


class Shelf(Model):
    name: Mapped[str]


class Volume(Model):
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))


@app.post("/volumes", status=201)
def add(shelf: int, db: Session) -> None:
    db.add(Volume(shelf_id=shelf))


def test_constraint_failed() -> None:
    with Client(app) as client:
        assert client.post("/volumes?shelf=7").expect(409).json()["code"] == "constraint-failed"
