import datetime

from wholestack import App
from wholestack.auth import Auth, UserMixin, recent_login
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client, log_in


class Owner(UserMixin, UUIDModel):
    pass


moment = datetime.datetime(2026, 11, 1, 8, tzinfo=datetime.UTC)
app = App()
app.use(Database("sqlite://"), Auth(Owner, clock=lambda: moment))


@app.post("/wipe", needs=recent_login(minutes=10))
def wipe() -> str:
    return "gone"


def test_login_too_old() -> None:
    global moment
    with Client(app) as client:
        with app.session() as db:
            db.add(owner := Owner(email="ann@example.org"))
        log_in(client, owner)
        assert client.post("/wipe").text == "gone"
        moment += datetime.timedelta(minutes=11)
        answer = client.post("/wipe")
    assert (answer.status, answer.json()["code"]) == (403, "login-too-old")
