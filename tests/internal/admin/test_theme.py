"""Colours of a house that can be read, whatever it has chosen."""

from __future__ import annotations

import pytest

from wholestack.admin._theme import colour, contrast, readable, theme


@pytest.mark.parametrize("step", range(0, 256, 15))
def test_any_colour_can_be_read(step: int) -> None:
    for text in (f"#{step:02x}8040", f"#40{step:02x}c0", f"#{step:02x}{step:02x}{step:02x}"):
        for ground in ("#ffffff", "#f3f5f8", "#14171b", "#1f242a"):
            assert contrast(colour(readable(text, ground)), colour(ground)) >= 4.5


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#808080", "#ffd400", "#0b57a4", "#7a1f5c"])
def test_what_is_written_on_it_can_be_read(accent: str) -> None:
    made = theme(accent).decode()
    pairs = [
        made.partition(f"--{name}: light-dark(")[2].partition(")")[0].split(", ") for name in ("accent", "on-accent")
    ]
    for ground, text in zip(*pairs, strict=True):
        assert contrast(colour(ground), colour(text)) >= 4.5


def test_a_colour_that_is_readable_stays_as_it_is() -> None:
    assert readable("#0b57a4", "#f3f5f8") == "#0b57a4"
