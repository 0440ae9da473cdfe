"""Cards and pages of the admin, as users write them: a decorator gives the function back as it was."""

from __future__ import annotations

from typing import Any, assert_type

from wholestack import Request
from wholestack.admin import Admin, Bars, Number, TableOf
from wholestack.auth import Identity, UserMixin, identity_of, permission
from wholestack.db import Session, UUIDModel
from wholestack.templates import Page


class Turnkey(UserMixin, UUIDModel): ...


admin = Admin(Turnkey, title="Inside", accent="#7a1f5c", needs=permission("office.enter"))


@admin.card("Turnkeys", wide=True, needs=permission("turnkey.view"))
def turnkeys(db: Session, most: int = 5) -> TableOf | None:
    return TableOf(["Name"], [["Ann"]]) if most else None


@admin.page("/rounds", title="Rounds", icon="R")
def rounds(db: Session) -> Page:
    return Page("rounds.html")


def again(db: Session, request: Request) -> None:
    assert_type(turnkeys(db, most=1), TableOf | None)
    assert_type(rounds(db), Page)
    assert_type(identity_of(request), Identity[Any] | None)
    Bars([("Mon", 3), ("Tue", 2.5)])
    Number("many", url="/admin/turnkey")
    Bars(["Mon"])  # type: ignore[list-item]
