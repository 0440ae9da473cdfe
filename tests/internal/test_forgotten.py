"""What nobody has any more is forgotten: an app after its tests, and the threads of its database."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest

from wholestack import App
from wholestack.db import Database, Session, text
from wholestack.servers import Lifetime
from wholestack.testing import Client


def asked(folder: Path, interface: str) -> weakref.ref[App]:
    """An app that has answered from a database, and is gone but for this."""
    app = App()
    app.use(Database(f"sqlite:///{folder / 'rows.db'}", migrations=None))

    @app.get("/")
    async def one(db: Session) -> int:
        return db.scalar(text("SELECT 1")) or 0

    with Client(app, interface=interface) as client:
        assert client.get("/").json() == 1
    return weakref.ref(app)


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_an_app_and_its_threads_are_forgotten(tmp_path: Path, interface: str) -> None:
    asked(tmp_path, interface)  # What is there once for all, such as the loop in the background.
    before = {thread for thread in threading.enumerate() if thread.name == "wholestack-worker"}
    gone = asked(tmp_path, interface)
    gc.collect()
    assert gone() is None
    for thread in threading.enumerate():
        if thread.name == "wholestack-worker" and thread not in before:
            thread.join(5)
            assert not thread.is_alive()


def test_a_sealed_app_is_forgotten_too() -> None:
    app = App()
    app.seal()
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_what_is_gone_is_not_stopped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[tuple[object, ...]] = []
    monkeypatch.setattr("atexit.register", lambda *call: at_exit.append(call))
    life = Lifetime((), ())
    life.stop_at_exit()
    [(call, method)] = at_exit
    assert callable(call)
    call(method)
    del life
    gc.collect()
    call(method)
