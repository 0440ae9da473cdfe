import asyncio

import pytest

from wholestack import App
from wholestack.db import Database, Session, SessionInOtherTask, text
from wholestack.testing import Client

app = App()
app.use(Database("sqlite://"))


@app.get("/")
async def home(db: Session) -> None:
    async def child() -> None:
        db.execute(text("SELECT 1"))

    await asyncio.create_task(child())


def test_session_in_other_task() -> None:
    with Client(app) as client, pytest.raises(SessionInOtherTask):
        client.get("/")
