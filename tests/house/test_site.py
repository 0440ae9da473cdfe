"""The documentation builds into a site in which every page is reached and every link leads somewhere."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from house.source import TOP


@pytest.fixture
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", TOP / "docs" / "_build.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["docs_build"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_site_builds_without_a_fault(
    builder: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert builder.build(tmp_path / "site") == 0, capsys.readouterr().err
    first = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<a href="learn/first-api.html">' in first
    assert "://" not in first.replace("http://localhost", "")


def test_code_can_be_read_in_light_and_in_dark(builder: ModuleType) -> None:
    """Colours come from two styles, each on the ground of the page: neither has a ground of its own for a whole block."""
    page, _, code = builder.style().partition("@media (prefers-color-scheme: light)")
    light, _, dark = code.partition("@media (prefers-color-scheme: dark)")
    assert ".k " in light and ".k " in dark and light != dark
    assert "pre {" in page and "pre {" not in f"{light}{dark}"


def test_what_is_wrong_is_said(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.md").write_text("# Start\n\n[a](a.md#there) [b](a.md#not-there) [c](c.md)\n")
    (tmp_path / "a.md").write_text("# A\n\n## There\n\n```python\nx = 1\n```\n")
    (tmp_path / "lost.md").write_text("# Lost\n")
    monkeypatch.setattr(builder, "DOCS", tmp_path)
    assert builder.build(tmp_path / "_site") == 3
    told = capsys.readouterr().err
    assert "no page leads to lost.md" in told
    assert "index: a.md#not-there" in told
    assert "index: c.md is no page" in told
