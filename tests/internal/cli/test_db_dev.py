"""What `wholestack dev` offers, asked at a terminal that is this process's standard input."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from wholestack import App
from wholestack.cli._db_dev import offer
from wholestack.db import Database, Mapped, Model
from wholestack.migrations import make, status


class Base(Model):
    """Of this file only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Model.metadata.naming_convention)


class Note(Base):
    text: Mapped[str]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`answers("y\\n")`: what is typed at the questions to come."""
    ours, theirs = pty.openpty()
    with open(theirs) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)

        def typed(text: str) -> None:
            os.write(ours, text.encode())

        yield typed
    os.close(ours)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path}/app.db", models=Base, migrations=str(tmp_path / "migrations"))
    make(found, "first")
    yield found
    found.dispose()


@pytest.fixture
def offered(database: Database) -> Callable[[str], list[str]]:
    """`offered(settled)`: what the parent is told meanwhile."""
    app = App(docs=False)
    app.use(database)

    def look(settled: str) -> list[str]:
        told: list[str] = []
        offer(app, settled, told.append, lambda: told.append(f"hold {len(status(database).pending)}"))
        return told

    return look


def test_yes_applies_and_holds_the_process(
    offered: Callable[[str], list[str]], answers: Callable[[str], None], database: Database
) -> None:
    answers("y\n")
    hold, settled = offered("")
    assert hold == "hold 1", "before it is applied"
    assert status(database).pending == ()
    assert offered(settled) == [settled], "nothing is asked"


def test_no_is_settled_and_holds_nothing(
    offered: Callable[[str], list[str]], answers: Callable[[str], None], database: Database
) -> None:
    for answer in ("n\n", "\x04"):
        answers(answer)
        (settled,) = offered("")
        assert len(status(database).pending) == 1
        assert offered(settled) == [settled]
