"""What `describe()` knows of a route's answers by its return annotation."""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import pytest

from wholestack import HTML, JSON, App, File, NotFound, Redirect, Response, SetupError, Text


def described(returns: Any, **options: Any) -> list[tuple[int, Any, str | None]]:
    app = App(docs=False)
    app.get("/", returns=returns, **options)(lambda: None)
    (route,) = app.describe().routes
    return [(each.status, each.type, each.media_type) for each in route.answers]


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (HTML, [(200, str, "text/html")]),
        (Text, [(200, str, "text/plain")]),
        (JSON, [(200, object, "application/json")]),
        (Redirect, [(303, None, None)]),
        (File, [(200, object, "*/*")]),
        (Response, [(200, object, "*/*")]),
        (int | Redirect, [(200, int, "application/json"), (303, None, None)]),
        (list[int], [(200, list[int], "application/json")]),
        (None, [(204, None, None)]),
        (NoReturn, [(204, None, None)]),
        (Annotated[str, ["words"]], [(200, Annotated[str, ["words"]], "text/plain")]),
    ],
)
def test_a_kind_of_response_is_described_by_what_is_known_of_it(returns: Any, expected: Any) -> None:
    assert described(returns) == expected


def test_the_status_of_the_route_is_that_of_its_plain_answer() -> None:
    assert described(int | Redirect, status=201) == [(201, int, "application/json"), (303, None, None)]
    assert described(HTML, status=201, media="application/xhtml+xml") == [(201, str, "application/xhtml+xml")]


def test_an_answer_that_no_json_can_show_is_a_fault_with_its_place() -> None:
    app = App(docs=False)

    @app.get("/", returns=list[Response])
    def answers() -> list[Response]:
        return []

    with pytest.raises(SetupError, match=r"test_describe_answers.py:\d+: \[no-schema\]"):
        app.seal()


def test_what_an_error_handler_answers_is_described() -> None:
    app = App(docs=False)

    @app.on_error(NotFound)
    def missing(error: NotFound) -> dict[str, str]:
        return {"sorry": error.detail}

    @app.on_error(KeyError)
    def key(error: KeyError) -> HTML:
        return HTML("")

    app.get("/")(lambda: "")
    (route,) = app.describe().routes
    assert {
        kind: [(each.status, each.type, each.media_type) for each in found] for kind, found in route.handled.items()
    } == {NotFound: [(404, dict[str, str], "application/json")], KeyError: [(500, str, "text/html")]}
