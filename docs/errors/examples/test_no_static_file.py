from pathlib import Path

import pytest

from wholestack.static import Static, StaticFault


def test_no_static_file(tmp_path: Path) -> None:
    (tmp_path / "app.css").write_text("body { margin: 0 }")
    with pytest.raises(StaticFault, match=r"Is app\.css meant\?"):
        Static(str(tmp_path)).url("app.cs")
