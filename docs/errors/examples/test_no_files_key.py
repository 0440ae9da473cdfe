import pytest

from wholestack import App, SetupError
from wholestack.files import Files, MemoryStorage


def test_no_files_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    monkeypatch.delenv("FILES_KEY", raising=False)
    app = App()
    app.use(Files(MemoryStorage()))
    with pytest.raises(SetupError, match="no-files-key"):
        app.seal()
