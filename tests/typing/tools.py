"""Values, budgets and contracts for tests, as users write them."""

from __future__ import annotations

import dataclasses
from typing import TypedDict, assert_type

from pydantic import BaseModel

from wholestack import App
from wholestack.testing import Client, Contract, Coverage, Factory, Reached, Spent, budget, factory, make


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
