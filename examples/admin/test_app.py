"""The tests of the library's back office; docs/learn/admin.md shows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from examples.admin.app import Loan, Title
from examples.admin.app import app as library

from wholestack import App
from wholestack.db import Database, Session, select
from wholestack.testing import AsUser, Client

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """The library of these tests lies in memory."""
    library.plugin(Database).move("sqlite://")
    yield library


@pytest.fixture(autouse=True)
def books(db: Session) -> None:
    db.add(Title(name="Emma", author="Jane Austen", loans=[Loan(reader="Ann"), Loan(reader="Bo", back=True)]))
    db.flush()


# [test]
def test_who_may_look_sees_what_is_out_and_changes_nothing(as_user: AsUser[Client]) -> None:
    client = as_user(permissions=["library_title.view", "library_loan.view"], is_staff=True)
    assert 'href="/admin/library-loan?back=false">1</a>' in client.get("/admin/").text
    assert "Emma" in client.get("/admin/library-title?q=austen").text
    assert client.get("/admin/library-title/new").status == 403
    assert client.get("/admin/library-librarian").status == 403


def test_a_loan_is_written_down(as_user: AsUser[Client], db: Session) -> None:
    client = as_user(is_staff=True, is_superuser=True)
    client.post("/admin/library-loan/new", data={"title_id": "1", "reader": "Cy"}, headers=BROWSER)
    assert db.scalars(select(Loan.reader).order_by(Loan.id)).all() == ["Ann", "Bo", "Cy"]
    assert "Cy" in client.get("/admin/library-loan?q=cy").text


# [/test]
def test_who_is_no_librarian_stays_outside(as_user: AsUser[Client]) -> None:
    assert as_user().get("/admin/").status == 403
