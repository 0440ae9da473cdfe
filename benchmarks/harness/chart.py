"""Draws the figures as one SVG, by hand: a panel per workload, a bar per framework on its best server."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from harness.report import Run

COLUMNS, WIDTH, LABEL, BAR, GAP, HEAD, MARGIN = 3, 400, 150, 14, 5, 44, 20
COLOURS = {"wholestack": "#c2410c", "bare": "#a8a29e"}
OTHERS = "#7895b2"
STYLE = "text{font:12px system-ui,sans-serif;fill:#292524}.title{font-weight:600;font-size:14px}.note{fill:#78716c}"


@dataclass(frozen=True)
class Panel:
    """One small chart: named figures, the best first."""

    title: str
    unit: str
    bars: Sequence[tuple[str, float]]

    @property
    def height(self) -> int:
        """In pixels."""
        return HEAD + len(self.bars) * (BAR + GAP) + MARGIN


def best_of_each(figures: Iterable[tuple[str, float | None]], *, smallest: bool = False) -> list[tuple[str, float]]:
    """One figure per framework, its best, in order."""
    best: dict[str, float] = {}
    for framework, figure in figures:
        if figure is not None:
            known = best.get(framework)
            best[framework] = figure if known is None else (min if smallest else max)(figure, known)
    return sorted(best.items(), key=lambda pair: pair[1] if smallest else -pair[1])


def panels(run: Run) -> list[Panel]:
    """All that were measured."""
    found = [
        Panel(
            workload.title,
            "requests/s",
            best_of_each((peer.framework, run.results.rate(workload.name, peer.name)) for peer in run.peers),
        )
        for workload in run.workloads
    ]
    seconds = [(peer.framework, run.growth.start_up_seconds(peer.name)) for peer in run.peers]
    found.append(
        Panel(
            "start-up to first answer",
            "ms (less is better)",
            [(name, figure * 1000) for name, figure in best_of_each(seconds, smallest=True)],
        )
    )
    memory = [(peer.framework, run.growth.memory_of(peer.name)) for peer in run.peers]
    sizes = [(name, one.worker if one else None) for name, one in memory]
    found.append(Panel("memory of a worker", "MiB RSS (less is better)", best_of_each(sizes, smallest=True)))
    return [panel for panel in found if panel.bars]


def draw_panel(panel: Panel, left: int, top: int) -> Iterable[str]:
    """The elements of one panel."""
    yield f'<text class="title" x="{left}" y="{top + 16}">{escape(panel.title)}</text>'
    yield f'<text class="note" x="{left}" y="{top + 33}">{escape(panel.unit)}</text>'
    longest = max(figure for _, figure in panel.bars)
    room = WIDTH - LABEL - 75
    for number, (name, figure) in enumerate(panel.bars):
        y = top + HEAD + number * (BAR + GAP)
        width = max(1.0, room * figure / longest)
        colour = COLOURS.get(name, OTHERS)
        yield f'<text x="{left + LABEL - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect x="{left + LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<text x="{left + LABEL + width + 5:.1f}" y="{y + 11}">{figure:,.0f}</text>'


def svg(run: Run) -> str:
    """The whole picture."""
    found = panels(run)
    body: list[str] = []
    top = MARGIN
    for first in range(0, len(found), COLUMNS):
        row = found[first : first + COLUMNS]
        for column, panel in enumerate(row):
            body += draw_panel(panel, MARGIN + column * WIDTH, top)
        top += max(panel.height for panel in row)
    note = f"Each framework on its best server, one core. {run.machine.date}, {run.machine.processor}."
    body.append(f'<text class="note" x="{MARGIN}" y="{top + 4}">{escape(note)}</text>')
    size = f'width="{COLUMNS * WIDTH + MARGIN}" height="{top + MARGIN}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Benchmarks of web frameworks">'
    return "\n".join(
        [head, f"<style>{STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>', *body, "</svg>\n"]
    )
