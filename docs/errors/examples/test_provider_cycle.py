import pytest

from wholestack import App, SetupError

app = App()


class Orders:
    """Knows the customers."""


class Customers:
    """Knows the orders."""


@app.provide
def orders(customers: Customers) -> Orders:
    return Orders()


@app.provide
def customers(orders: Orders) -> Customers:
    return Customers()


@app.get("/orders")
def list_orders(orders: Orders) -> str:
    return "orders"


def test_provider_cycle() -> None:
    with pytest.raises(SetupError, match="provider-cycle"):
        app.seal()
