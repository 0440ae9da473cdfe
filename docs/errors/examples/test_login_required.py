from wholestack import App
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client


class Caller(UserMixin, UUIDModel):
    pass


app = App()
app.use(Database("sqlite://"), Auth(Caller))


@app.get("/me")
def me(caller: Caller) -> str:
    return caller.email


def test_login_required() -> None:
    answer = Client(app).get("/me")
    assert (answer.status, answer.json()["code"]) == (401, "login-required")
