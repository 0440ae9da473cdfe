"""Settings: a typed class filled from the environment."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

import pydantic
import pytest

from wholestack import App, Secret, Settings, SetupError


class Level(enum.Enum):
    LOW = "low"


class Mail(pydantic.BaseModel):
    host: str
    port: int = 25


class Shop(Settings, prefix="SHOP_"):
    name: str
    page_size: int = 20
    key: Secret = Secret("development")
    hosts: list[str] = []
    more: dict[str, int] | None = None
    mail: Mail | None = None
    level: Level = Level.LOW
    debug: bool = False


class Plain(Settings):
    database_url: str


def faults(environment: dict[str, str], kind: type[Settings] = Shop) -> dict[str, str]:
    with pytest.raises(SetupError) as raised:
        kind.read(environment)
    assert {fault.code for fault in raised.value.faults} == {"bad-setting"}
    assert all(fault.where and fault.cure for fault in raised.value.faults)
    return {fault.message.split()[0]: fault.message for fault in raised.value.faults}


def test_from_the_environment() -> None:
    shop = Shop.read(
        {
            "SHOP_NAME": "acme",
            "SHOP_PAGE_SIZE": "50",
            "SHOP_HOSTS": '["a", "b"]',
            "SHOP_MORE": '{"a": 1}',
            "SHOP_MAIL": '{"host": "m"}',
            "SHOP_LEVEL": "low",
            "SHOP_DEBUG": "true",
            "NAME": "other",
            "SHOP_UNKNOWN": "x",
        }
    )
    assert (shop.name, shop.page_size, shop.hosts, shop.more, shop.mail) == (
        "acme",
        50,
        ["a", "b"],
        {"a": 1},
        Mail(host="m"),
    )
    assert (shop.level, shop.debug, shop.key.get_secret_value()) == (Level.LOW, True, "development")


def test_from_the_processs_own(monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite://")
    assert Plain.read().database_url == "sqlite://"


def test_a_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    shop = Shop.read({"SHOP_NAME": "acme", "SHOP_KEY_FILE": str(tmp_path / "key")})
    assert shop.key.get_secret_value() == "s3cret"


def test_all_faults_in_one_report_that_shows_no_value(tmp_path: Path) -> None:
    found = faults(
        {
            "SHOP_PAGE_SIZE": "s3cret-size",
            "SHOP_HOSTS": "s3cret-hosts",
            "SHOP_MAIL": '{"port": "s3cret-port"}',
            "SHOP_KEY_FILE": str(tmp_path / "missing"),
            "SHOP_MORE": "[s3cret",
            "SHOP_LEVEL": "s3cret-level",
        }
    )
    assert set(found) == {
        *("SHOP_NAME", "SHOP_PAGE_SIZE", "SHOP_HOSTS", "SHOP_MAIL", "SHOP_KEY_FILE", "SHOP_MORE", "SHOP_LEVEL")
    }
    assert "not set" in found["SHOP_NAME"]
    assert not any("s3cret" in message for message in found.values())


def test_secrets_stay_hidden() -> None:
    shop = Shop.read({"SHOP_NAME": "acme", "SHOP_KEY": "s3cret"})
    assert "s3cret" not in repr(shop)
    assert "s3cret" not in str(shop)
    assert "s3cret" not in shop.model_dump_json()


def test_they_cannot_be_changed_nor_mistyped() -> None:
    shop = Shop.read({"SHOP_NAME": "acme"})
    with pytest.raises(pydantic.ValidationError):
        shop.name = "other"
    with pytest.raises(pydantic.ValidationError):
        Shop(name="a", nmae="b")  # type: ignore[call-arg]


def test_handlers_ask_for_them_by_type(serve: Any, colour: Any) -> None:
    app = App(Shop(name="acme"), docs=False)

    @app.get("/")
    @colour
    def show(shop: Shop) -> str:
        return shop.name

    assert serve(app).get("/").text == "acme"


def test_a_subclass_keeps_the_prefix() -> None:
    class Production(Shop):
        region: str

    class Other(Shop, prefix="OTHER_"):
        pass

    class Bare(Shop, prefix=""):
        pass

    assert Production.read({"SHOP_NAME": "acme", "SHOP_REGION": "eu"}).region == "eu"
    assert "SHOP_REGION" in faults({"SHOP_NAME": "acme", "REGION": "eu"}, Production)
    assert Other.read({"OTHER_NAME": "acme"}).name == "acme"
    assert Bare.read({"NAME": "acme"}).name == "acme"
