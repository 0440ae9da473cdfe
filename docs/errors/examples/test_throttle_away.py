from wholestack import App
from wholestack.auth import Throttle
from wholestack.cache import RedisStore
from wholestack.testing import Client

app = App()
throttle = Throttle(store=RedisStore("redis://127.0.0.1:1/0"))


@app.post("/login")
def login() -> str:
    throttle.take("ann@example.org", "192.0.2.7")  # before the password is looked at
    return "…"


def test_throttle_away() -> None:
    answer = Client(app).post("/login").expect(503)
    assert answer.json()["code"] == "throttle-away" and answer.headers["retry-after"]
