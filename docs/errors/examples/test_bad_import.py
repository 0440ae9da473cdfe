import pytest
from sqlalchemy import create_engine

from wholestack import App, SetupError
from wholestack.auth import Auth, UserMixin, import_django
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client


class Newcomer(UserMixin, UUIDModel):
    pass


app = App()
auth = Auth(Newcomer)
app.use(Database("sqlite://"), auth)


def test_bad_import() -> None:
    empty = create_engine("sqlite://").connect()
    with Client(app), app.session() as db, empty, pytest.raises(SetupError, match="bad-import"):
        import_django(auth.accounts(app, db), empty)
