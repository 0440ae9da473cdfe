"""The table of what servers do by themselves: the page says what the matrix asserts."""

from __future__ import annotations

import re

from servers import known
from servers.matrix import BY_NAME, ROOT

OURS = [
    *("A1", "A2", "A3", "A4", "A6", "A7", "A9", "A10", "A11", "A12", "A13", "A14", "A15", "A16"),
    *(
        "B1",
        "B2",
        "B3",
        "B4",
        "B5",
        "B6",
        "B7",
        "B8",
        "B9",
        "B10",
        "B11",
        "B12",
        "B14",
        "B15",
        "B16",
        "B17",
        "B18",
        "B19",
        "B20",
    ),
    *(
        "C1",
        "C2",
        "C3",
        "C4",
        "C5",
        "C6",
        "C7",
        "C11",
        "C12",
        "C13",
        "C14",
        "C15",
        "C19",
        "C16",
        "C18",
        "C8",
        "C9",
        "C10",
        "C17",
        "C20",
        "C21",
        "C22",
        "C23",
        "C25",
        "D3",
        "D4",
        "D5",
        "D6",
        "D7",
    ),
    *("E1", "E3", "E4", "E5", "E8", "E10", "E11", "E12", "E13", "E14", "E16"),
    *("B13", "D1", "D2", "E6", "E9", "E15", "E18"),
    *("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12"),
    *("G1", "G2", "G3", "G4", "G5", "G6", "H1", "H2", "H3", "H4", "H5", "H6", "H9", "H10", "H11", "H12", "H13"),
]
"""The rows of the boundary that the core must hold, and those of the database and of what lives long."""


def test_the_page_has_the_table_as_it_is() -> None:
    text = known.PAGE.read_text(encoding="utf-8")
    assert known.page(text) == text, "PYTHONPATH=src:tests python -m servers.known"


def test_every_name_is_a_server_of_the_matrix() -> None:
    for each in known.KNOWN:
        assert set(each.servers.split()) <= set(BY_NAME), each


def test_every_row_of_the_boundary_has_a_test_that_exists() -> None:
    """The page's table names each row once, and tests that are there, one of them under the row's name."""
    page = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([A-H]\d+) \| (.*?) \|", page, re.MULTILINE))
    assert list(rows) == OURS
    for row, cell in rows.items():
        file, names = "", []
        for each in re.findall(r"`([^`]*::\w+)`", cell):
            file = each.partition("::")[0] or file
            names.append(each.partition("::")[2])
            assert f"def {names[-1]}(" in (ROOT / file).read_text(encoding="utf-8"), (row, each)
        assert any(name.lower().startswith(f"test_{row.lower()}_") for name in names), row
