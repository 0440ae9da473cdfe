from wholestack import App
from wholestack.auth import Auth, UserMixin, permission
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client


class Warden(UserMixin, UUIDModel):
    pass


app = App()
database, auth = Database("sqlite://", migrations=None), Auth(Warden)
app.use(database, auth)
app.get("/cages", needs=permission("cages.open"))(lambda: "open")


def test_unknown_permission() -> None:
    with Client(app):
        database.create_tables()
        with app.session() as db:
            db.add(auth.tables.role(name="keepers", permissions=["cages.opne"]))
        checks = [each for each in app.checks if each.__module__ == "wholestack.auth._access"]
        assert [fault.code for check in checks for fault in check()] == ["unknown-permission"]
