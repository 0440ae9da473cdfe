import pytest

from wholestack import App
from wholestack.observe import Metrics

app = App()
app.use(Metrics())


def test_metrics_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["metrics-apart"]
