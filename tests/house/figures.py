"""Figures the tests of the house print under the results, so that they are seen to grow."""

from __future__ import annotations

NOTED: list[str] = []


def note(line: str) -> None:
    NOTED.append(line)
