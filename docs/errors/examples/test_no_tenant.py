from wholestack import App, Request
from wholestack.auth import OfTenant, Scoped, Tenant, Tenants
from wholestack.db import Database, Mapped, Model, Session, select
from wholestack.testing import Client


class Barrel(OfTenant, Model):
    tenant_id: Mapped[int]


app = App()
app.use(Database("sqlite://", migrations=None), Tenants())


@app.provide
def tenant(request: Request) -> Tenant:
    return Tenant(request.headers.get("x-firm"))


@app.get("/barrels")
def barrels(db: Scoped[Session]) -> list[int]:
    return list(db.scalars(select(Barrel.id)))


def test_no_tenant() -> None:
    answer = Client(app).get("/barrels")
    assert (answer.status, answer.json()["code"]) == (403, "no-tenant")
