"""The page for an error: plain HTML that executes nothing, with its style in a file of its own."""

from __future__ import annotations

import dataclasses
import functools
import pkgutil
from collections.abc import Iterable, Sequence
from html import escape

from ._frames import Frame, Told

STYLE = "/_wholestack/debug.css"
"""Where the style lies, below the path that the app is mounted at."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
</head>
<body>
<header>
<p class="kind">{kind}</p>
<h1>{message}</h1>
<p>{place}</p>
</header>
<main>
{sections}
</main>
<footer>
<p>Shown by <code>wholestack dev</code> to this machine only. Secrets are masked by their names. Request {id}.</p>
</footer>
</body>
</html>
"""

Rows = Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Shown:
    """All that the page says, as text; secrets are out of it."""

    method: str
    path: str
    id: str
    errors: tuple[Told, ...]
    cure: str
    request: tuple[tuple[str, Rows], ...]
    route: str
    steps: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]
    text: str


@functools.cache
def style() -> bytes:
    """The style sheet."""
    return pkgutil.get_data("wholestack.debug", "assets/debug.css") or b""


def page(shown: Shown, root: str = "") -> str:
    """The whole page; `root` is the path that the app is mounted at."""
    last = shown.errors[-1]
    at = nearest(last.frames)
    place = f"<code>{escape(at.place)}</code> in <code>{escape(at.function)}</code>, " if at is not None else ""
    sections = [
        _section("What to do", f"<p>{_words(shown.cure)}</p>", "cure") if shown.cure else "",
        _section("Traceback", "".join(_error(each) for each in shown.errors)),
        _section("Request", "".join(_table(title, rows) for title, rows in shown.request)),
        _section("Route", _route(shown)),
        _section("As text", f"<details><summary>The traceback, to be copied</summary>{_pre(shown.text)}</details>"),
    ]
    return _PAGE.format(
        title=escape(f"{last.kind}: {shown.method} {shown.path}"),
        style=escape(root + STYLE),
        kind=escape(last.kind),
        message=escape(last.message) or escape(last.kind),
        place=f"{place}for <code>{escape(shown.method)} {escape(shown.path)}</code>",
        sections="\n".join(each for each in sections if each),
        id=escape(shown.id),
    )


def nearest(frames: Iterable[Frame]) -> Frame | None:
    """The innermost frame that is the developer's own, or the innermost at all."""
    known = list(frames)
    return next((each for each in reversed(known) if each.mine), known[-1] if known else None)


def _section(title: str, body: str, kind: str = "") -> str:
    name = title.lower().replace(" ", "-")
    role = f' class="{kind}"' if kind else ""
    return f'<section{role} aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{body}\n</section>'


def _error(told: Told) -> str:
    """One error with its frames, outermost first; the developer's own are open, all others closed."""
    before = f'<p class="before">The error above {escape(told.before)} this one:</p>' if told.before else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in told.notes)
    half = len(told.frames) // 2
    frames = [_frame(each) for each in told.frames]
    if told.left_out:
        frames.insert(half, f'<li class="gap">… {told.left_out} calls are left out …</li>')
    message = f": {escape(told.message)}" if told.message else ""
    return f"{before}<h3>{escape(told.kind)}{message}</h3>{notes}<ol>{''.join(frames)}</ol>"


def _frame(frame: Frame) -> str:
    state = " open" if frame.mine else ""
    head = f"<code>{escape(frame.place)}</code> in <code>{escape(frame.function)}</code>"
    values = _table("Local names", frame.values) if frame.values else ""
    return (
        f'<li class="{"mine" if frame.mine else "other"}"><details{state}><summary>{head}</summary>'
        f"{_source(frame)}{values}</details></li>"
    )


def _source(frame: Frame) -> str:
    if not frame.source:
        return "<p>Its source cannot be read.</p>"
    width = len(str(frame.source[-1][0]))
    lines = []
    for number, text in frame.source:
        line = f"{'▶' if number == frame.line else ' '} {number:>{width}}  {text}"
        lines.append(f"<mark>{escape(line)}</mark>" if number == frame.line else escape(line))
    return _scrolled("<pre>" + "\n".join(lines) + "</pre>", f"Source of {frame.place}")


def _table(title: str, rows: Rows) -> str:
    if not rows:
        return ""
    inner = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f"<table><caption>{escape(title)}</caption><tbody>{inner}</tbody></table>"


def _route(shown: Shown) -> str:
    if not shown.route:
        return "<p>No route of the app answers this path.</p>"
    steps = "".join(f"<li>{escape(each)}</li>" for each in shown.steps)
    heads = "".join(f'<th scope="col">{each}</th>' for each in ("Argument", "Comes from", "When it is left out"))
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(place)}</td><td>{escape(need)}</td></tr>'
        for name, place, need in shown.sources
    )
    table = (
        f"<table><caption>From the request</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    return f'<p><code>{escape(shown.route)}</code></p>{table}<p>What runs, in order:</p><ol class="steps">{steps}</ol>'


def _pre(text: str) -> str:
    return _scrolled(f"<pre>{escape(text)}</pre>", "Traceback as text")


def _scrolled(body: str, label: str) -> str:
    """What may be wider than the page can be scrolled with the keyboard, too, and says what it is."""
    return f'<div class="scrolled" role="region" tabindex="0" aria-label="{escape(label)}">{body}</div>'


def _words(text: str) -> str:
    """A sentence whose code stands between backticks."""
    return "".join(
        f"<code>{escape(part)}</code>" if index % 2 else escape(part) for index, part in enumerate(text.split("`"))
    )
