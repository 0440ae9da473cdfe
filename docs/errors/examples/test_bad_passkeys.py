import pytest

from wholestack import App, SetupError
from wholestack.auth import Auth, Passkeys, UserMixin
from wholestack.db import Database, UUIDModel


class Guest(UserMixin, UUIDModel): ...


def test_bad_passkeys() -> None:
    app = App()
    passkeys = Passkeys(rp_id="example.org", origins=["https://example.com"])
    app.use(Database("sqlite://"), Auth(Guest), passkeys)
    with pytest.raises(SetupError, match=r"\[bad-passkeys\].*is no origin of example.org"):
        app.seal()
