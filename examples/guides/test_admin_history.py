"""The code of docs/guides/admin-history.md, run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# [imports]
from sqlalchemy import ColumnElement

from wholestack import App
from wholestack.admin import Admin, AdminView, FieldRule, SoftDeletes
from wholestack.auth import TOTP, Auth, Identity, UserMixin, mfa, policy
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, mapped_column, select
from wholestack.testing import AsUser, Client, log_in

# [/imports]


# [models]
class Reeve(UserMixin, Model): ...


class Cottage(SoftDeletes, Model):
    name: Mapped[str]
    reeve_id: Mapped[int] = mapped_column(ForeignKey("reeve.id"))
    rent: Mapped[int] = mapped_column(default=0)


# [/models]


# [rows]
@policy
def is_their_cottage(reeve: Reeve, cottage: Cottage) -> bool:
    return cottage.reeve_id == reeve.id


@is_their_cottage.where
def _(reeve: Reeve) -> ColumnElement[bool]:
    return Cottage.reeve_id == reeve.id


class Cottages(AdminView[Cottage]):
    columns = ("name", "rent")
    search = ("name",)
    rows = is_their_cottage
    field_rules = {"rent": FieldRule(change="cottage.set_rent"), "reeve_id": FieldRule(view="cottage.see_reeves")}


# [/rows]
# [app]
app = App(docs=False)
admin = Admin(Cottages, Reeve, needs=mfa(), idle=30, keep=365)
admin.track(Cottage)
app.use(Database("sqlite://"), Auth(Reeve), TOTP(), admin)
# [/app]


# [api]
@app.post("/cottages/{id}/rent")
def set_rent(id: int, identity: Identity[Reeve], db: Session) -> int:
    cottage = db.get_one(Cottage, id)
    identity.required()
    cottage.rent += 10
    return cottage.rent


# [/api]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(app) as client:
        app.plugin(Database).create_tables()
        yield client


# [test]
def test_rows_and_fields_and_the_history(client: Client) -> None:
    as_user = AsUser(lambda: Client(app))
    browser = as_user(
        permissions=["cottage.view", "cottage.delete", "admin_change.view"], is_staff=True, email="w@x.org"
    )
    assert browser.get("/admin/cottage").status == 403  # By a password alone: `needs=mfa()`.
    with app.session() as db:
        reeve = db.scalars(select(Reeve).where(Reeve.email == "w@x.org")).one()
        db.add_all([Cottage(id=1, name="Lodge", reeve_id=reeve.id), Reeve(email="other@x.org")])
    log_in(browser, reeve, "pwd", "otp")
    assert "Lodge" in browser.get("/admin/cottage").text
    browser.post("/cottages/1/rent")
    history = browser.get("/admin/cottage/1/history").text
    assert "POST /cottages/1/rent" in history
    done = browser.post("/admin/cottage/1/delete", headers={"sec-fetch-site": "same-origin"})
    told = browser.get(done.headers["location"]).text
    assert ("Lodge is deleted." in told, "Undo" in told) == (True, True)
    assert "Lodge" not in browser.get("/admin/cottage").text
    assert "Lodge" in browser.get("/admin/cottage?deleted=1").text


# [/test]
