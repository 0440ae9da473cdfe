from wholestack import App
from wholestack.db import Database, Mapped, Model, Session
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


class Score(Model):
    points: Mapped[int]


@app.post("/scores", status=201)
def add(points: int, db: Session) -> None:
    db.add(Score(points=points))


def test_value_refused() -> None:
    with Client(app) as client:
        assert client.post(f"/scores?points={2**70}").expect(422).json()["code"] == "value-refused"
