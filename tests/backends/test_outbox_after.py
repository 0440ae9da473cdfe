"""What is to be called after a transaction: which, in which order, and that nothing in it can undo what is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import databases
from backends import models
from backends.models import Author
from wholestack import App, Conflict
from wholestack.db import Session, func, select
from wholestack.testing import Client

Colour = Callable[[Any], Any]


class Case:
    """An app whose one handler does as it is told, and what was called after it."""

    def __init__(self, url: str, colour: Colour) -> None:
        self.app: App = models.app_on(url)
        self.called: list[str] = []
        self.does: Callable[[Session], object] = lambda db: None
        self.app.post("/")(colour(self.handler))
        self.app.get("/")(colour(self.handler))

    def handler(self, db: Session) -> str:
        db.after(commit=self.note("commit 1"), failure=self.note("failure 1"))
        self.does(db)
        db.after(commit=self.note("commit 2"), failure=self.note("failure 2"))
        return "done"

    def note(self, text: str) -> Callable[[], object]:
        return lambda: self.called.append(text)

    def names(self) -> int:
        with self.app.session() as db:
            return db.scalar(select(func.count()).select_from(Author)) or 0


@pytest.fixture
def case(url: str, colour: Colour) -> Iterator[Case]:
    case = Case(url, colour)
    with Client(case.app):
        yield case


def add(name: str) -> Callable[[Session], object]:
    def does(db: Session) -> None:
        db.add(Author(name=name))
        db.flush()

    return does


def test_after_a_commit_in_order(case: Case) -> None:
    case.does = add("Ada")
    Client(case.app).post("/").expect(200)
    assert case.called == ["commit 1", "commit 2"]


def test_after_a_failure_and_nothing_of_the_commit(case: Case) -> None:
    def does(db: Session) -> None:
        add("Ada")(db)
        raise Conflict

    case.does = does
    Client(case.app).post("/").expect(409)
    assert case.called == ["failure 1"]
    assert case.names() == 0


def test_without_a_statement(case: Case) -> None:
    Client(case.app).post("/").expect(200)
    Client(case.app).get("/").expect(200)
    assert case.called == ["commit 1", "commit 2"] * 2


def test_a_safe_method_that_only_read_has_not_failed(case: Case) -> None:
    def does(db: Session) -> None:
        db.scalar(select(func.count()).select_from(Author))

    case.does = does
    Client(case.app).get("/").expect(200)
    assert case.called == ["commit 1", "commit 2"]


def test_a_commit_that_fails_is_a_failure(case: Case) -> None:
    with case.app.session() as db:
        db.add(Author(name="Ada"))
    case.does = lambda db: db.add(Author(name="Ada"))
    Client(case.app).post("/").expect(409)
    assert case.called == ["failure 1", "failure 2"]


def test_a_roll_back_by_hand_takes_its_own_with_it(case: Case) -> None:
    def does(db: Session) -> None:
        add("Ada")(db)
        db.rollback()
        add("Bob")(db)

    case.does = does
    Client(case.app).post("/").expect(200)
    assert case.called == ["failure 1", "commit 2"]
    assert case.names() == 1


def test_a_commit_by_hand_takes_its_own_with_it(case: Case) -> None:
    def does(db: Session) -> None:
        add("Ada")(db)
        db.commit()
        raise Conflict

    case.does = does
    Client(case.app).post("/").expect(409)
    assert case.called == ["commit 1"]
    assert case.names() == 1


def test_a_savepoint_that_is_rolled_back_is_not_the_transaction(case: Case) -> None:
    def does(db: Session) -> None:
        nested = db.begin_nested()
        add("Ada")(db)
        nested.rollback()
        add("Bob")(db)

    case.does = does
    Client(case.app).post("/").expect(200)
    assert case.called == ["commit 1", "commit 2"]


def test_what_a_savepoint_takes_back_is_not_called(case: Case) -> None:
    """Nor what is in one within it; what is for a failure is called, however the whole ends."""
    fine = True

    def does(db: Session) -> None:
        outer = db.begin_nested()
        db.after(commit=case.note("outer commit"), failure=case.note("outer failure"))
        inner = db.begin_nested()
        add("Ada")(db)
        db.after(commit=case.note("inner commit"), failure=case.note("inner failure"))
        inner.commit()
        outer.rollback()
        kept = db.begin_nested()
        add("Bob" if fine else "Cid")(db)
        db.after(commit=case.note("kept commit"), failure=case.note("kept failure"))
        kept.commit()

    case.does = does
    Client(case.app).post("/").expect(200)
    assert case.called == ["commit 1", "outer failure", "inner failure", "kept commit", "commit 2"]
    assert case.names() == 1
    case.called.clear()
    fine = False

    def fails(db: Session) -> None:
        does(db)
        raise Conflict

    case.does = fails
    Client(case.app).post("/").expect(409)
    assert case.called == ["failure 1", "outer failure", "inner failure", "kept failure"]
    assert case.names() == 1


def test_a_savepoint_that_stays_is_no_commit(case: Case) -> None:
    def does(db: Session) -> None:
        with db.begin_nested():
            add("Ada")(db)
        raise Conflict

    case.does = does
    Client(case.app).post("/").expect(409)
    assert case.called == ["failure 1"]
    assert case.names() == 0


@pytest.mark.parametrize("fails", ["commit", "failure"])
def test_an_error_in_one_is_in_the_log_and_changes_nothing(
    case: Case, fails: str, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks() -> None:
        raise ValueError("the broadcast is broken")

    def does(db: Session) -> None:
        add("Ada")(db)
        db.after(**{fails: breaks})
        db.after(**{fails: case.note("the next one")})
        if fails == "failure":
            raise Conflict

    case.does = does
    with caplog.at_level(logging.ERROR, "wholestack.db"):
        answer = Client(case.app, raise_errors=False).post("/")
    assert answer.status == (200 if fails == "commit" else 409)
    assert "the next one" in case.called
    assert case.names() == (1 if fails == "commit" else 0)
    assert "the broadcast is broken" in caplog.text


def test_the_connection_is_free(url: str, colour: Colour) -> None:
    app = models.app_on(url, pool=1, wait=2.0)

    def handler(db: Session) -> str:
        add("Ada")(db)
        db.after(commit=second)
        return "done"

    def second() -> None:
        with app.session() as db:
            db.add(Author(name="Bob"))

    app.post("/")(colour(handler))
    with Client(app) as client:
        client.post("/").expect(200)
    assert databases.rows(url, "SELECT name FROM author ORDER BY name") == [("Ada",), ("Bob",)]
