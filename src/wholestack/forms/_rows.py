"""The buttons that change a form: what was typed is changed, and the page is shown with it; nothing is saved."""

from __future__ import annotations

from typing import Any

from wholestack.http import FormData

from ._spec import Spec, spec_of
from ._values import ADDED, FRESH, MOST_ROWS, State
from ._view import _steps

AGAIN = "_again"
"""The button that changes no row: the page comes back with what was typed, for choices that depend on it."""
BUTTONS = ("_add", "_remove", "_up", "_down", AGAIN)


def pressed(form: FormData) -> tuple[str, str] | None:
    """The button that has sent the form only to have it back: its name, and the row that it is about."""
    return next(((name, value) for name, value in form.fields if name in BUTTONS), None)


def change(state: State, button: tuple[str, str]) -> None:
    """Change the rows as the button says; one that names no row changes nothing."""
    action, name = button
    if action == AGAIN:
        state.focus = button
        return
    path = _steps(name)
    if action == "_add":
        rows = _rows_at(state, path)
        if rows is not None and len(rows) < MOST_ROWS:
            rows.append(FRESH)
            state.focus = ADDED, name
        return
    index = path.pop() if path else ""
    rows = _rows_at(state, path)
    state.focus = button
    if rows is None or not isinstance(index, int) or index >= len(rows):
        return
    if action == "_remove":
        del rows[index]
        state.focus = "_add", _name(path)
        return
    other = index - 1 if action == "_up" else index + 1
    if 0 <= other < len(rows):
        rows[index], rows[other] = rows[other], rows[index]
        # The button that was pressed goes along with its row, or the one beside it where the row has come to an end.
        ends = other == (0 if action == "_up" else len(rows) - 1)
        state.focus = ("_down" if action == "_up" else "_up") if ends else action, f"{_name(path)}[{other}]"


def _rows_at(state: State, path: list[str | int]) -> list[Any] | None:
    """The list of rows in what was typed; made where nothing was."""
    spec: Spec | None = spec_of(state.model)
    place: Any = state.typed
    for step in path:
        spec = spec.child(step) if spec is not None else None
        if spec is None:
            return None
        inner = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, list):
            inner = place[step] if isinstance(step, int) and step < len(place) else None
        if inner is None and isinstance(place, dict):
            inner = place[step] = [] if spec.shape.kind == "many" else {}
        place = inner
    return place if spec is not None and spec.shape.kind == "many" and isinstance(place, list) else None


def _name(path: list[str | int]) -> str:
    from ._field import name_of

    return name_of(tuple(path))
