"""What a parser may cost, measured on the CPU time of this thread, so that a busy machine changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

UNITS = (
    *("a", " ", ";", ",", '"', "\\", "=", "%", "*", "-", "\t; ", '\\"', ";a=", ';a="', ';a="\\', ', a/b;q="', "a=b; "),
    *("*/*,", "0-1,", "-,", "9", '"a",', 'W/"', "--", "//", "@", ":", ".", "\xe9", "&", "+", "%41", "a/b;q=0.1,"),
)
"""What hostile text is made of, by repeating it."""
WHOLE = 60_000


def cpu(function: Callable[[], object]) -> float:
    """The seconds of CPU that a call takes; whatever it raises is an answer too. The best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.thread_time()
        try:
            function()
        except Exception as answer:  # a parser that refuses must do it as fast
            answer.with_traceback(None)
        best = min(best, time.thread_time() - start)
    return best


@pytest.fixture(scope="session")
def machine() -> float:
    """How much slower this machine is than the one that the figures were written on."""
    return max(1.0, cpu(lambda: sum(len(f"{n:x}") for n in range(100_000))) / 0.015)


@pytest.fixture
def linear(untraced: None, machine: float) -> Callable[..., None]:
    """`linear(parse, "prefix")`: 60 kB of every hostile shape take less than 20 ms, twice as much twice the time."""

    def once(function: Callable[[str], object], texts: list[str]) -> bool:
        one, two, four = (cpu(lambda text=text: function(text)) for text in texts)  # type: ignore[misc]
        floor = 0.005 * machine
        return one < 0.020 * machine and two < max(floor, 2.5 * one) and four < max(floor, 2.5 * two)

    def check(function: Callable[[str], object], prefix: str = "", suffix: str = "") -> None:
        for unit in UNITS:
            texts = [prefix + (unit * (size // len(unit))) + suffix for size in (WHOLE, 2 * WHOLE, 4 * WHOLE)]
            # Noise passes in one of a few tries; the square of the length (a ratio of four) in none.
            assert any(once(function, texts) for _ in range(8)), (prefix, unit)

    return check


@pytest.fixture(name="cpu")
def measure(untraced: None) -> Callable[[Callable[[], object]], float]:
    """`cpu(function)`: the seconds of CPU of one call."""
    return cpu
