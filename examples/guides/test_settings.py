"""What docs/guides/settings.md shows, and the tests that hold it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wholestack import App, Secret, Settings, SetupError
from wholestack.testing import Client


# [settings]
class Shop(Settings, prefix="SHOP_"):
    database_url: str = "sqlite:///shop.db"
    page_size: int = 20
    currencies: list[str] = ["EUR"]
    key: Secret = Secret("development")


def create(settings: Shop) -> App:
    app = App(settings)

    @app.get("/prices")
    def prices(shop: Shop) -> list[str]:
        return shop.currencies

    return app


# [/settings]
def test_reading(tmp_path: Path) -> None:
    # [read]
    settings = Shop.read({"SHOP_PAGE_SIZE": "50", "SHOP_CURRENCIES": '["EUR", "GBP"]'})
    assert settings.page_size == 50
    assert Client(create(settings)).get("/prices").json() == ["EUR", "GBP"]
    # [/read]
    # [secret]
    file = tmp_path / "key"
    file.write_text("open sesame\n")
    settings = Shop.read({"SHOP_KEY_FILE": str(file)})
    assert settings.key.get_secret_value() == "open sesame"
    assert "sesame" not in repr(settings)
    # [/secret]


def test_faults() -> None:
    # [faults]
    with pytest.raises(SetupError) as raised:
        Shop.read({"SHOP_PAGE_SIZE": "many", "SHOP_CURRENCIES": "EUR"})
    assert [fault.message for fault in raised.value.faults] == [
        "SHOP_PAGE_SIZE is wrong: Input should be a valid integer, unable to parse string as an integer.",
        "SHOP_CURRENCIES is wrong: Input should be a valid list.",
    ]
    # [/faults]


def test_by_hand() -> None:
    # [by-hand]
    assert Client(create(Shop(currencies=["CHF"]))).get("/prices").json() == ["CHF"]
    # [/by-hand]
