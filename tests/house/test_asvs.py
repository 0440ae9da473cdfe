"""docs/security/asvs.md is whole and true: each requirement of its chapters once, and each test that it names is there."""

from __future__ import annotations

import functools
import re

import pytest

from house.source import TOP, Module

PAGE = TOP / "docs" / "security" / "asvs.md"
PROOF = TOP / "docs" / "proof.md"
# How many requirements of levels 1 and 2 a section of ASVS 5.0.0 begins with, and those further ones that we tell of.
SECTIONS = {
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
}  # fmt: skip
BEYOND = {"6.3.5", "6.3.7", "6.3.8", "8.3.2"}
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([123]) \| .+ \| .+ \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[^`]+\.py)::(\w+)`")
SHORT = re.compile(r"`(?:(tests/[^`]+\.py))?::(\w+)`")

ROWS = ROW.findall(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else []


@functools.cache
def names_in(path: str) -> set[str]:
    file = TOP / path
    return {name for name, _ in Module(file).functions} if file.is_file() else set()


def test_each_requirement_is_there_once() -> None:
    wanted = {f"{section}.{number + 1}" for section, count in SECTIONS.items() for number in range(count)}
    found = [number for number, _, _ in ROWS]
    assert sorted(found) == sorted(wanted | BEYOND)
    assert {number for number, level, _ in ROWS if level == "3"} == BEYOND


@pytest.mark.parametrize("named", [row[2] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_holds_it_is_there(named: str) -> None:
    found = TEST.findall(named)
    assert ", ".join(f"`{path}::{name}`" for path, name in found) == named or named == "–"
    assert [f"{path}::{name}" for path, name in found if name not in names_in(path)] == []


def test_what_the_proof_names_is_there() -> None:
    """There a test of the same file is named by its `::name` alone."""
    missing, path = [], ""
    for line in PROOF.read_text(encoding="utf-8").splitlines():
        for own, name in SHORT.findall(line):
            path = own or path
            if name not in names_in(path):
                missing.append(f"{path}::{name}")
    assert missing == []
