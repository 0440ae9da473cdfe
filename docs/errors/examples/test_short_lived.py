import pytest

from wholestack import App, SetupError

app = App()


class Visitor:
    """Who is asking, in this request."""


class Counter:
    """Counts for as long as the app runs."""


@app.provide
def visitor() -> Visitor:
    return Visitor()


def counter(visitor: Visitor) -> Counter:
    return Counter()


app.provide(counter, scope="app")


@app.get("/count")
def count(counter: Counter) -> str:
    return "counted"


def test_short_lived() -> None:
    with pytest.raises(SetupError, match="short-lived"):
        app.seal()
