from pathlib import Path

from wholestack import App
from wholestack.static import Static


def test_static_reference(tmp_path: Path) -> None:
    (tmp_path / "app.css").write_text("a { background: url(lost.png) }")
    app = App()
    app.use(Static(str(tmp_path)))
    app.seal()
    faults = [fault for check in app.checks for fault in check()]
    assert [fault.code for fault in faults] == ["static-reference"]
