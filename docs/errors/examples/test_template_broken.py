from pathlib import Path

import pytest

from wholestack.templates import Engine, TemplateBroken


def test_template_broken(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("{% if %}")
    with pytest.raises(TemplateBroken, match=r"a\.html:1: "):
        Engine([str(tmp_path)]).render("a.html", {})
