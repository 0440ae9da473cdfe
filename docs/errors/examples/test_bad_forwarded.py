from wholestack import App
from wholestack.middleware import TrustedProxies
from wholestack.testing import Client

app = App()
app.use(TrustedProxies("10.0.0.0/8"))


def test_a_broken_field() -> None:
    answer = Client(app, address="10.0.0.7").get("/", headers={"x-forwarded-for": "nonsense"})
    assert (answer.status, answer.json()["code"]) == (400, "bad-forwarded")
