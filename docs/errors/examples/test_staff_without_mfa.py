import pytest

from wholestack import App
from wholestack.auth import TOTP, Auth, UserMixin, staff
from wholestack.db import Database, UUIDModel


class Clerk(UserMixin, UUIDModel): ...


app = App()
app.use(Database("sqlite://", migrations=None), Auth(Clerk), TOTP())


@app.get("/office", needs=staff)
def office() -> str:
    return "office"


def test_staff_without_mfa(monkeypatch: pytest.MonkeyPatch) -> None:
    app.seal()
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    assert "staff-without-mfa" in [fault.code for check in app.checks for fault in check()]
