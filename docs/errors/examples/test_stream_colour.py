from collections.abc import Iterator

import pytest

from wholestack import App, Body, SetupError

app = App()


@app.post("/count")
async def count(chunks: Body[Iterator[bytes]]) -> int:
    return sum(len(chunk) for chunk in chunks)


def test_stream_colour() -> None:
    with pytest.raises(SetupError, match="stream-colour"):
        app.seal()
