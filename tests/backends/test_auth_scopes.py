"""A session of one tenant: every way out to another tenant's rows, on each database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    cast,
    delete,
    event,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy import Table as Core
from sqlalchemy import column as light_column
from sqlalchemy import table as light_table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import (
    aliased,
    column_property,
    joinedload,
    lazyload,
    make_transient_to_detached,
    relationship,
    selectinload,
    subqueryload,
    with_parent,
)
from sqlalchemy.sql import quoted_name

import databases
from wholestack.auth import (
    ForeignRow,
    NoTenant,
    OfTenant,
    Tenant,
    UnscopedStatement,
    disable_row_security,
    enable_row_security,
    scope_to,
    unscoped,
)
from wholestack.db import (
    Database,
    IntegrityError,
    Mapped,
    Session,
    Table,
    UniqueConstraint,
    insert_many,
    mapped_column,
    read_many,
    upsert,
)


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Customer(OfTenant, Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(20), default="")
    kind: Mapped[str] = mapped_column(String(20), default="plain")
    invoices: Mapped[list[Invoice]] = relationship(back_populates="customer")
    tags: Mapped[list[Sticker]] = relationship(secondary=lambda: tagged)
    invoiced: ClassVar[Any]
    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "plain"}


class Firm(Customer):
    """Joined to the table above it, where the tenant stands."""

    __tablename__ = "firm"
    id: Mapped[int] = mapped_column(ForeignKey(Customer.id), primary_key=True)
    number: Mapped[str] = mapped_column(String(20), default="")
    __mapper_args__: ClassVar[Any] = {"polymorphic_identity": "firm"}


class Invoice(OfTenant, Base):
    """Its column for the tenant has a name of its own, which is the name of a table as well."""

    __tablename__ = "invoice"
    __tenant__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int]
    invoice: Mapped[int] = mapped_column(default=0)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey(Customer.id), default=None)
    customer: Mapped[Customer | None] = relationship(back_populates="invoices")


class Sticker(OfTenant, Base):
    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    code: Mapped[int] = mapped_column(default=0)


class Remark(Base):
    """Of no tenant, and refers to a row of one."""

    __tablename__ = "remark"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey(Invoice.id))


class Counting(Base):
    """Of no tenant, with a column that is taken from a bare table."""

    __tablename__ = "counting"
    id: Mapped[int] = mapped_column(primary_key=True)
    all_invoices: ClassVar[Any]


tagged = Core(
    "tagged",
    Base.metadata,
    Column("customer_id", ForeignKey(Customer.id), primary_key=True),
    Column("tag_id", ForeignKey(Sticker.id), primary_key=True),
)
Customer.invoiced = column_property(
    select(func.count(Invoice.id)).where(Invoice.customer_id == Customer.id).correlate_except(Invoice).scalar_subquery()
)
Counting.all_invoices = column_property(
    select(func.count()).select_from(Core("INVOICE", MetaData(), Column("id", Integer))).scalar_subquery()
)
Other = aliased(Invoice)
PLAIN: Any = Invoice.__table__


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    """Tenant 1 has the customer 1 with the invoices 10 and 11, tenant 2 the customer 2 with 20, 21 and, in it, 99.

    The invoice 99 is tenant 2's and points to tenant 1's customer: what an import gone wrong has left.
    """
    made = Database(url, models=Base, migrations=None)
    made.create_tables()
    with made.session() as db:
        for key in (1, 2):
            invoices = [Invoice(id=key * 10 + each, owner=key, invoice=key * 100) for each in range(2)]
            db.add(
                Customer(
                    id=key, tenant_id=key, name=f"c{key}", invoices=invoices, tags=[Sticker(id=key, tenant_id=key)]
                )
            )
            db.add(Firm(id=key * 5, tenant_id=key, number=f"f{key}"))
        db.flush()
        db.execute(insert(Invoice).values(id=99, owner=2, invoice=7, customer_id=1))
        db.execute(insert(tagged).values(customer_id=1, tag_id=2))
    yield made
    made.dispose()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """A session of tenant 1, rolled back at the end, after which nothing of tenant 2 has changed."""
    asked = select(PLAIN).where(PLAIN.c.owner == 2).order_by(PLAIN.c.id)
    with database.session() as looks:
        before = looks.execute(asked).all()
    with database.session() as session:
        yield scope_to(session, Tenant(1))
        session.rollback()
    with database.session() as looks:
        assert looks.execute(asked).all() == before


def _ids(db: Session, statement: Any) -> list[int]:
    return sorted(row.id for row in db.scalars(statement).unique())


def _loaded(option: Any) -> Callable[[Session], Any]:
    return lambda db: [
        sorted(each.id for each in row.invoices)
        for row in db.scalars(select(Customer).where(Customer.id == 1).options(option(Customer.invoices))).unique()
    ]


def _expired(db: Session) -> Any:
    found = db.get(Customer, 1)
    assert found is not None
    db.expire(found)
    return found.name, found.invoiced


def _refreshed(db: Session) -> Any:
    found = db.get(Customer, 1)
    assert found is not None
    db.refresh(found)
    db.refresh(found, ["invoices", "tags"])
    return [each.id for each in found.invoices], [each.id for each in found.tags]


READS: dict[str, tuple[Callable[[Session], Any], Any]] = {
    "all": (lambda db: _ids(db, select(Invoice)), [10, 11]),
    "alias": (lambda db: _ids(db, select(Other)), [10, 11]),
    "columns": (lambda db: sorted(db.scalars(select(Invoice.id))), [10, 11]),
    "sum": (lambda db: int(db.scalar(select(func.sum(Invoice.invoice))) or 0), 200),
    "count": (lambda db: db.scalar(select(func.count()).select_from(Invoice)), 2),
    "query": (lambda db: db.query(Invoice).filter_by(invoice=7).count(), 0),
    "subquery": (lambda db: db.scalar(select(func.count()).select_from(select(Invoice).subquery())), 2),
    "alias of a subquery": (lambda db: _ids(db, select(aliased(Invoice, select(Invoice).subquery()))), [10, 11]),
    "scalar": (lambda db: int(db.scalar(select(select(func.sum(Other.invoice)).scalar_subquery())) or 0), 200),
    "in": (lambda db: _ids(db, select(Customer).where(Customer.id.in_(select(Other.owner)))), [1]),
    "exists": (lambda db: bool(db.scalar(select(exists().where(Invoice.invoice == 7)))), False),
    "any": (lambda db: _ids(db, select(Customer).where(Customer.invoices.any(Invoice.invoice == 7))), []),
    "has": (lambda db: _ids(db, select(Invoice).where(Invoice.customer.has())), [10, 11]),
    "where only": (lambda db: _ids(db, select(Customer).where(Invoice.customer_id == Customer.id)), [1]),
    "cte": (lambda db: db.scalar(select(func.count()).select_from(select(Invoice).cte())), 2),
    "union": (lambda db: sorted(db.scalars(select(Invoice.id).union(select(Other.id)))), [10, 11]),
    "join": (lambda db: sorted(db.scalars(select(Invoice.id).join(Customer.invoices))), [10, 11]),
    "outer join": (
        lambda db: sorted(
            db.scalars(select(Other.id).select_from(Customer).join(Other, Other.customer_id == Customer.id))
        ),
        [10, 11],
    ),
    "joined": (_loaded(joinedload), [[10, 11]]),
    "selectin": (_loaded(selectinload), [[10, 11]]),
    "by subquery": (_loaded(subqueryload), [[10, 11]]),
    "lazy": (_loaded(lazyload), [[10, 11]]),
    "with parent": (
        lambda db: _ids(db, select(Invoice).where(with_parent(db.get_one(Customer, 1), Customer.invoices))),
        [10, 11],
    ),
    "expired": (_expired, ("c1", 2)),
    "refreshed": (_refreshed, ([10, 11], [1])),
    "get": (lambda db: (db.get(Invoice, 99), db.get(Customer, 2), db.get_one(Invoice, 10).id), (None, None, 10)),
    "inherited": (lambda db: [each.number for each in db.scalars(select(Firm))], ["f1"]),
    "columns of the table below": (lambda db: db.scalars(select(Firm.number)).all(), ["f1"]),
    "streamed": (lambda db: sorted(read_many(db, select(Invoice.id))), [10, 11]),
    "nothing of it": (lambda db: db.scalar(select(func.count()).select_from(Remark)), 0),
    "text as a value": (lambda db: db.scalar(select(literal_column("1"))), 1),
}


@pytest.mark.parametrize("name", READS)
def test_what_is_read_is_the_tenant_s(db: Session, name: str) -> None:
    read, expected = READS[name]
    assert read(db) == expected


def _added(row: Any) -> Callable[[Session], None]:
    def add(db: Session) -> None:
        db.add(row())
        db.flush()

    return add


def _moved(db: Session) -> None:
    db.get_one(Invoice, 10).owner = 2
    db.flush()


def _pointed(db: Session) -> None:
    db.get_one(Invoice, 10).customer_id = 2
    db.flush()


def _smuggled(**fields: Any) -> Callable[[Session], None]:
    """A row that was never loaded, made to look as if it had been."""

    def smuggle(db: Session) -> None:
        row = Invoice(id=99, **fields)
        make_transient_to_detached(row)
        db.add(row)
        row.invoice = 0
        db.flush()

    return smuggle


def _merged(db: Session) -> None:
    row = Invoice(id=99, owner=1)
    make_transient_to_detached(row)
    db.merge(row, load=False).invoice = 0
    db.flush()


def _deleted(db: Session) -> None:
    with unscoped(db) as everything:
        row = everything.get_one(Invoice, 99)
        everything.expunge(row)
    db.delete(row)
    db.flush()


def _strange(name: str, **options: Any) -> Any:
    """The table of invoices, written down anew: as SQLite and PostgreSQL find it, not as its model has it."""
    return Core(name, MetaData(), Column("id", Integer), Column("owner", Integer), **options)


def _by_schema(wrapped: Callable[[Any], Any] = select) -> Callable[[Session], Any]:
    """A statement on the table by the schema in which it is found without one."""

    def run(db: Session) -> Any:
        schema = db.connection().dialect.default_schema_name
        return db.execute(wrapped(_strange("invoice", schema=schema))).all()

    return run


def _run(statement: Any, *rows: Any) -> Callable[[Session], Any]:
    return lambda db: db.execute(statement, *rows)


REFUSED: dict[str, tuple[Callable[[Session], Any], type[Exception]]] = {
    # What is another tenant's.
    "add": (_added(lambda: Invoice(id=300, owner=2)), ForeignRow),
    "add with a foreign key": (_added(lambda: Invoice(id=300, customer_id=2)), ForeignRow),
    "add with a key of nothing": (_added(lambda: Invoice(id=300, customer_id=2222)), ForeignRow),
    "add of no tenant": (_added(lambda: Remark(id=1, invoice_id=99)), ForeignRow),
    "move": (_moved, ForeignRow),
    "point": (_pointed, ForeignRow),
    "detached": (_smuggled(), ForeignRow),
    "detached as one's own": (_smuggled(owner=1), ForeignRow),
    "merge without loading": (_merged, ForeignRow),
    "merge": (lambda db: (db.merge(Invoice(id=99, invoice=0)), db.flush()), IntegrityError),
    "delete": (_deleted, ForeignRow),
    "update of the tenant": (_run(update(Invoice).values(owner=2)), ForeignRow),
    "update of the tenant by a row": (_run(update(Invoice).where(Invoice.id == 10), {"owner": 2}), ForeignRow),
    "update of a reference": (_run(update(Invoice).values(customer_id=2)), ForeignRow),
    "insert": (_run(insert(Invoice), [{"id": 300, "owner": 2}]), ForeignRow),
    "insert of values": (_run(insert(Invoice).values(id=300, owner=2)), ForeignRow),
    "insert of a reference": (_run(insert(Invoice), [{"id": 300, "customer_id": 2}]), ForeignRow),
    "insert of no tenant": (_run(insert(Remark), [{"id": 1, "invoice_id": 99}]), ForeignRow),
    # What cannot be looked through, or is not filtered.
    "update by an expression": (_run(update(Invoice).values(owner=Invoice.owner + 1)), UnscopedStatement),
    "update by keys": (_run(update(Invoice), [{"id": 99, "invoice": 0}]), UnscopedStatement),
    "update from others": (
        _run(update(Invoice).where(Invoice.customer_id == Customer.id, Customer.name == "c2").values(invoice=0)),
        UnscopedStatement,
    ),
    "insert of several values": (_run(insert(Invoice).values([{"id": 300, "owner": 1}])), UnscopedStatement),
    "insert of a select": (
        _run(insert(Invoice).from_select(["owner", "invoice"], select(literal(2), Invoice.invoice))),
        UnscopedStatement,
    ),
    "insert into the table": (_run(insert(PLAIN), [{"id": 300, "owner": 1}]), UnscopedStatement),
    "upsert": (lambda db: upsert(db, Invoice, [{"id": 99, "invoice": 0}], on=["id"]), UnscopedStatement),
    "upsert that moves": (
        lambda db: upsert(db, Invoice, [{"id": 9, "owner": 1}], on=["id"], update=["owner"]),
        UnscopedStatement,
    ),
    "bulk insert": (lambda db: db.bulk_insert_mappings(Invoice, [{"id": 300, "owner": 2}]), UnscopedStatement),
    "bulk save": (lambda db: db.bulk_save_objects([Invoice(id=300, owner=2)]), UnscopedStatement),
    "bulk update": (lambda db: db.bulk_update_mappings(Invoice, [{"id": 99, "invoice": 0}]), UnscopedStatement),
    "text": (_run(text("SELECT * FROM invoice")), UnscopedStatement),
    "text in a condition": (_run(select(Invoice.id).where(text("1 = 1 OR 1 = 1"))), UnscopedStatement),
    "literal in a condition": (_run(select(Invoice.id).where(literal_column("1 = 1 OR 1 = 1"))), UnscopedStatement),
    "rows from text": (_run(select(Invoice).from_statement(text("SELECT * FROM invoice"))), UnscopedStatement),
    "rows from the table": (_run(select(Invoice).from_statement(select(PLAIN))), UnscopedStatement),
    "the table": (_run(select(PLAIN)), UnscopedStatement),
    "the table of another": (_run(select(PLAIN).where(PLAIN.c.owner == 2)), UnscopedStatement),
    "the table's alias": (_run(select(PLAIN.alias("x").c.id)), UnscopedStatement),
    "the table by its schema": (_by_schema(), UnscopedStatement),
    "the table by its schema, in an alias": (
        _by_schema(lambda table: select(table.alias("x").c.id)),
        UnscopedStatement,
    ),
    "the table by its schema, in a CTE": (
        _by_schema(lambda table: select(select(table).cte().c.id)),
        UnscopedStatement,
    ),
    "the table by its schema, in a condition": (
        _by_schema(lambda table: select(Remark.id).where(table.c.id == Remark.invoice_id)),
        UnscopedStatement,
    ),
    "the table by its schema, joined": (
        _by_schema(lambda table: select(Invoice.id).join(table, table.c.id != Invoice.id)),
        UnscopedStatement,
    ),
    "the table by a name with its schema": (
        _run(select(_strange(quoted_name("main.invoice", quote=False)))),
        UnscopedStatement,
    ),
    "update from the table in capitals": (
        _run(update(Remark).where(Remark.invoice_id == _strange("INVOICE").c.id).values(invoice_id=10)),
        UnscopedStatement,
    ),
    "the table in capitals": (_run(select(_strange("Invoice"))), UnscopedStatement),
    "the table in capitals that are quoted": (_run(select(_strange("Invoice", quote=True))), UnscopedStatement),
    "the table in capitals, lightly": (
        _run(select(light_column("id")).select_from(light_table("INVOICE"))),
        UnscopedStatement,
    ),
    "the table in capitals, of a model": (_run(select(Counting)), UnscopedStatement),
    "the table joined": (_run(select(Customer.id).join(PLAIN, PLAIN.c.customer_id == Customer.id)), UnscopedStatement),
    "the table below": (_run(select(Core("firm", MetaData(), Column("number", String))).limit(1)), UnscopedStatement),
    "text on the connection": (lambda db: db.connection().exec_driver_sql("SELECT * FROM invoice"), UnscopedStatement),
    "the table on the connection": (lambda db: db.connection().execute(select(PLAIN)), UnscopedStatement),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_leads_out_is_refused(db: Session, name: str) -> None:
    attempt, error = REFUSED[name]
    with pytest.raises(error):
        attempt(db)


def test_what_is_written_is_the_tenant_s(db: Session) -> None:
    assert db.execute(update(Invoice).values(invoice=1)).rowcount == 2  # type: ignore[attr-defined]
    fetched = db.execute(update(Invoice).values(invoice=2), execution_options={"synchronize_session": "fetch"})
    assert fetched.rowcount == 2  # type: ignore[attr-defined]
    named = cast(select(func.max(Invoice.id)).scalar_subquery(), String(20))
    assert db.execute(update(Customer).where(Customer.id < 5).values(name=named)).rowcount == 1  # type: ignore[attr-defined]
    assert db.scalar(select(Customer.name).where(Customer.id == 1)) == "11"
    assert db.execute(delete(Invoice).where(Invoice.id > 10)).rowcount == 1  # type: ignore[attr-defined]
    db.execute(insert(Invoice), [{"id": 30, "customer_id": 1}, {"id": 31}])
    db.execute(insert(Invoice), {"id": 32})
    db.execute(insert(Invoice).values(id=33))
    insert_many(db, Invoice, [{"id": 34}])
    db.add_all([Invoice(id=35, customer_id=1), Customer(id=7), Invoice(id=36, customer_id=7)])
    with db.begin_nested():
        db.add(Invoice(id=37, customer=db.get(Customer, 1)))
    db.execute(insert(Remark), [{"id": 1, "invoice_id": 37}])
    db.execute(update(Remark).values(invoice_id=36))
    there = {30, 31, 32, 33, 34, 35, 36, 37}
    assert there <= {each.id for each in db.scalars(select(Invoice))}
    with unscoped(db) as everything:
        assert set(everything.scalars(select(Invoice.owner).where(Invoice.id.in_(there)))) == {1}


def test_upserts_within_the_tenant(db: Session, kind: str) -> None:
    """`on=` names the tenant. MariaDB asks each unique key there is, so it is refused there."""
    if kind == "mariadb":
        with pytest.raises(UnscopedStatement):
            upsert(db, Sticker, [{"code": 0}], on=["tenant_id", "code"])
        return
    for key in (8, 9):
        upsert(db, Sticker, [{"id": key, "code": 8}], on=["tenant_id", "code"], update=["id"])
    assert sorted(db.scalars(select(Sticker.id))) == [1, 9]
    native: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[kind]
    meets = {"index_elements": ["tenant_id", "code"]}
    with pytest.raises(UnscopedStatement):  # It would give our row to another tenant.
        db.execute(native(Sticker).on_conflict_do_update(**meets, set_={"tenant_id": 2}), [{"id": 7, "code": 8}])
    db.execute(native(Sticker).on_conflict_do_update(**meets, set_={"id": 7}), [{"id": 7, "code": 8}])
    assert sorted(db.scalars(select(Sticker.id))) == [1, 7]


def test_all_rows_by_name(db: Session) -> None:
    with unscoped(db) as everything:
        assert int(everything.scalar(text("SELECT count(*) FROM invoice")) or 0) == 5
        everything.get_one(Invoice, 99).invoice = 8
    assert db.get(Invoice, 99) is None
    with unscoped(db) as everything:
        assert everything.get_one(Invoice, 99).invoice == 8
    with pytest.raises(UnscopedStatement):
        db.execute(text("SELECT 1"))


def test_rows_that_were_there_before(database: Database) -> None:
    with database.session() as db:
        mine, foreign = db.get_one(Customer, 1), db.get_one(Customer, 2)
        scope_to(db, Tenant(1))
        assert db.get(Customer, 1) is mine and db.get(Customer, 2) is None and foreign not in db
        assert [each.id for each in mine.invoices] == [10, 11]
        assert scope_to(db, Tenant(1)) is db
        with pytest.raises(NoTenant):
            scope_to(db, Tenant(2))


@pytest.mark.parametrize("key", [None, "", "*"])
def test_nobody_s_rows(database: Database, key: Any) -> None:
    with database.session() as db, pytest.raises(NoTenant):
        scope_to(db, Tenant(key))


def test_a_list_of_a_tenant_loads_at_once(db: Session) -> None:
    """A lazy load on one row loads for its peers, as in any session."""
    seen: list[str] = []
    db.add(Customer(id=7, invoices=[Invoice(id=70)]))
    db.flush()
    db.expunge_all()
    plain = select(Customer).where(Customer.kind == "plain").order_by(Customer.id)
    event.listen(db.connection(), "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    found = [sorted(each.id for each in row.invoices) for row in db.scalars(plain)]
    assert found == [[10, 11], [70]]
    assert len(seen) == 2


# -- row-level security of PostgreSQL ------------------------------------------------------------------------------------


class Operations:
    """Alembic's operations, as far as a migration of ours needs them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def get_bind(self) -> Any:
        return self._connection

    def execute(self, sql: str) -> None:
        self._connection.execute(text(sql))


@pytest.fixture(scope="module")
def secured(database: Database, kind: str, url: str) -> Iterator[Database]:
    """The same tables behind row-level security, for a role that it holds for."""
    role = "wholestack_tenants"
    with database.engine.begin() as connection:
        enable_row_security("invoice", "owner", operations=Operations(connection))
        enable_row_security("customer", operations=Operations(connection))
    if kind != "postgresql":
        yield database
        return
    databases.ask("postgresql", f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} LOGIN")
    with database.engine.begin() as connection:
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"))
    made = Database(url.replace("postgres@", f"{role}@"), models=Base, migrations=None)
    yield made
    made.dispose()
    with database.engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        for table in ("invoice", "customer"):
            disable_row_security(table, operations=Operations(connection))
    databases.ask("postgresql", f"DROP ROLE {role}")


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("mode", ["write", "lazy", "read", "look"])
def test_the_database_holds_it_by_itself(secured: Database, monkeypatch: pytest.MonkeyPatch, mode: Any) -> None:
    """Our own filter is switched off here: what is left is PostgreSQL's."""
    from wholestack.auth import _scopes

    everything: Any = select(func.array_agg(PLAIN.c.id))
    with secured.units.opened(mode) as db:
        assert db.scalar(everything) is None  # Nobody was named, and nothing is there.
    monkeypatch.setattr(_scopes, "_executed", lambda state: None)
    monkeypatch.setattr(_scopes, "wall", lambda scope: lambda *arguments: None)
    monkeypatch.setattr(_scopes, "flushed", lambda session, scope: None)
    with secured.units.opened(mode) as db:
        scope_to(db, Tenant(1), row_security=True)
        assert sorted(db.scalar(everything) or ()) == [10, 11]
        assert sorted(db.scalars(text("SELECT id FROM invoice"))) == [10, 11]
        if mode == "write":
            for statement in ("UPDATE invoice SET owner = 2", "INSERT INTO invoice VALUES (300, 2, 0)"):
                with pytest.raises(Exception, match="row-level security"), db.begin_nested():
                    db.execute(text(statement))
            assert db.execute(text("DELETE FROM invoice WHERE id = 99")).rowcount == 0  # type: ignore[attr-defined]
        with unscoped(db) as all_rows:
            assert len(all_rows.scalar(everything) or ()) == 5
        assert sorted(db.scalar(everything) or ()) == [10, 11]
        db.rollback()
        # What was said ends with its transaction, and is said in the next one.
        assert sorted(db.scalar(everything) or ()) == [10, 11]
        db.rollback()
    with secured.units.opened(mode) as db:
        assert db.scalar(everything) is None
    with secured.units.opened(mode) as db:
        scope_to(db, Tenant(1), row_security=True)
        assert sorted(db.scalar(everything) or ()) == [10, 11]
        db.commit()
    with secured.units.opened(mode) as db:  # It ends with a commit as well: the connection is another's now.
        assert db.scalar(everything) is None


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_both_walls_at_once(secured: Database) -> None:
    with secured.session() as db:
        scope_to(db, Tenant(1), row_security=True)
        db.add(Invoice(id=300, customer_id=1))
        db.flush()
        assert _ids(db, select(Invoice)) == [10, 11, 300]
        with pytest.raises(UnscopedStatement):
            db.execute(select(PLAIN))
        with pytest.raises(ZeroDivisionError), unscoped(db) as everything:
            with pytest.raises(Exception, match="no_such_table"):
                everything.execute(text("SELECT * FROM no_such_table"))
            raise ZeroDivisionError
        db.rollback()


def test_other_databases_have_no_rows_of_their_own(secured: Database) -> None:
    with secured.session() as db:
        scope_to(db, Tenant(1), row_security=True)
        assert _ids(db, select(Invoice)) == [10, 11]
