"""What of a field's HTML is the same for everybody, written once: its frame, with gaps for what a request puts in."""

from __future__ import annotations

import copy
import re
import secrets
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from ._words import spoken

if TYPE_CHECKING:
    from ._field import Field

#: Frames of one field that are kept: of each language, state and row. What is beyond is written anew each time.
MOST = 256
#: Widgets whose value is one of a few, so that each has a frame of its own; in others it stands as a text.
_CHOSEN = frozenset({"select", "radio", "checkbox"})
#: Those that have further fields, buttons or values in them.
_OTHERS = frozenset({"fieldset", "rows", "checkboxes"})
# Nobody's own text has them in it.
_VALUE, _ERRORS, _ACTION = (f"gap{secrets.token_hex(16)}gap" for _ in range(3))
_GAPS = {_VALUE: "%(value)s", _ERRORS: "%(errors)s", _ACTION: "%(action)s"}
_GAP = re.compile("|".join(_GAPS))


def framed(field: Field) -> Markup | None:
    """A field's HTML, by its frame; None for one that has none.

    A frame is found by all that stands in it: words in the language of the request, its time zone where it is told,
    what is chosen, whether something is wrong. What was typed, and what is said of it, is no part of any.
    """
    view, spec, kind = field._view, field._spec, field.widget
    if kind in _OTHERS or view._focus is not None or (kind == "range" and not field.value):
        return None
    if view._faults and "autofocus" in spec.attributes:
        return None  # It stands back, which is not said by what is wrong with the field itself.
    chosen, choices = None, None
    if kind in _CHOSEN:
        if spec.shape.kind == "many" or view._choices_at(field.path) is not None:
            return None  # They may be somebody's own.
        choices, chosen = (field.choices, spoken("Choose…")), field._is_ticked if kind == "checkbox" else field.value
        if kind != "checkbox" and chosen and chosen not in spec.values:
            return None
    if field._beside:
        return None  # It has an input more.
    wrong, help_ = field.errors, spec.help and spoken(spec.help)
    zone = field._zone and (field._zone, *field._help)  # Told in a language, too, and its bounds are in it.
    key = (view.prefix, field.path, view.live, bool(wrong), field.words, help_, zone, choices, chosen)
    frame = spec.frames.get(key)
    if frame is None:
        if len(spec.frames) >= MOST:
            return None
        frame = spec.frames[key] = _frame(field)
    text, errors, action = "", "", ""
    if choices is None:
        text = escape(field.value if kind == "textarea" else field._shown or "")
    if wrong:
        errors = Markup("<br>").join(wrong)
    if view.live:
        action = escape(view.action or "")
    return Markup(frame % {"value": text, "errors": errors, "action": action})  # noqa: S704  (each piece escaped)


def _frame(field: Field) -> str:
    """The frame of a field, for ``%``: its HTML with a mark in each gap, cut at the marks."""
    view = copy.copy(field._view)
    view._faults = {}
    view.action = _ACTION
    held = field._held if field.widget in _CHOSEN else _VALUE
    probe = type(field)(view, field._spec, field.path, held)
    probe.errors = [_ERRORS] if field.errors else []
    return _GAP.sub(lambda gap: _GAPS[gap[0]], str(probe._written()).replace("%", "%%"))
