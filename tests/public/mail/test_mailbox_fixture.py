"""The fixture `mailbox`, with `db` and `client`, in a run of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

APP = """
from wholestack import App, Conflict
from wholestack.db import Database, Mapped, Model, Session
from wholestack.mail import Mailer, Mailing, Message
from wholestack.outbox import Outbox

app = App(docs=False)
app.use(Database("sqlite:///precious.db"), Mailing("shop@example.com", "folder:never"), Outbox())

class Order(Model):
    email: Mapped[str]

@app.post("/orders")
async def place(email: str, db: Session, mailer: Mailer, fails: bool = False) -> int:
    db.add(Order(email=email))
    mailer.send(Message(email, "Your order", "It is on its way."))
    if fails:
        raise Conflict("no")
    return db.query(Order).count()

app.seal()  # So that the tests' database has the tables of plugins, too.
"""

TEST = """
import pytest
from app import Order, app
from wholestack.db import select
from wholestack.outbox import settle

@pytest.mark.parametrize("turn", [1, 2])
def test_what_has_committed(turn, db, client, mailbox):
    assert client.post("/orders?email=zoe@example.org").expect(200).json() == 1
    client.post("/orders?email=kim@example.org&fails=1").expect(409)
    assert [message.to[0].address for message in mailbox] == ["zoe@example.org"]
    assert len(db.scalars(select(Order)).all()) == 1

@pytest.mark.committing
def test_the_outbox_sends_nothing_out(client, mailbox):
    client.post("/orders?email=zoe@example.org").expect(200)
    assert [entry.state.value for entry in settle(app)] == ["done"]
    assert len(mailbox) == 1
"""


def test_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "test_app.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"MAIL_URL": "folder:never"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, env=environment)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "never").exists()
