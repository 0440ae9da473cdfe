from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrating import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A database in a file, whose models change from release to release."""
    found = Shop(f"sqlite:///{tmp_path}/app.db", tmp_path / "migrations")
    yield found
    found.close()
