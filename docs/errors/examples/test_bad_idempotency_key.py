from wholestack import App, Body
from wholestack.middleware import Idempotency, idempotent
from wholestack.testing import Client

app = App()
app.use(Idempotency())


@app.post("/payments", needs=idempotent(required=True))
def pay(amount: Body[int]) -> str:
    return f"paid {amount}"


def test_without_a_key() -> None:
    answer = Client(app).post("/payments", json=5)
    assert (answer.status, answer.json()["code"]) == (400, "bad-idempotency-key")
