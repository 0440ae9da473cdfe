"""`found(…)`: the row, or a 404 that names what is missing."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData

from wholestack import App, NotFound
from wholestack.crud import found
from wholestack.db import Database, Mapped, Model, Session, select
from wholestack.testing import Client


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class BlogPost(Base):
    title: Mapped[str]


class Reader(Base):
    name: Mapped[str]


def said(function: object) -> str:
    with pytest.raises(NotFound) as caught:
        function()  # type: ignore[operator]
    assert (caught.value.status, caught.value.code) == (404, "not-found")
    return caught.value.detail


def test_the_row_or_404_that_names_the_model() -> None:
    app = App()
    app.use(Database("sqlite://", models=Base))

    @app.get("/posts/{id}")
    def show(id: int, db: Session) -> str:
        return found(db.get(BlogPost, id)).title

    @app.get("/readers/{name}")
    async def reader(name: str, db: Session) -> int:
        return found(db.scalars(select(Reader).where(Reader.name == name)).first()).id

    with Client(app) as client:
        with app.session() as db:
            db.add_all([BlogPost(title="one"), Reader(name="ann")])
        assert client.get("/posts/1").text == "one"
        assert client.get("/posts/2").expect(404).json()["detail"] == "There is no such blog post."
        assert client.get("/readers/ann").json() == 1
        assert client.get("/readers/bob").expect(404).json()["detail"] == "There is no such reader."


def test_a_detail_of_ones_own() -> None:
    assert said(lambda: found(None, "No post of this name.")) == "No post of this name."


def test_what_names_no_model() -> None:
    nothing: dict[str, int] = {}
    assert said(lambda: found(nothing.get("x"))) == "There is nothing here."
    exec_globals = {"found": found}
    code = compile("def missing():\n    return found(None)\n", "<not a file>", "exec")
    exec(code, exec_globals)
    assert said(exec_globals["missing"]) == "There is nothing here."


def test_values_that_are_false_are_found() -> None:
    assert found(0) == 0
    assert found("") == ""
    assert found([]) == []
