import pytest

from wholestack import App, Router, SetupError

app = App()
shop = Router("/shop")
cart = Router("/cart")
app.include(shop)
shop.include(cart)
cart.include(shop)


def test_router_cycle() -> None:
    with pytest.raises(SetupError, match="router-cycle"):
        app.seal()
