"""Actions of the admin, as users write them: a selection knows its model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_type

from pydantic import BaseModel
from sqlalchemy import Select

from wholestack.admin import AdminView, Selection, action
from wholestack.db import Mapped, Model, Session


class Bulletin(Model):
    is_public: Mapped[bool]


class Reason(BaseModel):
    text: str


class Bulletins(AdminView[Bulletin]):
    @action("Publish", permission="publish", confirm="Everybody can read them.", form=Reason)
    def publish(self, bulletins: Selection[Bulletin], db: Session, form: Reason) -> str:
        assert_type(bulletins.rows(), Iterator[Bulletin])
        assert_type(bulletins.select(), Select[tuple[Bulletin]])
        assert_type(bulletins.count, int)
        for bulletin in bulletins.rows():
            bulletin.is_public = True
        return form.text


def again(view: Bulletins, bulletins: Selection[Bulletin], db: Session) -> None:
    assert_type(view.publish(bulletins, db, Reason(text="x")), str)
