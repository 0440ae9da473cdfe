import pytest

from wholestack import App, SetupError

app = App()


class Clock:
    """Tells the time."""


@app.provide
def clock():
    return Clock()


def test_no_return_type() -> None:
    with pytest.raises(SetupError, match="no-return-type"):
        app.seal()
