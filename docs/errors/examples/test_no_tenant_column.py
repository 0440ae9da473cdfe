from wholestack import App
from wholestack.auth import OfTenant, Tenants
from wholestack.db import Database, ForeignKey, Mapped, Model, mapped_column


class Chest(OfTenant, Model):
    tenant_id: Mapped[int]


class Drawer(Model):
    chest_id: Mapped[int] = mapped_column(ForeignKey(Chest.id))


def test_no_tenant_column() -> None:
    app = App()
    app.use(Database("sqlite://", migrations=None), Tenants())
    app.seal()
    checks = [each for each in app.checks if each.__module__ == "wholestack.auth._tenants"]
    messages = [fault.message for check in checks for fault in check(app) if fault.code == "no-tenant-column"]
    assert any(message.startswith("Drawer.chest_id refers to Chest") for message in messages)
