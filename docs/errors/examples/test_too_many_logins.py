from wholestack import App
from wholestack.auth import Throttle
from wholestack.testing import Client

app = App()
throttle = Throttle(store="memory", pair={"free": 2})


@app.post("/login")
def login() -> str:
    throttle.take("ann@example.org", "192.0.2.7")  # before the password is looked at
    return "…"


def test_too_many_logins() -> None:
    client = Client(app)
    assert [client.post("/login").status for _ in range(2)] == [200, 200]
    answer = client.post("/login")
    assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (429, "too-many-logins", "1")
