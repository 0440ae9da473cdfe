"""What docs/guides/providers.md shows, and the tests that hold it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NewType

from wholestack import App, Conflict, Header, Request, Response, Router, Settings, Unauthorized, wait
from wholestack.testing import Client

app = App()


# [first]
@dataclass
class Visitor:
    name: str


def visitor(x_visitor: Header[str] = "somebody") -> Visitor:
    return Visitor(x_visitor)


app.provide(visitor)


@app.get("/hello")
def hello(visitor: Visitor) -> str:
    return f"Hello, {visitor.name}!"


# [/first]
def test_a_provider() -> None:
    client = Client(app)
    assert client.get("/hello").text == "Hello, somebody!"
    assert client.get("/hello", headers={"x-visitor": "Ada"}).text == "Hello, Ada!"


# [cleanup]
steps: list[str] = []


class Transaction:
    """Something that is begun, and then kept or undone."""


@app.provide
def transaction() -> Generator[Transaction, Response, None]:
    steps.append("begin")
    try:
        response = yield Transaction()
    except Exception:
        steps.append("undo")
        raise
    response.headers.set("x-kept", "yes")
    steps.append("keep")


# [/cleanup]
@app.post("/orders/{item}")
def order(item: str, transaction: Transaction) -> str:
    steps.append("order")
    if item == "unicorn":
        raise Conflict("Out of unicorns.")
    return "ordered"


def test_clean_up() -> None:
    client = Client(app)
    steps.clear()
    assert client.post("/orders/tea").headers["x-kept"] == "yes"
    assert steps == ["begin", "order", "keep"]
    steps.clear()
    assert client.post("/orders/unicorn").status == 409
    assert steps == ["begin", "order", "undo"]


# [app-scope]
class Rates:
    """Exchange rates, fetched once."""

    def __init__(self) -> None:
        self.euro = 1.08


async def rates() -> Rates:
    await asyncio.sleep(0)  # fetching them
    return Rates()


app.provide(rates, scope="app")


@app.get("/euro")
def euro(rates: Rates) -> float:
    return rates.euro


# [/app-scope]
def test_app_scope() -> None:
    with Client(app) as client:
        assert client.get("/euro").json() == 1.08


# [nested]
@dataclass
class Basket:
    owner: Visitor


@app.provide
def basket(visitor: Visitor) -> Basket:
    return Basket(visitor)


@app.get("/basket")
def show_basket(basket: Basket, visitor: Visitor) -> bool:
    return basket.owner is visitor


# [/nested]
def test_once_a_request() -> None:
    assert Client(app).get("/basket").json() is True


# [newtype]
Source = NewType("Source", sqlite3.Connection)
Target = NewType("Target", sqlite3.Connection)


@app.provide
def source() -> Iterator[Source]:
    with closing(sqlite3.connect(":memory:")) as connection:
        yield Source(connection)


@app.provide
def target() -> Iterator[Target]:
    with closing(sqlite3.connect(":memory:")) as connection:
        yield Target(connection)


@app.post("/copy")
def copy(source: Source, target: Target) -> None:
    source.backup(target)


# [/newtype]
def test_two_of_a_kind() -> None:
    assert Client(app).post("/copy").status == 204


# [optional]
@dataclass
class User:
    name: str


@app.provide
def current_user(authorization: Header[str | None] = None) -> User:
    if authorization is None:
        raise Unauthorized("Log in first.")
    return User(authorization.removeprefix("Bearer "))


@app.provide
def user_if_any(authorization: Header[str | None] = None) -> User | None:
    return current_user(authorization) if authorization else None


@app.get("/me")
def me(user: User) -> str:
    return user.name


@app.get("/front")
def front(user: User | None) -> str:
    return f"Welcome back, {user.name}" if user else "Welcome"


# [/optional]
def test_optional() -> None:
    client = Client(app)
    assert client.get("/me").status == 401
    assert client.get("/front").text == "Welcome"
    assert client.get("/front", headers={"authorization": "Bearer Ada"}).text == "Welcome back, Ada"


# [waits]
class Weather:
    def __init__(self, sky: str) -> None:
        self.sky = sky


async def ask_the_service() -> str:
    await asyncio.sleep(0.01)
    return "clear"


def weather() -> Weather:
    return Weather(wait(ask_the_service()))


app.provide(weather, waits=True)


@app.get("/weather")
def weather_def(weather: Weather) -> str:
    return weather.sky


@app.get("/weather-async")
async def weather_async(weather: Weather) -> str:
    return weather.sky


# [/waits]
def test_waiting_in_either_colour() -> None:
    client = Client(app)
    assert client.get("/weather").text == client.get("/weather-async").text == "clear"


# [nearer]
@dataclass
class Currency:
    code: str


def euro_by_default() -> Currency:
    return Currency("EUR")


def pound() -> Currency:
    return Currency("GBP")


app.provide(euro_by_default)
britain = Router("/uk")
britain.provide(pound)


@app.get("/price")
@britain.get("/price")
def price(currency: Currency) -> str:
    return f"5 {currency.code}"


app.include(britain)


# [/nearer]
def test_the_nearer_provider_counts() -> None:
    client = Client(app)
    assert (client.get("/price").text, client.get("/uk/price").text) == ("5 EUR", "5 GBP")


# [settings]
class Shop(Settings):
    name: str = "Corner shop"


shop = App(Shop.read({}))


@shop.get("/name")
def name(settings: Shop, app: App, request: Request) -> str:
    return f"{settings.name}, {len(app.routes)} route, {request.path}"


# [/settings]
def test_what_is_provided_by_itself() -> None:
    assert Client(shop).get("/name").text.startswith("Corner shop, ")


# [replace]
def test_with_other_weather() -> None:
    with app.replace(Weather, Weather("snow")) as twin:
        assert Client(twin).get("/weather").text == "snow"
    assert Client(app).get("/weather").text == "clear"


# [/replace]
