import pytest

from wholestack import App, SetupError
from wholestack.admin import Admin, AdminView
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, Mapped, Model, UUIDModel


class Usher(UserMixin, UUIDModel): ...


class Screening(Model):
    film: Mapped[str]


class Screenings(AdminView[Screening]):
    columns = ("film", "room")


def test_bad_admin() -> None:
    app = App()
    app.use(Database("sqlite://", migrations=None), Auth(Usher), Admin(Screenings))
    with pytest.raises(SetupError, match=r"bad-admin[\s\S]*Screening has no 'room'"):
        app.seal()
