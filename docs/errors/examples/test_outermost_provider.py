import pytest

from wholestack import App, SetupError

app = App()


class Watch:
    def __init__(self, seconds: int) -> None:
        self.seconds = seconds


@app.get("/")
def home(watch: Watch) -> int:
    return watch.seconds


def make_watch(seconds: int) -> Watch:
    return Watch(seconds)


app.provide(make_watch, outermost=True)


def test_outermost_provider() -> None:
    with pytest.raises(SetupError, match="outermost-provider"):
        app.seal()
