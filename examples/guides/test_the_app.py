"""What docs/guides/the-app.md shows, and the tests that hold it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from wholestack import App, Request, Response, Router, Settings, SetupError, Text
from wholestack.errors import Fault
from wholestack.testing import Client

# [compose]
blog = Router(tags=["blog"])


@blog.get("/")
def posts() -> list[str]:
    return ["hello"]


class Site(Settings):
    title: str = "My site"


def create(settings: Site) -> App:
    app = App(settings, title=settings.title, headers={"x-frame-options": None})
    app.include(blog, at="/blog")
    return app


# [/compose]
def test_composing() -> None:
    answer = Client(create(Site())).get("/blog/")
    assert (answer.json(), "x-frame-options" in answer.headers) == (["hello"], False)


# [seal]
faulty = App(docs=False)


@faulty.get("/a")
def a(x) -> str:  # type: ignore[no-untyped-def]
    return "a"


@faulty.get("/b/{id")
def b(id: int) -> str:
    return "b"


# [/seal]
def test_sealing() -> None:
    # [seal-asked]
    with pytest.raises(SetupError) as raised:
        faulty.seal()
    assert [fault.code for fault in raised.value.faults] == ["no-type", "bad-path"]
    # [/seal-asked]


# [plugin]
class Visits:
    """Counts requests, and shows the count."""

    def __init__(self, path: str = "/visits") -> None:
        self.path = path
        self.count = 0

    def setup(self, app: App) -> None:
        app.middleware(self.counting)
        app.get(self.path)(self.show)

    def counting(self, request: Request) -> Generator[None, Response, Response]:
        self.count += 1
        return (yield)

    def show(self) -> int:
        return self.count


counted = App(docs=False)
counted.use(Visits())


@counted.get("/best")
def best(visits: Visits) -> str:
    return f"visitor number {visits.count}"


# [/plugin]
def test_a_plugin() -> None:
    client = Client(counted)
    client.get("/nowhere")
    assert client.get("/best").text == "visitor number 2"
    assert client.get("/visits").json() == 3


# [kinds]
class Size:
    """`640x480` in the query."""

    def __init__(self, text: str) -> None:
        self.width, self.height = map(int, text.split("x"))


class SizeParameter:
    def matches(self, annotation: Any) -> bool:
        return annotation is Size

    def reader(self, name: str, annotation: Any) -> Any:
        return lambda request: Size(request.query[name][0])


class Csv:
    def __init__(self, rows: list[list[int]]) -> None:
        self.rows = rows


class CsvAnswer:
    def matches(self, annotation: Any) -> bool:
        return annotation is Csv

    def responder(self, annotation: Any, status: int | None) -> Any:
        def respond(value: Csv, request: Request) -> Response:
            lines = "\n".join(",".join(map(str, row)) for row in value.rows)
            return Response(lines, status or 200, media_type="text/csv")

        return respond


extended = App(docs=False)
extended.parameter(SizeParameter())
extended.answer(CsvAnswer())


@extended.get("/area")
def area(size: Size) -> Csv:
    return Csv([[size.width, size.height], [size.width * size.height]])


# [/kinds]
def test_new_kinds() -> None:
    assert Client(extended).get("/area?size=640x480").text == "640,480\n307200"


# [check]
def check_title(app: App) -> Iterator[Fault]:
    if app.title == "API":
        yield Fault("no-title", "The app has no title.", "app.py", "App(title=…)")


counted.check(check_title)
# [/check]


# [describe]
def test_every_route_has_a_summary() -> None:
    description = create(Site()).describe()
    routes = [route for route in description.routes if not route.hidden]
    assert [(route.methods, route.path, route.colour) for route in routes] == [(("GET",), "/blog/", "def")]
    assert all(route.summary for route in routes)


# [/describe]
def test_two_apps_never_meet() -> None:
    first, second = create(Site(title="One")), create(Site(title="Two"))
    first.get("/only")(lambda: Text("here"))
    assert (Client(first).get("/only").status, Client(second).get("/only").status) == (200, 404)
