import pytest

from wholestack import App
from wholestack.realtime import Channel

app = App()


@app.post("/news")
async def publish(text: str, news: Channel[str]) -> str:
    return await news.publish(text)


def test_two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["one-process"]
