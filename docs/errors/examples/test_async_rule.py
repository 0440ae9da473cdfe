import pytest

from wholestack import App, SetupError

app = App()


async def open_now() -> bool:
    return True


@app.get("/shop", needs=open_now)
def shop() -> str:
    return "come in"


def test_async_rule() -> None:
    with pytest.raises(SetupError, match="async-rule"):
        app.seal()
