"""Tenants in an app: who they are, and that whoever asks for the session of one gets it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pytest
from sqlalchemy import MetaData, select, text
from sqlalchemy.orm import Session as AlchemySession

from auth.site import Base, Site, User, each_once
from wholestack import App, Request, Stream
from wholestack.auth import Identity, OfTenant, Scoped, Tenant, Tenants, UnscopedStatement, UserMixin, policy
from wholestack.crud import crud
from wholestack.db import AsyncSession, Database, ForeignKey, Mapped, Model, Session, Table, mapped_column
from wholestack.realtime import Socket
from wholestack.testing import Client, log_in


class Parcel(OfTenant, Base):
    __tablename__ = "parcel"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str] = mapped_column(default="")


@policy
def can_open(user: User, parcel: Parcel) -> bool:
    return True


@pytest.fixture(scope="module")
def sites() -> Iterator[Callable[[str], Site]]:
    """The site of an interface, with the handlers of all tests; it is sealed once."""

    def site(interface: str) -> AbstractContextManager[Site]:
        made = Site(interface)
        made.app.provide(by_user)
        in_either_colour(made.app)
        streamed(made.app)
        whole = crud(Parcel, "/whole", session=Scoped[Session], without=("tenant_id",), orders=("id",))
        made.app.include(whole)
        return made.running(Tenants())

    with each_once(site) as sites:
        yield sites


@pytest.fixture
def interface(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "asgi"))


@pytest.fixture
def site(sites: Callable[[str], Site], interface: str) -> Site:
    return sites(interface).anew()


def in_either_colour(app: App) -> None:
    """The same handlers in either colour, below its name."""

    def parcels(db: Scoped[Session]) -> list[int]:
        return sorted(db.scalars(select(Parcel.id)))

    def same(db: Scoped[Session], plain: Session, other: AlchemySession) -> bool:
        return db is plain is other and len(plain.scalars(select(Parcel)).all()) < 3

    def add(db: Scoped[Session]) -> str:
        db.add(Parcel(id=4))
        db.flush()
        return db.get_one(Parcel, 4).tenant_id

    def take(db: Scoped[Session]) -> None:
        db.execute(text("DELETE FROM parcel"))

    for name, colour in (("def", lambda handler: handler), ("async", asynchronous)):
        app.get(f"/{name}/parcels")(colour(parcels))
        app.get(f"/{name}/same")(colour(same))
        app.post(f"/{name}/parcels")(colour(add))
        app.delete(f"/{name}/parcels")(colour(take))
        app.get(f"/{name}/opened/{{id}}", needs=can_open)(colour(parcels))


def asynchronous(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler


def streamed(app: App) -> None:
    """With awaits, in a stream, and through a socket."""

    @app.get("/awaited")
    async def parcels(db: Scoped[AsyncSession]) -> list[int]:
        return sorted(await db.scalars(select(Parcel.id)))

    @app.get("/stream")
    async def stream(db: Scoped[Session]) -> Stream:
        async def chunks() -> AsyncIterator[bytes]:
            for each in (1, 2):
                await asyncio.sleep(0)
                yield f"{each}{sorted(db.scalars(select(Parcel.id)))}".encode()

        return Stream(chunks(), media_type="text/plain")

    @app.socket("/socket")
    async def talk(socket: Socket[int, list[int]], db: Scoped[Session]) -> None:
        async for key in socket:
            db.add(Parcel(id=key))
            db.flush()
            await socket.send(sorted(db.scalars(select(Parcel.id))))


def fill(site: Site) -> dict[str, Client]:
    """Parcels 1 and 2 of Zoe's, 3 of Bob's; both logged in, and nobody."""
    zoe, bob = site.make(), site.make("bob@example.org")
    with site.app.session() as db:
        db.add_all([Parcel(id=key, tenant_id=who.key) for key, who in ((1, zoe), (2, zoe), (3, bob))])
    clients = {"zoe": site.other(), "bob": site.other(), "nobody": site.other()}
    log_in(clients["zoe"], zoe)
    log_in(clients["bob"], bob)
    return clients


def by_user(user: User) -> Tenant:
    return Tenant(user.key)


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"], indirect=True)
@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_session_is_the_tenant_s(site: Site, colour: str) -> None:
    clients = fill(site)
    found = {name: client.get(f"/{colour}/parcels") for name, client in clients.items()}
    assert {name: each.status for name, each in found.items()} == {"zoe": 200, "bob": 200, "nobody": 401}
    assert found["zoe"].json() == [1, 2] and found["bob"].json() == [3]
    assert clients["bob"].get(f"/{colour}/same").json() is True
    assert {name: each.get(f"/{colour}/opened/3").status for name, each in clients.items()} == {
        "zoe": 404,  # The policy lets everybody pass, and there is no such row of theirs.
        "bob": 200,
        "nobody": 401,
    }
    assert clients["bob"].post(f"/{colour}/parcels").text == site.find("bob@example.org").key
    assert [clients[name].get(f"/{colour}/parcels").json() for name in ("bob", "zoe")] == [[3, 4], [1, 2]]
    with pytest.raises(UnscopedStatement):
        clients["bob"].delete(f"/{colour}/parcels")
    assert clients["zoe"].get(f"/{colour}/parcels").json() == [1, 2]


def test_with_awaits(site: Site) -> None:
    clients = fill(site)
    assert [clients[name].get("/awaited").json() for name in ("zoe", "bob")] == [[1, 2], [3]]


def test_streams_and_sockets(site: Site) -> None:
    clients = fill(site)
    assert clients["bob"].get("/stream").text == "1[3]2[3]"
    with clients["bob"].socket("/socket") as socket:
        for key, there in ((8, [3, 8]), (9, [3, 8, 9])):
            socket.send(key)
            assert socket.receive() == there
    assert clients["zoe"].get("/stream").text == "1[1, 2]2[1, 2]"


def test_crud_of_a_tenant(site: Site) -> None:
    clients = fill(site)
    bob = clients["bob"]
    assert [each["id"] for each in bob.get("/whole").json()["items"]] == [3]
    assert [bob.request(method, "/whole/1", json={"name": "x"}).status for method in ("GET", "PATCH", "PUT")] == [
        404
    ] * 3
    assert bob.delete("/whole/1").status == 404
    assert bob.post("/whole", json={"name": "new", "tenant_id": "zoe"}).status == 201
    assert [each["id"] for each in bob.get("/whole").json()["items"]] == [3, 4]
    assert clients["nobody"].get("/whole").status == 401


def test_nobody_s_tenant_is_refused() -> None:
    app = App(docs=False)
    database = Database("sqlite://", models=Base, migrations=None)
    app.use(database, Tenants())

    @app.provide
    def tenant(request: Request) -> Tenant:
        return Tenant(request.headers.get("x-firm"))

    @app.get("/parcels")
    def parcels(db: Scoped[Session]) -> list[int]:
        return list(db.scalars(select(Parcel.id)))

    with Client(app) as client:
        database.create_tables()
        answer = client.get("/parcels")
        assert (answer.status, answer.json()["code"]) == (403, "no-tenant")
        assert client.get("/parcels", headers={"x-firm": "a"}).json() == []
    assert repr(Tenants()) == "<Tenants>" and repr(Tenant(1)) == "Tenant(1)"


def test_a_second_database() -> None:
    app = App(docs=False)
    Second: Any = type("Second", (), {})
    database = Database("sqlite://", models=Base, migrations=None, session=Second)
    app.use(database, Tenants(session=Second))

    @app.provide
    def tenant() -> Tenant:
        return Tenant("a")

    def parcels(db: Any) -> str:
        db.add(Parcel(id=1))
        db.flush()
        return str(db.get_one(Parcel, 1).tenant_id)

    kind: Any = Scoped
    parcels.__annotations__["db"] = kind[Second]
    app.post("/parcels")(parcels)
    with Client(app) as client:
        database.create_tables()
        assert client.post("/parcels").text == "a"


# -- check -----------------------------------------------------------------------------------------------------------


class OtherBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


def test_models_beside_those_of_tenants_are_told() -> None:
    class Member(OfTenant, UserMixin, Model, OtherBase):
        tenant_id: Mapped[int]

    class Ledger(OfTenant, Model, OtherBase):
        tenant_id: Mapped[int]

    class Entry(Model, OtherBase):
        ledger_id: Mapped[int] = mapped_column(ForeignKey(Ledger.id))

    site = Site()
    app = App(docs=False)
    app.use(Database("sqlite://", models=OtherBase, migrations=None), Tenants(row_security=True))
    app.seal()
    found = [fault for check in app.checks for fault in _asked(check, app) if fault.code == "no-tenant-column"]
    mine = [fault.message for fault in found if "Ledger" in fault.message]
    assert len(mine) == 1 and mine[0].startswith("Entry.ledger_id refers to Ledger")
    assert not any("Auth" in fault.message for fault in found)
    assert site.user is User and Member.__tenant__ == "tenant_id" and Entry.id is not None


def _asked(check: Any, app: App) -> list[Any]:
    try:
        return list(check(app) or ())
    except TypeError:
        return list(check() or ())


def test_a_visitor_s_identity_is_not_a_tenant() -> None:
    """What the calling convention would read from a body must never be who the tenant is."""
    site = Site()

    @site.app.post("/parcels")
    def parcels(db: Scoped[Session], identity: Identity[User]) -> None: ...

    with pytest.raises(Exception, match="no-place"), site.running(Tenants()):
        pass
