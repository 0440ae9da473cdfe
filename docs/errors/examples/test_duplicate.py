from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, mapped_column
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


class Member(Model):
    email: Mapped[str] = mapped_column(unique=True)


@app.post("/members", status=201)
def join(email: str, db: Session) -> None:
    db.add(Member(email=email))


def test_duplicate() -> None:
    with Client(app) as client:
        client.post("/members?email=ann@example.org").expect(201)
        assert client.post("/members?email=ann@example.org").expect(409).json()["code"] == "duplicate"
