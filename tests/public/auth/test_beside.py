"""What stands beside a session: somebody's token, a tenant's own rows, a user whom nobody may act as any more."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import ForeignKey, MetaData, event, func, insert, not_, or_, union_all, update
from sqlalchemy.orm import column_property, lazyload, selectinload, subqueryload

from auth.factors import Clock, set_up_totp
from auth.site import BROWSER, EMAIL, PASSWORD, Site
from wholestack import App, SetupError
from wholestack.auth import (
    TOTP,
    Auth,
    Impersonation,
    MagicLink,
    OfTenant,
    Scoped,
    Tenant,
    Tokens,
    UnscopedStatement,
    UserMixin,
    govern,
    permission,
    policy,
    role,
    scope_to,
    unscoped,
)
from wholestack.crud import crud
from wholestack.db import Database, Mapped, Model, Session, Table, mapped_column, relationship, select
from wholestack.testing import Client, log_in

OURS = {"sec-fetch-site": "same-origin"}


def test_a_token_beside_the_session_of_another_proves_nothing_for_it() -> None:
    """Whoever has the cookie of somebody, and an account of their own, is no nearer to what asks for a recent login."""
    clock = Clock()
    site = Site(clock=clock)
    with site.running(MagicLink(), Tokens(), TOTP()):
        site.make()
        site.make("thief@example.org")
        theirs = site.other()
        site.log_in("thief@example.org", client=theirs)
        token = theirs.post("/account/tokens", json={"name": "x"}, headers=OURS).json()["token"]
        site.log_in()
        clock.now += datetime.timedelta(hours=3)
        assert site.client.post("/account/tokens", json={"name": "y"}, headers=OURS).status == 403
        cookies = dict(site.client.cookies)
        site.send("/account/mail-login", site.client, email="thief@example.org")
        stolen = site.other()
        stolen.cookies.update(cookies)
        stolen.post(site.link(), data={}, headers={**BROWSER, "authorization": f"Bearer {token}"}, follow=False)
        # The session is the thief's own from here on; that of the other is as old as it was.
        assert EMAIL not in stolen.get("/account", headers=BROWSER).text
        again = site.other()
        again.cookies.update(cookies)
        assert again.post("/account/tokens", json={"name": "y"}, headers=OURS).status in {401, 403}


def test_nobody_goes_on_acting_as_a_user_who_may_do_everything_by_now() -> None:
    site = Site()

    @site.app.get("/me")
    def me(user: site.user) -> str:  # type: ignore[name-defined]
        return str(user.email)

    with site.running(Impersonation()):
        for held in ("a superuser", "*", "user.impersonate"):
            site.anew()
            user, helper = site.make(), site.make("help@example.org", is_staff=True)
            site.grant(helper, "helpers", "user.impersonate")
            log_in(site.client, helper)
            assert site.send(f"/account/impersonate/{user.key}").status == 303
            assert site.client.get("/me").text == EMAIL
            with site.app.session() as db:
                db.get_one(site.user, user.id).is_superuser = held == "a superuser"
            if held != "a superuser":
                site.grant(user, "new", held)
            assert site.client.get("/me").status == 401, held


def test_many_known_browsers_guess_no_more_than_a_few() -> None:
    """Whoever once knew the password has as many as they like; a new one is not theirs to guess."""
    site = Site(clock=Clock())
    with site.running():
        site.make()
        browsers = [site.other() for _ in range(20)]
        for browser in browsers:
            assert site.log_in(client=browser).status == 303
        site.send("/account/password", browsers[0], old=PASSWORD, new="a wholly new password").expect(303)
        guesses = [site.log_in(password="wrong guess", client=each).status for each in browsers[1:] for _ in range(3)]
        assert guesses.count(422) == 30 and set(guesses) == {422, 429}
        # Nor does it make the owner wait, from a browser of theirs that is new to the account.
        assert site.log_in(password="a wholly new password", client=site.other()).status == 303


def test_a_user_whose_key_has_a_blank_in_it_sets_up_codes() -> None:
    class Base(Table):
        __abstract__ = True
        metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)

    class Member(UserMixin, Base):
        id: Mapped[str] = mapped_column(primary_key=True)

    clock = Clock()
    site = Site(user=Member, clock=clock)
    with site.running(TOTP()):
        for key in ("zoe", "zoe smith", " "):
            site.anew()
            site.make(id=key)
            site.log_in()
            assert set_up_totp(site, clock)


def test_the_key_of_users_is_called_id() -> None:
    class Base(Table):
        __abstract__ = True
        metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)

    class Numbered(UserMixin, Base):
        number: Mapped[int] = mapped_column(primary_key=True)

    with pytest.raises(SetupError, match="the attribute `id`"):
        Auth(Numbered)


# -- tenants -----------------------------------------------------------------------------------------------------------


class BesideBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Person(UserMixin, Model, BesideBase):
    pass


class Bill(OfTenant, Model, BesideBase):
    tenant_id: Mapped[int] = mapped_column(default=None)
    lines: Mapped[list[BillLine]] = relationship(back_populates="bill")


class BillLine(OfTenant, Model, BesideBase):
    tenant_id: Mapped[int] = mapped_column(default=None)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id"))
    name: Mapped[str] = mapped_column(default="")
    bill: Mapped[Bill] = relationship(back_populates="lines")


BARE: Any = BillLine.__table__
BillLine.everybodys = column_property(  # type: ignore[attr-defined]  # past the model, as no column should be
    select(func.group_concat(BARE.c.name)).correlate(None).scalar_subquery()
)
SOME: Any = Bill.lines.and_(BillLine.name != "")
"""With a condition between the tenant's two."""
LOADS: dict[str, Callable[[Session], Any]] = {
    "by itself": lambda db: db.scalars(select(BillLine)).all(),
    "lazily": lambda db: [line for bill in db.scalars(select(Bill)) for line in bill.lines],
    "with it": lambda db: db.scalars(select(Bill).options(selectinload(Bill.lines))).all(),
    "beneath it": lambda db: db.scalars(select(Bill).options(subqueryload(Bill.lines))).all(),
    "with some of it": lambda db: db.scalars(select(Bill).options(selectinload(SOME))).all(),
    "beneath it, some": lambda db: db.scalars(select(Bill).options(subqueryload(SOME))).all(),
    "some of it, lazily": lambda db: [
        line for bill in db.scalars(select(Bill).options(lazyload(SOME))) for line in bill.lines
    ],
}


@pytest.mark.parametrize("way", LOADS)
def test_a_condition_that_a_loader_brings_along_lets_no_bare_table_through(way: str) -> None:
    app, database = App(docs=False), Database("sqlite://", models=BesideBase, migrations=None)
    app.use(database)
    with Client(app):
        database.create_tables()
        with app.session() as db:
            for tenant in (1, 2):
                db.add(Bill(tenant_id=tenant, lines=[BillLine(tenant_id=tenant, name=f"of {tenant}")]))
        with app.session() as db:
            scope_to(db, Tenant(1))
            with pytest.raises(UnscopedStatement, match="from all tenants"):
                LOADS[way](db)


class BesidePaper(OfTenant, Model, BesideBase):
    tenant_id: Mapped[int] = mapped_column(default=None)
    kind: Mapped[str] = mapped_column(default="paper")
    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "paper"}


class BesideNote(BesidePaper):
    id: Mapped[int] = mapped_column(ForeignKey("beside_paper.id"), primary_key=True)
    text: Mapped[str] = mapped_column(default="")
    __mapper_args__: ClassVar[Any] = {"polymorphic_identity": "note"}


NOTES: Any = BesideNote.__table__
PAPERS: Any = BesidePaper.__table__.alias("beside_paper")  # type: ignore[attr-defined]
THEIRS: dict[str, Callable[[], Any]] = {
    "beside the one above it": lambda: select(BesidePaper.id, NOTES.c.text),
    "in a query of its own": lambda: select(
        BesidePaper.id, Bill.id, select(func.group_concat(NOTES.c.text)).correlate(None).scalar_subquery()
    ).join(Bill, Bill.id == BesidePaper.id),
    "by the condition of another query": lambda: select(
        BesidePaper.id,
        select(BesidePaper.id + 1).correlate(BesidePaper).where(Bill.id == BesidePaper.id).scalar_subquery(),
        select(func.group_concat(PAPERS.c.id)).correlate(None).scalar_subquery(),
    ),
    "outside of the join": lambda: select(NOTES.c.text).outerjoin_from(
        NOTES, BesidePaper, NOTES.c.id == BesidePaper.id
    ),
    "by a condition that need not hold": lambda: select(NOTES.c.text, BesidePaper.kind).where(
        or_(NOTES.c.id == BesidePaper.id, NOTES.c.id > 0)
    ),
    "joined where one of two is enough": lambda: select(NOTES.c.text).join_from(
        NOTES, BesidePaper, or_(NOTES.c.id == BesidePaper.id, NOTES.c.id > 0)
    ),
    "where it is not so": lambda: select(NOTES.c.text, BesidePaper.kind).where(not_(NOTES.c.id == BesidePaper.id)),
    "by columns that are no keys": lambda: select(NOTES.c.text).join(BesidePaper, NOTES.c.text == BesidePaper.kind),
    "written": lambda: update(BesideNote).where(BesideNote.id > 0).values(text="gone"),
}


@pytest.fixture
def notes() -> Iterator[App]:
    """Two tenants, each with a note."""
    app, database = App(docs=False), Database("sqlite://", models=BesideBase, migrations=None)
    app.use(database)
    with Client(app):
        database.create_tables()
        with app.session() as db:
            db.add_all(BesideNote(tenant_id=tenant, text=f"of {tenant}") for tenant in (1, 2))
        yield app


@pytest.mark.parametrize("way", THEIRS)
@pytest.mark.filterwarnings("ignore:.*cartesian product")
def test_a_table_of_a_subclass_and_one_in_another_query_are_not_let_through(notes: App, way: str) -> None:
    with notes.session() as db:
        scope_to(db, Tenant(1))
        with pytest.raises(UnscopedStatement, match="from all tenants"):
            db.execute(THEIRS[way](), execution_options={"synchronize_session": False})


def test_rows_of_a_subclass_are_read_by_their_tenant(notes: App) -> None:
    """Beside each other, and each in a query of its own."""
    both = union_all(select(BesideNote.text), select(BesideNote.text).where(BesideNote.id.in_(select(BesidePaper.id))))
    with notes.session() as db:
        scope_to(db, Tenant(1))
        assert [each.text for each in db.scalars(select(BesideNote))] == ["of 1"]
        assert list(db.scalars(select(BesideNote.text).join(Bill, Bill.id == BesideNote.id, isouter=True))) == ["of 1"]
        assert list(db.scalars(both)) == ["of 1", "of 1"]


def test_rows_of_a_subclass_are_written_by_their_tenant(notes: App) -> None:
    """Joined to the table of the class above, as a statement of all rows must be."""
    with notes.session() as db:
        scope_to(db, Tenant(1))
        db.execute(
            update(BesideNote).where(BesideNote.id == BesidePaper.id).values(text="new"),
            execution_options={"synchronize_session": False},
        )
    with notes.session() as db, unscoped(db) as everything:
        assert sorted(everything.scalars(select(BesideNote.text))) == ["new", "of 2"]


def test_what_an_insert_gives_back_is_looked_at(notes: App) -> None:
    of_all = select(func.group_concat(BesideNote.text)).correlate(None).scalar_subquery()
    with notes.session() as db:
        scope_to(db, Tenant(1))
        with pytest.raises(UnscopedStatement, match="from all tenants"):
            db.execute(insert(Bill).returning(of_all), [{"tenant_id": 1}])


def test_a_flush_that_fails_before_it_has_begun_opens_nothing(notes: App) -> None:
    def refuse(*_: object) -> None:
        raise KeyError("not this one")

    with notes.session() as db:
        scope_to(db, Tenant(1))
        event.listen(db, "before_flush", refuse)
        db.add(Bill(tenant_id=1))
        with pytest.raises(KeyError, match="not this one"):
            db.flush()
        event.remove(db, "before_flush", refuse)
        db.expunge_all()
        with pytest.raises(UnscopedStatement, match="from all tenants"):
            db.execute(update(Bill.__table__).values(tenant_id=1))


def test_a_column_of_a_subclass_is_read_again_by_its_tenant(notes: App) -> None:
    """SQLAlchemy asks the subclass's own table alone for it, which does not say whose it is."""
    with notes.session() as db:
        scope_to(db, Tenant(1))
        note = db.scalars(select(BesideNote)).one()
        db.expire(note, ["text"])
        assert note.text == "of 1"
        with unscoped(db) as everything:
            everything.execute(update(BesidePaper).values(tenant_id=2))
        db.expire(note, ["text"])
        with pytest.raises(KeyError):  # SQLAlchemy's, of a column that was not found again.
            _ = note.text


@policy
def all_bills(user: Person, bill: Bill) -> bool:
    return True


@all_bills.where
def _(user: Person) -> Any:
    return Bill.id == Bill.id


def test_an_api_of_tenants_rows_that_a_policy_governs_asks_for_a_tenant() -> None:
    with pytest.raises(SetupError, match=r"session=Scoped\[Session\]"):
        govern(crud(Bill, "/bills"), view=all_bills)
    assert govern(crud(Bill, "/bills", session=Scoped[Session]), view=all_bills).session == Scoped[Session]


# -- policies outside of requests ----------------------------------------------------------------------------------------


class Pair(BesideBase):
    one: Mapped[int] = mapped_column(primary_key=True)
    two: Mapped[int] = mapped_column(primary_key=True)


@policy
def is_even(user: Person, pair: Pair) -> bool:
    return pair.two % 2 == 0


@is_even.where
def _(user: Person) -> Any:
    return Pair.one == 1


def test_policies_are_judged_by_whole_keys_and_by_users_whose_roles_are_known() -> None:
    site_app, database = App(docs=False), Database("sqlite://", models=BesideBase, migrations=None)
    site_app.use(database, Auth(Person))
    not_suspended = is_even & ~role("suspended")
    with Client(site_app):
        database.create_tables()
        with site_app.session() as db:
            person = Person(email=EMAIL)
            db.add_all([person, *(Pair(one=1, two=two) for two in (1, 2))])
            db.flush()
            with pytest.raises(AssertionError, match="in SQL"):
                is_even.check_agreement(db, [person], db.scalars(select(Pair)).all())
            assert not_suspended(person, Pair(one=1, two=2))
            db.expunge(person)
            with pytest.raises(LookupError, match="in none"):
                not_suspended(person, Pair(one=1, two=2))


class Thing(BesideBase):
    id: Mapped[int] = mapped_column(primary_key=True)


class PeopleBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Host(UserMixin, Model, PeopleBase):
    kind: Mapped[str] = mapped_column(default="host")
    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "host"}


class Guest(Host):
    id: Mapped[int] = mapped_column(ForeignKey("host.id"), primary_key=True)
    until: Mapped[str] = mapped_column(default="")
    __mapper_args__: ClassVar[Any] = {"polymorphic_identity": "guest"}


@policy
def sees(user: Host, thing: Thing) -> bool:
    return True


def test_users_of_a_subclass_have_their_roles() -> None:
    """In a task as in a request, by the tables beside the model that `Auth` was given."""
    clock = Clock()
    site = Site(user=Host, clock=clock)

    @site.app.get("/may", needs=permission("bills.read"))
    def read() -> str:
        return "in"

    with site.running(TOTP()):
        with site.app.session() as db:
            guest = Guest(email=EMAIL, password=site.auth.passwords.hash(PASSWORD))
            guest.email_confirmed_at = clock()
            db.add(guest)
        site.log_in()
        assert site.client.get("/may").status == 403
        site.grant(guest, "readers", "bills.read")
        assert site.client.get("/may").text == "in"
        assert set_up_totp(site, clock)
        with site.app.session() as db:
            found = db.get_one(Guest, guest.id)
            assert (sees & role("readers"))(found, Thing()) and not (sees & ~role("readers"))(found, Thing())
