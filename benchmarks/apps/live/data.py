"""What the applications hand out."""

from collections.abc import Iterator
from dataclasses import dataclass

LINES = 100_000


@dataclass
class Line:
    """One object of the `lines` workload."""

    id: int
    name: str
    price: float


def lines() -> Iterator[Line]:
    """As a query gives them: one after the other."""
    for number in range(LINES):
        yield Line(number, f"Line number {number}", number / 4)
