"""Values, budgets and contracts for tests, as users write them."""

from __future__ import annotations

import dataclasses
from typing import TypedDict, assert_type

from pydantic import BaseModel

from wholestack import App
from wholestack.auth import UserMixin
from wholestack.db import Database, UUIDModel
from wholestack.testing import (
    AsUser,
    AsyncClient,
    Client,
    Contract,
    Coverage,
    Factory,
    Reached,
    Spent,
    budget,
    factory,
    make,
    migrations_there_and_back,
)


class NewNote(BaseModel):
    text: str


@dataclasses.dataclass
class Point:
    x: int


class Size(TypedDict):
    width: int


app = App()

assert_type(make(NewNote, text="x"), NewNote)
assert_type(make(Point), Point)
assert_type(make(Size), Size)
notes = factory(NewNote, seed=1, full=True)
assert_type(notes, Factory[NewNote])
assert_type(notes(), NewNote)
assert_type(notes.many(3), list[NewNote])
number: int = make(Point)  # wrong
factory(NewNote, sed=1)  # wrong

with budget(calls=3, bytes=100) as spent, Client(app):
    assert_type(spent, Spent)
assert_type(spent.calls, int)
budget(call=3)  # wrong
with Reached() as reached:
    assert_type(reached.coverage(app), Coverage)
assert_type(Contract(app, examples=5).operations, tuple[str, ...])
Contract(app, interface="http")  # wrong
migrations_there_and_back(Database("sqlite://"), worker="gw1")
migrations_there_and_back(app)  # wrong


class Reader(UserMixin, UUIDModel):
    pass


def with_fixtures(as_user: AsUser[Client], async_as_user: AsUser[AsyncClient], reader: Reader) -> None:
    assert_type(as_user("editor", "critic", nickname="Zoë"), Client)
    assert_type(async_as_user(user=reader, permissions=["a"], methods=("pwd", "otp")), AsyncClient)
    as_user(user="Zoë")  # wrong
    as_user(Reader)  # wrong
