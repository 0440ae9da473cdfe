import pytest

from wholestack import App, SetupError

app = App()


class Weather:
    """What it is like outside."""


@app.provide
async def weather() -> Weather:
    return Weather()


@app.get("/weather")
def show(weather: Weather) -> str:
    return "fine"


def test_async_provider() -> None:
    with pytest.raises(SetupError, match="async-provider"):
        app.seal()
