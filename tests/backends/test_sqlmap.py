"""Row D1 by sqlmap, level 2, on each database: it finds a hole that is there, and none in `crud`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from backends.crud_models import Specimen, app_on
from browsing import serving
from wholestack.db import Session, insert_many

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MySQL"}
QUERIES = (
    "text=hello&code__in=hello&order=-text&limit=10",
    "number__ge=1&money__lt=9&moment__ge=2026-01-01T00:00:00Z&rank=low",
    "search=hello&total=1&offset=0",
)


@pytest.fixture
def address(url: str) -> Iterator[str]:
    app = app_on(url)

    @app.get("/hole")
    def hole(name: str, db: Session) -> list[str]:
        return [each for (each,) in db.execute(text(f"SELECT text FROM specimen WHERE code = '{name}'"))]

    with serving(app) as found:
        with app.session() as db:
            insert_many(db, Specimen, [{"text": "hello", "code": f"hello{number or ''}"} for number in range(20)])
        yield found


def asked(program: str, address: str, folder: Path, kind: str) -> str:
    """What sqlmap says of each parameter of an address."""
    words = ("--batch", "--disable-coloring", "--level=2", "--risk=2", "--time-sec=2", "--threads=4", "--keep-alive")
    more = (f"--dbms={kind}", f"--output-dir={folder}", "-u", address)
    done = subprocess.run([program, *words, *more], capture_output=True, text=True, timeout=1500, check=False)
    return done.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_D1_sqlmap_finds_no_way_in(service: Callable[[str], str], address: str, url: str, tmp_path: Path) -> None:
    program, kind = service("sqlmap"), KINDS[url.partition(":")[0].partition("+")[0]]
    assert "is vulnerable" in asked(program, f"{address}/hole?name=hello", tmp_path / "hole", kind)
    for number, query in enumerate(QUERIES):
        said = asked(program, f"{address}/specimens?{query}", tmp_path / str(number), kind)
        assert "all tested parameters do not appear to be injectable" in said, said[-3000:]
