import pytest

from wholestack import App
from wholestack.middleware import RateLimit

app = App()
app.use(RateLimit("100/minute"))


def test_memory_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["memory-store"]
