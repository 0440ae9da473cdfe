from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, delete
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


class Draft(Model):
    text: Mapped[str]


@app.post("/drafts")
def change(db: Session) -> None:
    draft = Draft(text="first")
    db.add(draft)
    db.flush()
    db.execute(delete(Draft), execution_options={"synchronize_session": False})  # Somebody else was faster.
    draft.text = "second"


def test_stale_row() -> None:
    with Client(app) as client:
        assert client.post("/drafts").expect(409).json()["code"] == "stale-row"
