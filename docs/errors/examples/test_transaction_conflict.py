from wholestack import App
from wholestack.db import TransactionConflict
from wholestack.testing import Client

app = App()


@app.put("/stock")
def set_stock() -> None:
    raise TransactionConflict  # As the database's own conflicts are answered.


def test_transaction_conflict() -> None:
    with Client(app) as client:
        assert client.put("/stock").expect(409).json()["code"] == "transaction-conflict"
