import pytest

from wholestack import App
from wholestack.auth import TOTP, Auth, UserMixin
from wholestack.db import Database, UUIDModel


class Keeper(UserMixin, UUIDModel): ...


app = App()
database = Database("sqlite://", migrations=None)
app.use(database, Auth(Keeper), TOTP())


def test_staff_without_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    app.seal()
    database.create_tables()
    with app.session() as db:
        db.add(Keeper(email="ann@example.org", is_staff=True))
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    assert "staff-without-factor" in [fault.code for check in app.checks for fault in check()]
