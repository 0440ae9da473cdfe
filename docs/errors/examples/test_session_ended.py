import pytest

from wholestack import App
from wholestack.db import Database, Session, SessionEnded, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))
kept: list[Session] = []


@app.get("/")
def home(db: Session) -> None:
    kept.append(db)


def test_session_ended() -> None:
    with Client(app) as client:
        client.get("/")
        with pytest.raises(SessionEnded):
            kept[0].execute(text("SELECT 1"))
