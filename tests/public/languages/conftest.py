from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PLURALS = {
    "de": "nplurals=2; plural=(n != 1);",
    "pl": "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}


def catalogue(path: Path, text: str, plurals: str | None = None) -> Path:
    """A .po file with a header; `text` is what comes after it."""
    head = f'"Plural-Forms: {plurals}\\n"\n' if plurals else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n{head}\n{text}', "utf-8")
    return path


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """`write(de="…")`: catalogues of languages in a folder, whose path it gives."""

    def written(**texts: str) -> str:
        for name, text in texts.items():
            catalogue(tmp_path / "locale" / name / "LC_MESSAGES" / "messages.po", text, PLURALS.get(name))
        return str(tmp_path / "locale")

    return written


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> str:
    return str(request.param)
