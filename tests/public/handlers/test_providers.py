"""Rule 2: what is provided is asked for by its type."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Annotated, Any, NewType, Protocol

import pydantic
import pytest

from wholestack import App, Conflict, Header, HTTPError, Request, Response, Router, SetupError, Unauthorized
from wholestack.testing import Client

Read = NewType("Read", list)  # type: ignore[type-arg]
Write = NewType("Write", list)  # type: ignore[type-arg]


@dataclasses.dataclass
class Clock:
    now: int


class Mailer(Protocol):
    def send(self) -> str: ...


@dataclasses.dataclass
class User:
    name: str


class Log(list[str]):
    pass


def test_by_type(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def clock() -> Clock:
        return Clock(7)

    def mailer(clock: Clock, x_to: Header[str] = "nobody") -> Mailer:
        class Fake:
            def send(self) -> str:
                return f"{x_to}@{clock.now}"

        return Fake()

    app.provide(mailer)
    app.provide(clock)

    @app.get("/{n}")
    @colour
    def show(n: int, mailer: Mailer, clock: Annotated[Clock, "the time"]) -> list[object]:
        return [n, mailer.send(), clock.now]

    assert serve(app).get("/3", headers={"x-to": "ann"}).json() == [3, "ann@7", 7]


def test_a_class_provides_itself(serve: Any, colour: Any) -> None:
    class Repository:
        def __init__(self, clock: Clock, page: int = 1) -> None:
            self.values = [clock.now, page]

    app = App(docs=False)

    def clock() -> Clock:
        return Clock(4)

    app.provide(clock)
    app.provide(Repository)

    @app.get("/")
    @colour
    def show(repository: Repository) -> list[int]:
        return repository.values

    assert serve(app).get("/?page=2").json() == [4, 2]


def test_a_decorated_provider(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.provide
    def clock() -> Clock:
        return Clock(5)

    @app.get("/")
    @colour
    def show(clock: Clock) -> int:
        return clock.now

    assert serve(app).get("/").text == "5"


def test_once_a_request_and_anew_for_the_next(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    made: list[int] = []

    def clock() -> Clock:
        made.append(1)
        return Clock(len(made))

    def mailer(clock: Clock) -> Mailer:
        return clock  # type: ignore[return-value]

    def allowed(clock: Clock) -> bool:
        return True

    app.provide(clock)
    app.provide(mailer)

    @app.get("/", needs=allowed)
    @colour
    def show(clock: Clock, mailer: Mailer, again: Clock) -> list[bool]:
        return [clock is mailer, clock is again]

    client = serve(app)
    assert client.get("/").json() == [True, True]
    assert client.get("/").json() == [True, True]
    assert len(made) == 2


def test_what_nobody_asks_for_is_never_made(serve: Any) -> None:
    app = App(docs=False)

    def clock() -> Clock:
        raise AssertionError("made")

    app.provide(clock)

    @app.get("/")
    def show() -> str:
        return "fine"

    assert serve(app).get("/").text == "fine"


def test_new_types_tell_two_of_a_kind_apart(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def read() -> Read:
        return Read(["read"])

    def write(read: Read) -> Write:
        return Write([*read, "write"])

    app.provide(read)
    app.provide(write)

    @app.get("/")
    @colour
    def show(a: Write, b: Read) -> list[object]:
        return [a, b]

    assert serve(app).get("/").json() == [["read", "write"], ["read"]]


def test_an_optional_one(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def user(x_user: Header[str | None] = None) -> User | None:
        return User(x_user) if x_user else None

    def certain(user: User | None) -> User:
        if user is None:
            raise Unauthorized("Say who you are.")
        return user

    def clock() -> Clock:
        return Clock(1)

    app.provide(user)
    app.provide(certain)
    app.provide(clock)

    @app.get("/maybe")
    @colour
    def maybe(user: User | None, clock: Clock | None) -> list[object]:
        return [user and user.name, clock and clock.now]

    @app.get("/surely")
    @colour
    def surely(user: User) -> str:
        return user.name

    client = serve(app)
    assert client.get("/maybe").json() == [None, 1]
    assert client.get("/maybe", headers={"x-user": "ann"}).json() == ["ann", 1]
    assert client.get("/surely").status == 401
    assert client.get("/surely").headers["www-authenticate"] == "Bearer"
    assert client.get("/surely", headers={"x-user": "ann"}).text == "ann"


def test_providers_of_one_name_do_not_mix_what_they_ask_for(serve: Any) -> None:
    def make_one() -> Callable[..., Any]:
        def current(size: Annotated[int, pydantic.Field(alias="a")] = 1) -> Read:
            return Read([size])

        current.__qualname__ = "current"
        return current

    def make_two() -> Callable[..., Any]:
        def current(size: Annotated[str, pydantic.Field(alias="b")] = "x") -> Write:
            return Write([size])

        current.__qualname__ = "current"
        return current

    app = App(docs=False)
    app.provide(make_one())
    app.provide(make_two())

    @app.get("/")
    def show(a: Read, b: Write) -> list[object]:
        return [*a, *b]

    client = serve(app)
    assert client.get("/?a=2&b=3").json() == [2, "3"]
    assert client.get("/").json() == [1, "x"]
    assert client.get("/?a=x").faults == [("query", "/a", "int_parsing")]


def test_yield_cleans_up_in_reverse_and_sees_the_response(serve: Any, colour: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        log.append("clock opens")
        response = yield Clock(1)
        assert isinstance(response, Response)
        response.headers.set("x-clock", str(response.status))
        response.set_cookie("seen", "1")
        log.append("clock closes")

    def mailer(clock: Clock) -> Generator[Mailer, Response, None]:
        log.append("mailer opens")
        response = yield clock  # type: ignore[misc]
        log.append(f"mailer closes {response.body!r}")

    app.provide(clock)
    app.provide(mailer)

    @app.get("/", status=203)
    @colour
    def show(mailer: Mailer) -> str:
        log.append("handler")
        return "done"

    answer = serve(app).get("/")
    assert (answer.status, answer.text, answer.headers["x-clock"]) == (203, "done", "203")
    assert "seen=1" in answer.headers["set-cookie"]
    assert log == ["clock opens", "mailer opens", "handler", "mailer closes b'done'", "clock closes"]


def test_yield_in_an_async_provider(serve: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    async def clock() -> AsyncIterator[Clock]:
        log.append("opens")
        try:
            response = yield Clock(1)
            response.headers.set("x-clock", "1")
        except Conflict:
            log.append("conflict")
            raise
        finally:
            log.append("closes")

    async def mailer(clock: Clock) -> Mailer:
        return clock  # type: ignore[return-value]

    app.provide(clock)
    app.provide(mailer)

    @app.get("/{bad}")
    async def show(bad: bool, mailer: Mailer) -> int:
        if bad:
            raise Conflict("taken")
        return 1

    client = serve(app)
    assert client.get("/false").headers["x-clock"] == "1"
    assert client.get("/true").status == 409
    assert log == ["opens", "closes", "opens", "conflict", "closes"]


def test_an_error_arrives_in_every_open_provider(serve: Any, colour: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        try:
            yield Clock(1)
        except HTTPError as error:
            log.append(f"clock saw {error.code}")
            raise

    def read(clock: Clock) -> Iterator[Read]:
        try:
            yield Read([])
        except ValueError as error:
            log.append(f"read saw {error}")
            raise Conflict("from the provider") from error

    def write(read: Read) -> Iterator[Write]:
        try:
            yield Write([])
        except ValueError:
            log.append("write swallows it")

    app.provide(clock)
    app.provide(read)
    app.provide(write)

    @app.get("/")
    @colour
    def show(write: Write) -> str:
        raise ValueError("broken")

    answer = serve(app).get("/")
    assert (answer.status, answer.json()["detail"]) == (409, "from the provider")
    assert log == ["write swallows it", "read saw broken", "clock saw conflict"]


def test_an_error_in_a_later_provider_closes_the_earlier_ones(serve: Any, colour: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        try:
            yield Clock(1)
        finally:
            log.append("closed")

    def mailer(clock: Clock) -> Mailer:
        raise Conflict("no mail today")

    app.provide(clock)
    app.provide(mailer)

    @app.get("/")
    @colour
    def show(mailer: Mailer) -> str:
        raise AssertionError("called")

    assert serve(app).get("/").status == 409
    assert log == ["closed"]


def test_an_error_while_closing_is_an_error_of_the_request(serve: Any, colour: Any, caplog: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        try:
            yield Clock(1)
        except BaseException as error:
            log.append(type(error).__name__)
            raise

    def mailer(clock: Clock) -> Iterator[Mailer]:
        yield clock  # type: ignore[misc]
        raise Conflict("the commit failed")

    app.provide(clock)
    app.provide(mailer)

    @app.get("/")
    @colour
    def show(mailer: Mailer) -> str:
        return "looked fine"

    assert serve(app).get("/").status == 409
    assert log == ["Conflict"]


def test_a_provider_that_yields_twice_or_not_at_all_is_an_error(serve: Any, colour: Any, caplog: Any) -> None:
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        yield Clock(1)
        yield Clock(2)

    def mailer() -> Iterator[Mailer]:
        return
        yield

    app.provide(clock)
    app.provide(mailer)

    @app.get("/twice")
    @colour
    def twice(clock: Clock) -> str:
        return ""

    @app.get("/never")
    @colour
    def never(mailer: Mailer) -> str:
        return ""

    client = serve(app)
    assert client.get("/twice").status == 500
    assert "yielded again" in caplog.text
    assert client.get("/never").status == 500


def test_the_request_itself_and_a_default_beside_a_provider(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def clock(request: Request) -> Clock:
        return Clock(len(request.path))

    app.provide(clock)

    @app.get("/abc")
    @colour
    def show(request: Request, clock: Clock) -> list[object]:
        return [request.method, clock.now]

    assert serve(app).get("/abc").json() == ["GET", 4]


def test_nearer_providers_win(serve: Any, colour: Any) -> None:
    app, outer, inner = App(docs=False), Router(), Router()

    def far() -> Clock:
        return Clock(1)

    def near() -> Clock:
        return Clock(2)

    def mailer(clock: Clock) -> Mailer:
        return clock  # type: ignore[return-value]

    app.provide(far)
    app.provide(mailer)
    inner.provide(near)

    @colour
    def show(clock: Clock, mailer: Mailer) -> list[int]:
        return [clock.now, mailer.now]  # type: ignore[attr-defined]

    app.get("/app")(show)
    outer.get("/outer")(show)
    inner.get("/inner")(show)
    outer.include(inner)
    app.include(outer)
    client = serve(app)
    assert client.get("/app").json() == [1, 1]
    assert client.get("/outer").json() == [1, 1]
    assert client.get("/inner").json() == [2, 2]  # what needs it gets the nearer one as well


def test_the_app_its_settings_and_its_plugins_are_provided(serve: Any, colour: Any) -> None:
    class Shop:
        name = "shop"

    class Counter:
        count = 3

        def setup(self, app: App) -> None:
            app.get("/by-plugin")(lambda: 3)

    app = App(Shop(), docs=False)
    app.use(Counter())

    @app.get("/")
    @colour
    def show(app: App, shop: Shop, counter: Counter) -> list[object]:
        return [app.title, shop.name, counter.count]

    client = serve(app)
    assert client.get("/").json() == ["API", "shop", 3]
    assert client.get("/by-plugin").text == "3"


def test_app_lifetime(serve: Any, colour: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        log.append("clock opens")
        yield Clock(1)
        log.append("clock closes")

    async def read(clock: Clock) -> AsyncIterator[Read]:
        log.append("read opens")
        yield Read([clock.now])
        log.append("read closes")

    async def write(read: Read) -> Write:
        return Write([*read, 2])

    def plain(clock: Clock) -> User:
        return User("u")

    app.provide(write, scope="app")
    app.provide(read, scope="app")
    app.provide(clock, scope="app")
    app.provide(plain, scope="app")

    @app.get("/")
    @colour
    def show(write: Write, clock: Clock, user: User) -> list[object]:
        return [write, id(clock)]

    client = serve(app)
    first = client.get("/").json()
    assert first == client.get("/").json()
    assert first[0] == [1, 2]
    assert log == ["clock opens", "read opens"]
    client.stop()
    assert log == ["clock opens", "read opens", "read closes", "clock closes"]


def test_a_start_that_fails_closes_what_was_open(serve: Any, caplog: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def clock() -> Iterator[Clock]:
        log.append("opens")
        yield Clock(1)
        log.append("closes")

    def mailer(clock: Clock) -> Mailer:
        log.append("fails")
        raise OSError("no mail server")

    app.provide(clock, scope="app")
    app.provide(mailer, scope="app")

    @app.get("/")
    def show(mailer: Mailer) -> str:
        raise AssertionError("called")

    client = serve(app)
    try:
        assert client.get("/").status == 500
    except OSError:
        pass  # the server answers for it
    assert log == ["opens", "fails"]


def test_a_class_whose_parameters_nobody_can_read_is_a_fault() -> None:
    class Bag(dict[str, str]):
        pass

    class Filled(dict[str, str]):
        def __init__(self, q: str = "milk") -> None:
            super().__init__(q=q)

    app = App(docs=False)
    app.provide(Bag)
    app.provide(Filled)

    @app.get("/")
    def show(bag: Bag, filled: Filled) -> dict[str, str]:
        return filled

    with pytest.raises(SetupError, match=r"bad-parameter. Python does not tell the parameters of .*Bag"):
        app.seal()
    app.unseal()
    app.provisions.pop(0)

    def bag() -> Bag:
        return Bag()

    app.provide(bag)
    with Client(app) as client:
        assert client.get("/?q=tea").json() == {"q": "tea"}
