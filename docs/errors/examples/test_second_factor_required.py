from wholestack import App
from wholestack.auth import Auth, UserMixin, mfa
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client, log_in


class Operator(UserMixin, UUIDModel):
    pass


app = App()
app.use(Database("sqlite://"), Auth(Operator))


@app.get("/switches", needs=mfa())
def show_switches() -> str:
    return "on"


def test_second_factor_required() -> None:
    with Client(app) as client:
        with app.session() as db:
            db.add(operator := Operator(email="ann@example.org"))
        log_in(client, operator, "pwd")
        answer = client.get("/switches")
        assert (answer.status, answer.json()["code"]) == (403, "second-factor-required")
        log_in(client, operator, "pwd", "otp")
        assert client.get("/switches").text == "on"
