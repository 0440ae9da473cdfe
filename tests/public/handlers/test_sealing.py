"""What cannot work is a fault when the app is sealed: all of them together, each with file, line and a cure."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App, Body, Cookie, Form, NotFound, Partial, Query, Request, Router, SetupError, Upload, rule
from wholestack.errors import Fault


class Item(pydantic.BaseModel):
    name: str


class Clock:
    pass


class Wheel:
    pass


def line_of(function: Any) -> str:
    """File and line of a function as faults say them (its decorators' line)."""
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def faults_of(app: App) -> list[Fault]:
    with pytest.raises(SetupError) as raised:
        app.seal()
    for fault in raised.value.faults:
        assert fault.message.endswith("."), fault
        assert fault.cure, fault
        assert str(fault) in str(raised.value)
    return list(raised.value.faults)


def only(app: App, code: str, culprit: Any) -> Fault:
    (fault,) = faults_of(app)
    assert (fault.code, fault.where) == (code, culprit if isinstance(culprit, str) else line_of(culprit))
    return fault


def test_all_faults_come_together() -> None:
    app = App(docs=False)

    @app.get("/a/{id}")
    def untyped(id) -> str:  # type: ignore[no-untyped-def]
        return ""

    @app.get("no-slash")
    def lost() -> str:
        return ""

    @app.get("/b")
    def needy(clock: Clock, item: Item) -> str:
        return ""

    @app.get("/c")
    def one() -> str:
        return ""

    @app.get("/c")
    def two() -> str:
        return ""

    faults = faults_of(app)
    assert [fault.code for fault in faults] == ["no-type", "bad-path", "no-place", "body-on-get", "same-route"]
    assert len({fault.where for fault in faults}) == 4


def test_a_fault_that_many_routes_share_is_told_once() -> None:
    def clock(zone) -> Clock:  # type: ignore[no-untyped-def]
        return Clock()

    def answer(error: NotFound, page: int) -> str:
        return ""

    app = App(docs=False)
    app.provide(clock)
    app.on_error(NotFound)(answer)
    for path in ("/a", "/b", "/c"):

        @app.get(path)
        def show(clock: Clock) -> str:
            return ""

    assert sorted(fault.code for fault in faults_of(app)) == ["bad-error-handler", "no-type"]


def test_a_class_that_nobody_provides() -> None:
    app = App(docs=False)

    @app.get("/")
    def show(clock: Clock) -> str:
        return ""

    fault = only(app, "no-place", show)
    assert "'clock'" in fault.message
    assert "Clock" in fault.message
    assert "app.provide" in fault.cure


@pytest.mark.parametrize(
    "kind", [dict[str, int], list[Item], list[list[int]], Clock | int, Iterator[bytes], bytes, object()]
)
def test_a_type_with_no_form_in_a_query(kind: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(value: kind) -> str:
        return ""

    fault = only(app, "no-place", show)
    assert "Body[" in fault.cure


@pytest.mark.parametrize("kind", [list[int], dict[str, int], Iterator[bytes]])
def test_a_type_with_no_form_in_a_path(kind: Any) -> None:
    app = App(docs=False)

    @app.get("/{value}")
    def show(value: kind) -> str:
        return ""

    only(app, "no-place", show)


def test_a_name_in_the_path_that_is_marked_as_well() -> None:
    app = App(docs=False)

    @app.get("/{id}")
    def show(id: Query[int]) -> str:
        return ""

    assert "'id'" in only(app, "no-place", show).message


def test_a_field_of_the_path_that_no_parameter_takes() -> None:
    """It is no fault: a provider, a rule or `request.params` may want it."""
    app = App(docs=False)

    @app.get("/{id}")
    def show(request: Request) -> str:
        return request.params["id"]

    app.seal()


def test_parameters_that_cannot_be_filled() -> None:
    app = App(docs=False)

    @app.get("/a")
    def stars(*args: int) -> str:
        return ""

    @app.get("/b")
    def double_stars(**options: int) -> str:
        return ""

    @app.get("/c")
    def by_position(n: int, /) -> str:
        return ""

    @app.get("/d")
    def default(n: int = pydantic.Field(3)) -> str:
        return ""

    @app.get("/e")
    def alias(n: Annotated[int, pydantic.Field(validation_alias=pydantic.AliasChoices("a", "b"))]) -> str:
        return ""

    @app.get("/f")
    def partial(item: Query[Partial[Item]]) -> str:
        return ""

    found = [(fault.code, fault.where) for fault in faults_of(app)]
    assert found == [
        *(("bad-parameter", line_of(each)) for each in (stars, double_stars, by_position)),
        *(("no-place", line_of(each)) for each in (default, alias, partial)),
    ]


def test_hints_that_cannot_be_read() -> None:
    app = App(docs=False)

    @app.get("/")
    def show(n: Unknown) -> str:  # type: ignore[name-defined]  # noqa: F821
        return ""

    def provider() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return None

    app.provide(provider)
    faults = faults_of(app)
    assert {(fault.code, fault.where) for fault in faults} == {
        ("bad-hint", line_of(show)),
        ("bad-hint", line_of(provider)),
    }
    assert any("Unknown" in fault.message for fault in faults)


def test_types_without_a_schema() -> None:
    class Broken:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            raise ZeroDivisionError("no schema today")

    @dataclasses.dataclass
    class Holder:
        value: Broken

    app = App(docs=False)

    @app.post("/a")
    def body(holder: Holder) -> str:
        return ""

    @app.get("/b")
    def answer() -> Broken:
        return Broken()

    @app.get("/c")
    def query(holder: Query[Holder]) -> str:
        return ""

    @app.post("/d")
    def form(holder: Form[Holder]) -> str:
        return ""

    found = [(fault.code, fault.where) for fault in faults_of(app)]
    assert found == [("no-schema", line_of(each)) for each in (body, answer, query, form)]


def test_two_bodies() -> None:
    app = App(docs=False)

    @app.post("/models")
    def models(a: Item, b: Item) -> str:
        return ""

    @app.post("/mixed")
    def mixed(a: Item, b: Form[str]) -> str:
        return ""

    @app.post("/file")
    def file(raw: Body[bytes], photo: Upload) -> str:
        return ""

    def provided(a: Item) -> Clock:
        return Clock()

    app.provide(provided)

    @app.post("/provider")
    def with_provider(clock: Clock, b: Item) -> str:
        return ""

    faults = faults_of(app)
    assert [(fault.code, fault.where) for fault in faults] == [
        ("two-bodies", line_of(each)) for each in (models, mixed, file, with_provider)
    ]
    assert "'a', 'b'" in faults[0].message


def test_a_body_on_get() -> None:
    app = App(docs=False)

    @app.get("/")
    def show(item: Item) -> str:
        return ""

    assert "item: Query[" in only(app, "body-on-get", show).cure


def test_a_form_on_get() -> None:
    app = App(docs=False)

    @app.get("/")
    def show(name: Form[str]) -> str:
        return ""

    assert "name: Query[" in only(app, "body-on-get", show).cure


def test_a_stream_of_the_other_colour() -> None:
    app = App(docs=False)

    @app.post("/a")
    def plain(chunks: Body[AsyncIterator[bytes]]) -> str:
        return ""

    @app.post("/b")
    async def waits(chunks: Body[Iterator[bytes]]) -> str:
        return ""

    first, second = faults_of(app)
    assert (first.code, first.where, second.code, second.where) == (
        *("stream-colour", line_of(plain)),
        *("stream-colour", line_of(waits)),
    )
    assert "Body[Iterator[bytes]]" in first.cure
    assert "Body[AsyncIterator[bytes]]" in second.cure


def test_paths_that_cannot_be_read() -> None:
    app = App(docs=False)

    def handler() -> str:
        return ""

    paths = [
        "x",
        "/{",
        "/}",
        "/{a}/{a}",
        "/{a:nothing}",
        "/{a b}",
        "/{rest:path}/x",
        "/x{rest:path}",
        "/{a-b}",
        "/{1a}",
    ]
    for path in paths:
        app.get(path)(handler)
    faults = faults_of(app)
    assert [fault.code for fault in faults] == ["bad-path"] * len(paths)
    assert {fault.where for fault in faults} == {line_of(handler)}
    for fault, path in zip(faults, paths, strict=True):
        assert repr(path) in fault.message


def test_one_route_answered_twice_names_both_places() -> None:
    app = App(docs=False)
    router = Router()

    @app.get("/notes/{id}")
    def one(id: int) -> str:
        return ""

    @router.route("/{id}", methods=["PUT", "GET"])
    def two(id: int) -> str:
        return ""

    app.include(router, at="/notes")
    fault = only(app, "same-route", two)
    assert "GET /notes/{id}" in fault.message
    assert line_of(one) in fault.message


def test_two_spellings_of_one_path() -> None:
    app = App(docs=False)

    @app.get("/notes/{id}")
    def one(id: int) -> str:
        return ""

    @app.put("/notes/{note_id}")
    def two(note_id: int) -> str:
        return ""

    fault = only(app, "field-names", two)
    assert line_of(one) in fault.message or "{id}" in fault.message


def test_a_router_that_includes_itself() -> None:
    app, one, two = App(docs=False), Router(), Router()
    one.include(two)
    two.include(one)
    app.include(one)
    (fault,) = faults_of(app)
    assert fault.code == "router-cycle"
    assert fault.where.startswith(__file__)


def test_providers_that_provide_nothing() -> None:
    app = App(docs=False)

    def untyped(): ...  # type: ignore[no-untyped-def]

    def nothing() -> None: ...

    def anything() -> Any: ...

    def no_item() -> Iterator:  # type: ignore[type-arg]
        yield

    for provider in (untyped, nothing, anything, no_item):
        app.provide(provider)
    assert [(fault.code, fault.where) for fault in faults_of(app)] == [
        ("no-return-type", line_of(each)) for each in (untyped, nothing, anything, no_item)
    ]


def test_providers_in_a_circle() -> None:
    app = App(docs=False)

    def clock(wheel: Wheel) -> Clock:
        return Clock()

    def wheel(clock: Clock) -> Wheel:
        return Wheel()

    app.provide(clock)
    app.provide(wheel)

    @app.get("/")
    def show(clock: Clock) -> str:
        return ""

    fault = faults_of(app)[0]
    assert fault.code == "provider-cycle"
    assert "clock" in fault.message
    assert "→" in fault.message
    assert fault.where.startswith(__file__)


def test_app_providers_in_a_circle() -> None:
    app = App(docs=False)

    def clock(wheel: Wheel) -> Clock:
        return Clock()

    def wheel(clock: Clock) -> Wheel:
        return Wheel()

    app.provide(clock, scope="app")
    app.provide(wheel, scope="app")
    assert {fault.code for fault in faults_of(app)} == {"provider-cycle"}


def test_an_async_provider_or_rule_in_a_def_plan() -> None:
    app = App(docs=False)

    async def clock() -> Clock:
        return Clock()

    async def wheel() -> AsyncIterator[Wheel]:
        yield Wheel()

    async def allowed() -> bool:
        return True

    app.provide(clock)
    app.provide(wheel)

    @app.get("/a")
    def one(clock: Clock) -> str:
        return ""

    @app.get("/b")
    def two(wheel: Wheel) -> str:
        return ""

    @app.get("/c", needs=allowed)
    def three() -> str:
        return ""

    @app.get("/d", needs=allowed)
    async def four(clock: Clock, wheel: Wheel) -> str:
        return ""

    assert [(fault.code, fault.where) for fault in faults_of(app)] == [
        ("async-provider", line_of(one)),
        ("async-provider", line_of(two)),
        ("async-rule", line_of(allowed)),
    ]


def test_what_lives_too_short_for_the_app() -> None:
    app = App(docs=False)

    def clock(request: Request) -> Clock:
        return Clock()

    def wheel(size: int = 3) -> Wheel:
        return Wheel()

    app.provide(clock, scope="app")
    app.provide(wheel, scope="app")

    @contextmanager
    def opened(page: int) -> Iterator[None]:
        yield

    app.lifespan(opened)
    faults = faults_of(app)
    assert [fault.code for fault in faults] == ["short-lived"] * 3
    assert all(fault.where.startswith(__file__) for fault in faults)


def test_a_rule_asks_for_what_is_not_there() -> None:
    app = App(docs=False)

    @rule
    def allowed(clock: Clock) -> bool:
        return True

    @app.get("/", needs=allowed)
    def show() -> str:
        return ""

    only(app, "no-place", allowed.function)


def test_an_error_handler_asks_for_too_much() -> None:
    app = App(docs=False)

    @app.on_error(NotFound)
    def answer(error: NotFound, theme: Cookie[str]) -> str:
        return ""

    assert "'theme'" in only(app, "bad-error-handler", answer).message


def test_a_sealed_app_takes_nothing_more() -> None:
    app = App(docs=False)
    app.seal()
    for add in (
        lambda: app.get("/"),
        lambda: app.include(Router()),
        lambda: app.provide(Clock),
        lambda: app.middleware(lambda request: iter(())),  # type: ignore[arg-type,return-value]
        lambda: app.on_error(NotFound),
        lambda: app.use(),
        lambda: app.mount("/x", App(docs=False)),
        lambda: app.lifespan(lambda: None),
        lambda: app.command(print),
        lambda: app.check(print),
        lambda: app.converter("x", "y"),
        lambda: app.parameter(None),
        lambda: app.answer(None),
    ):
        with pytest.raises(SetupError) as raised:
            add()
        (fault,) = raised.value.faults
        assert fault.code == "app-sealed"
        assert fault.where.startswith(__file__)


def test_an_app_with_faults_says_so_each_time_it_is_asked(serve: Any, caplog: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(clock: Clock) -> str:
        return ""

    client = serve(app)
    for _ in range(2):
        answer = client.get("/")
        assert answer.status == 500
        assert "no-place" in answer.text
    with pytest.raises(SetupError):
        app.seal()


def test_a_rule_that_cannot_judge() -> None:
    app = App(docs=False)

    def yields() -> Iterator[bool]:
        yield True

    def unreadable() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return True

    app.get("/a", needs=yields)(lambda: 1)
    app.get("/b", needs=unreadable)(lambda: 1)
    assert [(fault.code, fault.where) for fault in faults_of(app)] == [
        ("async-rule", line_of(yields)),
        ("bad-hint", line_of(unreadable)),
    ]
