import pytest

from wholestack import Settings, SetupError


class Shop(Settings, prefix="SHOP_"):
    database_url: str
    page_size: int = 20


def test_every_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(SetupError, match="bad-setting") as raised:
        Shop.read({"SHOP_PAGE_SIZE": "many"})
    assert [fault.message for fault in raised.value.faults] == [
        "SHOP_DATABASE_URL is not set.",
        "SHOP_PAGE_SIZE is wrong: Input should be a valid integer, unable to parse string as an integer.",
    ]
