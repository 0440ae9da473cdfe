"""`describe().routes[…].steps` shows where each argument comes from."""

from __future__ import annotations

from wholestack import App


class Clock:
    """Tells the time."""


class Greeting:
    """Depends on the time."""


def test_values_of_the_app_are_shown_where_they_are_taken() -> None:
    app = App(docs=False)
    app.provide(Clock, scope="app")

    @app.provide
    def greeting(clock: Clock) -> Greeting:
        return Greeting()

    @app.get("/")
    def home(greeting: Greeting, watch: Clock) -> str:
        return ""

    steps = [step.split(" (")[0].split() for step in app.describe().routes[0].steps]
    given = [step for step in steps if step[0] in {"provide", "with", "call"}]
    assert [step[0] for step in given] == ["provide", "with", "call", "with"]
    assert (given[1][1], given[3][1]) == ("clock,", "watch,")
