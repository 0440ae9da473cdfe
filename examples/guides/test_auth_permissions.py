"""The code of docs/guides/auth-permissions.md, run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

# [imports]
from sqlalchemy import ColumnElement

from wholestack import App
from wholestack.auth import (
    Auth,
    Identity,
    OfTenant,
    Scoped,
    Tenant,
    Tenants,
    UserMixin,
    govern,
    logged_in,
    permission,
    policy,
    public,
    scope_to,
    unscoped,
)
from wholestack.crud import crud
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, UUIDModel, func, mapped_column, select
from wholestack.mail import Mailing
from wholestack.testing import Client, Intruder, World, log_in

# [/imports]


# [models]
class Bureau(Model):
    name: Mapped[str]


class Scribe(UserMixin, UUIDModel):
    bureau_id: Mapped[int] = mapped_column(ForeignKey(Bureau.id))


class Scroll(Model):
    text: Mapped[str]
    is_public: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Scribe.id))


# [/models]
# [policy]
@policy
def can_see(scribe: Scribe | None, scroll: Scroll) -> bool:
    return scroll.is_public or (scribe is not None and scroll.author_id == scribe.id)


@can_see.where
def _(scribe: Scribe | None) -> ColumnElement[bool]:
    return Scroll.is_public | (Scroll.author_id == (scribe.id if scribe else None))


@policy(view=can_see)
def wrote(scribe: Scribe, scroll: Scroll) -> bool:
    return scroll.author_id == scribe.id


@wrote.where
def _(scribe: Scribe) -> ColumnElement[bool]:
    return Scroll.author_id == scribe.id


can_edit = wrote | permission("scrolls.edit")
# [/policy]

database = Database("sqlite://", migrations=None)
app = App(title="Scrolls", docs=False)
app.use(database, Mailing("office@example.org", "memory:", base_url="https://office.example"), Auth(Scribe), Tenants())


# [use]
@app.get("/scrolls")
def scrolls(identity: Identity[Scribe], db: Session) -> list[str]:
    return list(db.scalars(select(Scroll.text).where(can_see.sql(identity))))


@app.get("/scrolls/{id}", needs=can_see)
def read_scroll(scroll: Scroll) -> str:
    return scroll.text


@app.put("/scrolls/{scroll_id}/text", needs=can_edit.on("scroll_id"))
def write_scroll(scroll: Scroll, text: str) -> None:
    scroll.text = text


# [/use]
# [crud]
app.include(govern(crud(Scroll, "/api/scrolls", without=("author_id",)), view=can_see, change=can_edit, delete=wrote))
# [/crud]


# [scoped]
class Fee(OfTenant, Model):
    __tenant__ = "bureau_id"
    bureau_id: Mapped[int] = mapped_column(ForeignKey(Bureau.id), index=True)
    cents: Mapped[int]


@app.provide
def tenant(scribe: Scribe) -> Tenant:
    return Tenant(scribe.bureau_id)


@app.get("/fees")
def fees(db: Scoped[Session]) -> list[int]:
    return list(db.scalars(select(Fee.cents)))


@app.post("/fees")
async def add_fee(cents: int, db: Scoped[Session]) -> None:
    db.add(Fee(cents=cents))  # type: ignore[call-arg]  # Whose it is, the session knows.


@app.get("/turnover", needs=permission("turnover.read"))
def turnover(db: Session) -> int:
    with unscoped(db) as everything:
        return everything.scalar(select(func.sum(Fee.cents))) or 0


# [/scoped]
# [public]
@app.get("/about", needs=public)
def about() -> str:
    return "Scrolls since 1871"


@app.get("/desk", needs=logged_in)
def desk() -> str:
    return "yours"


# [/public]


@pytest.fixture
def clients() -> Iterator[dict[str, Client]]:
    with Client(app) as client:
        database.create_tables()
        with app.session() as db:
            bureaus = [Bureau(name="a"), Bureau(name="b")]
            db.add_all(bureaus)
            db.flush()
            ann, bob = (
                Scribe(email=f"{name}@example.org", bureau_id=bureau.id)
                for name, bureau in zip(("ann", "bob"), bureaus, strict=True)
            )
            db.add_all([ann, bob])
            db.flush()
            db.add_all([Scroll(text="Dear", author_id=ann.id), Scroll(text="All", author_id=ann.id, is_public=True)])
        found = {"ann": Client(app), "bob": Client(app), "nobody": client}
        log_in(found["ann"], ann)
        log_in(found["bob"], bob)
        yield found


def test_policies(clients: dict[str, Client]) -> None:
    seen = {name: sorted(client.get("/scrolls").json()) for name, client in clients.items()}
    assert seen == {"ann": ["All", "Dear"], "bob": ["All"], "nobody": ["All"]}
    assert [client.get("/scrolls/1").status for client in clients.values()] == [200, 404, 404]
    assert [client.put("/scrolls/2/text?text=x").status for client in clients.values()] == [204, 403, 401]
    assert [client.delete("/api/scrolls/2").status for client in clients.values()] == [204, 404, 401]


# [agree]
def test_both_forms_agree(clients: dict[str, Client]) -> None:
    with app.session() as db:
        scribes = db.scalars(select(Scribe)).all()
        can_edit.check_agreement(db, [*scribes, None], db.scalars(select(Scroll)).all())


# [/agree]
def test_tenants(clients: dict[str, Client]) -> None:
    for cents, client in ((100, clients["ann"]), (7, clients["bob"])):
        client.post(f"/fees?cents={cents}").expect(204)
    assert [clients[name].get("/fees").json() for name in ("ann", "bob")] == [[100], [7]]
    assert clients["nobody"].get("/fees").status == 401
    assert clients["ann"].get("/turnover").status == 403
    # [task]
    with app.session() as db:
        scope_to(db, Tenant(2))
        mine = db.scalars(select(Fee.cents)).all()
    # [/task]
    assert mine == [7]
    assert clients["nobody"].get("/about").status == 200 and clients["nobody"].get("/desk").status == 401


# [intruder]
def ours(db: Session) -> World:
    ann, bob = (
        db.scalars(select(Scribe).where(Scribe.email == f"{name}@example.org")).one() for name in ("ann", "bob")
    )
    fee = Fee(bureau_id=ann.bureau_id, cents=1871)
    db.add(fee)
    db.flush()
    return World(ann, bob, (ann, fee, *db.scalars(select(Scroll).where(wrote.sql(ann), ~Scroll.is_public))))


def test_nobody_comes_to_somebody_else_s_rows(clients: dict[str, Client]) -> None:
    found = Intruder(app, world=ours).run()
    assert found.holes == ()


# [/intruder]
