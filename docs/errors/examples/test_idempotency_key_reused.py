from wholestack import App, Body
from wholestack.middleware import Idempotency, idempotent
from wholestack.testing import Client

app = App()
app.use(Idempotency())


@app.post("/payments", needs=idempotent(required=True))
def pay(amount: Body[int]) -> str:
    return f"paid {amount}"


def test_another_amount() -> None:
    client = Client(app, headers={"idempotency-key": "8e03978e"})
    client.post("/payments", json=5).expect(200)
    answer = client.post("/payments", json=6)
    assert (answer.status, answer.json()["code"]) == (422, "idempotency-key-reused")
