from wholestack import App, Unauthorized
from wholestack.testing import Client

app = App()


@app.get("/me")
def me() -> str:
    raise Unauthorized("Send a token.", challenge="Bearer")


def test_nobody_in_particular() -> None:
    answer = Client(app).get("/me")
    assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
