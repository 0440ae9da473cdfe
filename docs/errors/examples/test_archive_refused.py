import io
import zipfile
from pathlib import Path

import pytest

from wholestack.files import ArchiveRefused, extract


def test_archive_refused(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("../outside.txt", b"slipped out")
    with pytest.raises(ArchiveRefused, match="leads out of its folder"):
        extract(target, tmp_path / "new")
    assert not (tmp_path / "new").exists()
