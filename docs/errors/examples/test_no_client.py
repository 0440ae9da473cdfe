import pytest

from wholestack import App, SetupError
from wholestack.auth import Auth, OpenIDConnect, UserMixin
from wholestack.db import Database, UUIDModel


class Applicant(UserMixin, UUIDModel):
    pass


app = App()
app.use(Database("sqlite://"), Auth(Applicant), OpenIDConnect("example", "https://accounts.example.org"))


def test_no_client() -> None:
    with pytest.raises(SetupError, match="EXAMPLE_CLIENT_ID"):
        app.seal()
