"""An error that nothing takes is raised in the test; what an answer asked to be done after it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from wholestack import App, Response
from wholestack.testing import AsyncClient, Client

ClientOf = Callable[..., Client]


class Mine(Exception):
    pass


def app_that_raises() -> App:
    app = App(docs=False)

    @app.get("/def")
    def plain() -> str:
        raise Mine("def")

    @app.get("/async")
    async def asynchronous() -> str:
        raise Mine("async")

    def unwell() -> Iterator[float]:
        raise Mine("provider")
        yield 1.0

    app.provide(unwell)

    @app.get("/provider")
    def provided(value: float) -> str:
        return "never"

    @app.get("/after")
    def after() -> Response:
        return Response(b"x").after(fails)

    @app.get("/async-after")
    async def async_after() -> Response:
        return Response(b"x").after(async_fails)

    def fails() -> None:
        raise Mine("after")

    async def async_fails() -> None:
        raise Mine("async-after")

    return app


@pytest.mark.parametrize("path", ["def", "async", "provider", "after", "async-after"])
def test_raised(client_of: ClientOf, path: str) -> None:
    client = client_of(app_that_raises())
    with pytest.raises(Mine, match=f"^{path}$") as raised:
        client.get(f"/{path}")
    # The traceback leads to the line that raised.
    assert raised.traceback[-1].path.name == "test_raised.py"


@pytest.mark.parametrize("path", ["def", "async", "provider"])
def test_or_answered(client_of: ClientOf, path: str) -> None:
    answer = client_of(app_that_raises(), raise_errors=False).get(f"/{path}").expect(500)
    assert answer.json()["code"] == "internal-error"


def test_or_logged(client_of: ClientOf, caplog: pytest.LogCaptureFixture) -> None:
    client_of(app_that_raises(), raise_errors=False).get("/after").expect(200)
    assert "an after-send action failed" in caplog.text


def test_an_error_that_is_taken_is_not_raised(client_of: ClientOf) -> None:
    app = app_that_raises()

    @app.on_error(Mine)
    def taken(error: Mine) -> Response:
        return Response(str(error), 418)

    assert client_of(app).get("/def").expect(418).text == "def"


def test_after(client_of: ClientOf) -> None:
    app, done = App(docs=False), []

    async def later() -> None:
        await asyncio.sleep(0.05)
        done.append("later")

    @app.get("/")
    def index() -> Response:
        return Response(b"x").after(done.append, "now").after(later)

    client = client_of(app)
    client.get("/").expect(200)
    assert done == ["now", "later"]


def test_each_request_has_its_own(interface: str) -> None:
    async def main() -> None:
        async with AsyncClient(app_that_raises(), interface=interface) as client:  # type: ignore[arg-type]
            results = await asyncio.gather(
                *(client.get(f"/{path}") for path in ["def", "async", "provider"] * 5), return_exceptions=True
            )
        assert [str(each) for each in results] == ["def", "async", "provider"] * 5

    asyncio.run(main())
