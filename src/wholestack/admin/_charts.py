"""Figures as pictures: bars, lines and rings in SVG, drawn by the server, and the same figures as tables."""

from __future__ import annotations

import decimal
import itertools
import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from wholestack.languages import format_number, format_percent, gettext

Figure = int | float | decimal.Decimal
Points = Sequence[tuple[Any, Figure]]

_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 18, 9, 24
_COLOURS = 6
"""Classes ``chart-1`` to ``chart-6`` of the style sheet."""
_LONGEST_WORD = 12
_LETTER = 7.5
"""How wide a letter is at most, as a rule, in the units of a picture."""


def top_of(values: Sequence[Figure]) -> float:
    """Where an axis ends that has room for all values: 1, 2 or 5 times a power of ten.

    Example:
        >>> top_of([3, 17]), top_of([0.4]), top_of([])
        (20.0, 0.5, 1.0)
    """
    largest = max((float(each) for each in values if math.isfinite(each)), default=0.0)
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= largest)


class _Plane:
    """Where figures are drawn: from left to right, upwards, in the units of a picture."""

    def __init__(self, points: Points, parts: int, *, wide: bool) -> None:
        self.points = points
        self.width, self.height, self._most_words = (660, 230, 12) if wide else (320, 160, 6)
        self.ground = self.height - _BOTTOM
        self.step = (self.width - _LEFT - _RIGHT) / max(parts, 1)
        self._top = top_of([value for _, value in points])

    def x(self, place: float) -> float:
        """How far from the left edge a place is."""
        return round(_LEFT + self.step * place, 1)

    def y(self, value: Figure) -> float:
        """How far from the upper edge a value is; what is below nothing stands on the ground."""
        number = float(value) if math.isfinite(value) else 0.0
        return round(self.ground - (self.ground - _TOP) * min(max(number, 0.0) / self._top, 1.0), 1)

    def picture(self, title: str, within: float, *drawn: Markup) -> Markup:
        """All of it, with words below each place, and a part of its width from its beginning."""
        parts = Markup("").join((self._axis(), *drawn, self._words(within)))
        return Markup('<svg class="admin-chart{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            " wide" if self.width > self.height * 2.5 else "", self.width, self.height, title, parts
        )

    def _axis(self) -> Markup:
        mark = Markup(
            '<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" class="chart-at">{}</text>'
        )
        ends = ((value, self.y(value)) for value in (0.0, self._top / 2, self._top))
        return Markup("").join(
            mark.format(_LEFT, self.width - 4, at, at, _LEFT - 6, at + 4.5, _short(value)) for value, at in ends
        )

    def _words(self, within: float) -> Markup:
        each = -(-len(self.points) // self._most_words) or 1
        named = ((place, str(name)) for place, (name, _) in enumerate(self.points) if place % each == 0)
        longest = min(_LONGEST_WORD, max(3, int(self.step * each / _LETTER) - 1))
        return Markup("").join(
            Markup('<text x="{}" y="{}" class="chart-under">{}</text>').format(
                self.x(place + within), self.height - 5, name if len(name) <= longest else f"{name[:longest]}…"
            )
            for place, name in named
        )


def bars(points: Points, title: str, *, wide: bool) -> Markup:
    """Upright bars, one for each value."""
    plane = _Plane(points, len(points), wide=wide)
    bar = Markup('<rect class="chart-1" x="{}" y="{}" width="{:.1f}" height="{:.1f}" rx="1.5"/>')
    drawn = [
        bar.format(plane.x(place + 0.15), plane.y(value), plane.step * 0.7, plane.ground - plane.y(value))
        for place, (_, value) in enumerate(points)
    ]
    return plane.picture(title, 0.5, *drawn)


def line(points: Points, title: str, *, wide: bool) -> Markup:
    """A line through the values, from left to right."""
    plane = _Plane(points, len(points) - 1, wide=wide)
    places = " ".join(f"{plane.x(place)},{plane.y(value)}" for place, (_, value) in enumerate(points))
    below = f"{plane.x(0)},{plane.ground} {places} {plane.x(len(points) - 1)},{plane.ground}"
    area = Markup('<polygon class="chart-area" points="{}"/>').format(below)
    return plane.picture(title, 0, area, Markup('<polyline class="chart-line" points="{}"/>').format(places))


def ring(points: Points, title: str) -> Markup:
    """A ring of parts of a whole; its circumference is 100."""
    whole = sum(max(float(value), 0) for _, value in points) or 1.0
    shares = [100 * max(float(value), 0) / whole for _, value in points]
    before = [0.0, *itertools.accumulate(shares)]
    drawn = [
        Markup(
            '<circle class="chart-ring chart-{}" cx="21" cy="21" r="15.9155" '
            'stroke-dasharray="{:.2f} {:.2f}" stroke-dashoffset="{:.2f}"/>'
        ).format(place % _COLOURS + 1, max(share - 0.6, 0.1), 100 - max(share - 0.6, 0.1), -start)
        for place, (share, start) in enumerate(zip(shares, before, strict=False))
        if share
    ]
    return Markup('<svg class="admin-ring" viewBox="0 0 42 42" role="img" aria-label="{}">{}</svg>').format(
        title, Markup("").join(drawn)
    )


def figures(points: Points, *, shares: bool = False) -> Markup:
    """The same as a table; with shares, each row shows its colour in the ring."""
    whole = sum(max(float(value), 0) for _, value in points) or 1.0
    rows = [
        Markup('<tr><th scope="row">{}<bdi>{}</bdi></th><td class="number">{}</td>{}</tr>').format(
            _swatch(place) if shares else "",
            name,
            format_number(value),
            Markup('<td class="number muted">{}</td>').format(format_percent(float(value) / whole)) if shares else "",
        )
        for place, (name, value) in enumerate(points)
    ]
    return Markup('<table class="admin-figures"><tbody>{}</tbody></table>').format(Markup("").join(rows))


def described(points: Points, title: str) -> str:
    """What a picture shows, in a sentence.

    Example:
        >>> described([("Mon", 3), ("Tue", 7)], "Visits")
        'Visits: 2 values from Mon to Tue, at most 7'
    """
    if not points:
        return title
    most = format_number(max(value for _, value in points))
    said = gettext(
        "%(count)s values from %(first)s to %(last)s, at most %(most)s",
        count=len(points), first=points[0][0], last=points[-1][0], most=most,
    )  # fmt: skip
    return f"{title}: {said}" if title else said


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def _swatch(place: int) -> Markup:
    mark = Markup('<svg class="admin-swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="chart-{}" width="10" ')
    return mark.format(place % _COLOURS + 1) + Markup('height="10" rx="2"/></svg> ')


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    """A small table; numbers stand at the end of their cells."""
    from ._cells import cell, is_number

    def part(value: Any) -> Markup:
        number = Markup(' class="number"') if is_number(value) else ""
        return Markup("<td{}>{}</td>").format(number, cell(value))

    head = Markup("").join(Markup('<th scope="col">{}</th>').format(each) for each in headings)
    body = Markup("").join(Markup("<tr>{}</tr>").format(Markup("").join(map(part, row))) for row in rows)
    return Markup('<table class="admin-figures"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(head, body)


def shown(value: Any) -> Markup:
    """A figure or a text, as a card has it large."""
    return escape(format_number(value) if isinstance(value, (int, float, decimal.Decimal)) else value)
