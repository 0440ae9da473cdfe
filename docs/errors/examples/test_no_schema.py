import pytest

from wholestack import App, Body, SetupError

app = App()


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


@app.post("/points")
def add(point: Body[Point]) -> str:
    return "added"


def test_no_schema() -> None:
    with pytest.raises(SetupError, match="no-schema"):
        app.seal()
