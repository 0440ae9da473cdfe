from wholestack import App
from wholestack.observe import Health
from wholestack.testing import Client


def stock() -> bool:
    return False


app = App()
app.use(Health(stock))


def test_not_ready() -> None:
    answer = Client(app).get("/health/ready/stock").expect(503)
    assert answer.json()["code"] == "not-ready"
