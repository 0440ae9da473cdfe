"""The pictures of the docs: every kind of page of the admin in each of its looks, and all of them small."""

from __future__ import annotations

import re

from house.source import TOP

FOLDER = TOP / "docs" / "pictures"
GUIDE = TOP / "docs" / "guides" / "admin-pictures.md"
KINDS = {
    *("dashboard", "list", "filters", "empty", "form", "add", "fault", "inlines", "view-only", "conflict", "delete"),
    *("bulk-delete", "action", "action-form", "job", "import", "import-columns", "import-rows", "import-done"),
    *("export", "history", "compare", "restore", "search", "palette", "own-page", "login", "second-factor", "error"),
}
MOST = 12 * 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"


def test_every_kind_of_page_has_its_pictures_and_the_guide_shows_them() -> None:
    found = re.findall(r"\(\.\./pictures/office-([\w-]+)-(light|dark|phone)\.png\)", GUIDE.read_text(encoding="utf-8"))
    assert sorted(found) == sorted((kind, look) for kind in KINDS for look in ("light", "dark", "phone"))
    for kind, look in found:
        picture = (FOLDER / f"office-{kind}-{look}.png").read_bytes()
        width = int.from_bytes(picture[16:20], "big")
        assert (picture[:8], width) == (PNG, 360 if look == "phone" else 1200), (kind, look)


def test_pictures_are_small_and_shown_somewhere() -> None:
    pictures = [*FOLDER.glob("*.png")]
    assert sum(each.stat().st_size for each in pictures) < MOST
    pages = "".join(each.read_text(encoding="utf-8") for each in (TOP / "docs").rglob("*.md"))
    assert [each.name for each in pictures if f"/{each.name})" not in pages] == []
