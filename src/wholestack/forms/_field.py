"""One field of a form, with what it holds and what is wrong with it, and how it is written as HTML."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from wholestack import Upload
from wholestack.languages import current_timezone, format_number

from ._frame import framed
from ._html import Value, attributes, joined, tag
from ._spec import Spec, time_text
from ._values import NOTHING, part, rows_of, text_of, texts_of
from ._widget import Choices
from ._words import spoken
from ._zones import comes_later, is_at_an_end, local_text, moment_of, zone_name

if TYPE_CHECKING:
    from ._view import FormView

_NO_ID = re.compile(r"[^A-Za-z0-9_-]+")
#: What is left of a field's own attributes where the widget is a group of inputs.
_OF_A_GROUP = ("required", "multiple")


class Field:
    """One field of a form, for templates: ``{{ form.title }}`` is all of it, `label`, `input`, `error`, `help` parts.

    A field of a model or of rows has fields of its own: ``form.address.street``; ``{% for row in form.lines %}``. One
    that is called as something here is (``name``, ``label``) is found in brackets: ``row["name"]``.

    Attributes:
        path: the names and numbers that lead to it.
    """

    def __init__(self, view: FormView[Any], spec: Spec, path: tuple[str | int, ...], held: Any) -> None:
        self._view = view
        self._spec = spec
        self._held = held
        self.path = path

    @functools.cached_property
    def name(self) -> str:
        """Its name on the wire, ``lines[0].pieces``."""
        return name_of(self.path)

    @functools.cached_property
    def id(self) -> str:
        """The id of its input; ``…-error`` and ``…-help`` are those of what belongs to it."""
        return f"{self._view.prefix}f-{_NO_ID.sub('-', '-'.join(map(str, self.path)))}"

    # -- what it holds -------------------------------------------------------------------------------------------

    @property
    def value(self) -> str:
        """What stands in it, as text; nothing for a secret or a file."""
        if self._spec.is_secret:
            return ""
        if self._spec.shape.zoned and self._moment is not None:
            return local_text(self._moment)
        # What was typed is a text already.
        return self._held if type(self._held) is str else text_of(next(iter(texts_of(self._held)), ""))

    @functools.cached_property
    def _moment(self) -> datetime.datetime | None:
        """The moment that it holds, in the visitor's time zone; None for a field of another kind."""
        return moment_of(self._held) if self._spec.shape.zoned else None

    @property
    def filename(self) -> str:
        """What its sender called the file that was typed into it: a browser wants that chosen again."""
        return self._held.filename if isinstance(self._held, Upload) else ""

    @property
    def values(self) -> list[str]:
        """What is chosen, where several may be."""
        if self._spec.shape.zoned and self._moment is not None:
            return [f"{time_text(self._moment)}Z"]  # The same in each time zone, typed or filled in.
        return [] if self._spec.is_secret else texts_of(self._held)

    @functools.cached_property
    def errors(self) -> list[str]:
        """What is wrong with it, in words for people."""
        return self._view._faults_at(self.path)

    @property
    def choices(self) -> Choices:
        """What may be chosen: the text of each value and its words, those of the model in the request's language."""
        given = self._view._choices_at(self.path)
        # What a handler gives may come from a database, where no text of the app's own stands.
        return given if given is not None else tuple((value, spoken(words)) for value, words in self._spec.choices)

    @functools.cached_property
    def widget(self) -> str:
        """Which widget it has; see `Widget`."""
        kind = self._spec.kind
        if self._view._choices_at(self.path) is None or kind in {"select", "radio", "checkboxes", "hidden", "none"}:
            return kind
        return "select"

    def __iter__(self) -> Iterator[Field]:
        """The rows, or the fields of a model."""
        return iter(self.rows if self._spec.shape.kind == "many" else self.fields)

    @functools.cached_property
    def rows(self) -> list[Field]:
        """The rows of a field that holds many."""
        held = rows_of(self._held)
        if not held and not self._view.typed:
            least = self._spec.context.get("min_length", 0) or (1 if self._spec.required else 0)
            held = [NOTHING] * min(least, 20)
        return [Field(self._view, self._spec.item, (*self.path, index), each) for index, each in enumerate(held)]

    @functools.cached_property
    def fields(self) -> list[Field]:
        """The fields of a model."""
        return [self[name] for name in self._spec.fields] if self._spec.shape.kind == "model" else []

    def __getitem__(self, step: str | int) -> Field:
        spec = self._spec.child(step)
        if spec is None:
            raise KeyError(step)
        if isinstance(step, int):
            return self.rows[step]
        held = part(self._held, step, spec.field, typed=self._view.typed)
        return Field(self._view, spec, (*self.path, step), held)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Field:
            if name.startswith("_"):
                raise AttributeError(name)
            try:
                return self[name]
            except KeyError:
                raise AttributeError(name) from None

    # -- parts ---------------------------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """Its words, without an element around."""
        return spoken(self._spec.label) if self._spec.label else str(int(self.path[-1]) + 1)

    @property
    def target(self) -> str:
        """The id of what a link to it leads to: of a group, the first of its inputs."""
        return f"{self.id}-0" if self.widget in {"radio", "checkboxes"} and self.choices else self.id

    @property
    def label(self) -> Markup:
        """Its label."""
        return tag("label", {"for": self.id}, self.words)

    @property
    def help(self) -> Markup:
        """What the model says of it, the time zone of a moment, and that not all that may be chosen is listed."""
        lines = self._help
        return tag("p", {"class": "help", "id": f"{self.id}-help"}, Markup("<br>").join(lines)) if lines else Markup()

    @functools.cached_property
    def _help(self) -> list[str]:
        said, cut = self._spec.help, self._view._cut_at(self.path)
        lines = [spoken(said)] if said else []
        if self._zone is not None:
            lines.append(spoken("Time zone: {zone}").format(zone=zone_name(self._zone)))
        if cut is not None:
            lines.append(spoken("Only the first {count} are listed.").format(count=format_number(cut)))
        return lines

    @property
    def error(self) -> Markup:
        """What is wrong with it."""
        found = self.errors
        if not found:
            return Markup()
        lines = Markup("<br>").join(found)
        return tag("p", {"class": "error", "id": f"{self.id}-error"}, lines)

    @property
    def input(self) -> Markup:
        """The input alone."""
        kind = self.widget
        if kind in _GROUPS:
            return _GROUPS[kind](self)
        if kind == "textarea":
            # A browser takes the first line end in it away.
            return tag("textarea", self._values(), Markup("\n") + escape(self.value))
        if kind == "select":
            many = self._spec.shape.kind == "many"
            return joined([_nothing(self) if many else "", tag("select", self._values(), self._options())])
        if kind == "none":
            return Markup()
        return joined([tag("input", self._values()), *self._beside])

    @functools.cached_property
    def _beside(self) -> list[Markup]:
        """What the form sends beside a moment that its own text and the form's time zone do not say."""
        moment = self._moment
        if moment is None:
            return []
        # Of two moments that are called alike the first is read; this says that the second was shown.
        said = {"_later": "1"} if comes_later(moment) else {}
        if is_at_an_end(moment):
            said["_zone"] = "UTC"
        return [tag("input", {"type": "hidden", "name": f"{each}.{self.name}", "value": said[each]}) for each in said]

    @functools.cached_property
    def _zone(self) -> datetime.tzinfo | None:
        """The time zone that its input is in, of a field for a moment."""
        if not self._spec.shape.zoned or self.widget != "datetime-local":
            return None
        return datetime.UTC if self._moment is not None and is_at_an_end(self._moment) else current_timezone()

    @property
    def attributes(self) -> Markup:
        """The attributes of its input, for one that is written by hand: ``<input {{ form.title.attributes }}>``."""
        return attributes(self._values())

    def _values(self) -> dict[str, Value]:
        kind = self.widget
        values: dict[str, Value] = {} if kind in {"textarea", "select"} else {"type": kind}
        values |= {"name": self.name, "id": self.id, **self._spec.attributes}
        if kind == "select" and self._spec.kind != "select":  # Chosen from a query, whatever the type would be.
            for name in ("min", "max", "step", "minlength", "maxlength", "pattern"):
                values.pop(name, None)
            values["multiple"] = self._spec.shape.kind == "many"
            values["required"] = self._spec.required
        if self._spec.is_secret:
            values.pop("maxlength", None)  # A browser would cut what is pasted, without a word: another password.
        if self._zone is not None:
            bounds = {name: moment_of(bound) for name, bound in self._spec.time_bounds.items()}
            in_utc = self._zone is datetime.UTC
            shown = {
                name: bound.astimezone(datetime.UTC) if in_utc else bound for name, bound in bounds.items() if bound
            }
            values |= {name: local_text(bound) for name, bound in shown.items()}
        if kind == "checkbox":
            values |= {"value": "true", "checked": self._is_ticked}
        elif kind not in {"textarea", "select", "file", "password"} and not self._spec.is_secret:
            values["value"] = self._shown
        return {**values, **self._told()}

    @property
    def _is_ticked(self) -> bool:
        """Whether the box is ticked, of a field that is one."""
        return self.value in {"true", "on", "1", "True", "yes"}

    @property
    def _shown(self) -> str | None:
        """The value as its input takes it: a colour and a place in a range there always are; none shows a zone."""
        if self.widget == "datetime-local":
            return self.value.removesuffix("Z")
        return self.value or {"color": "#000000", "range": None}.get(self.widget, "")

    def _told(self) -> dict[str, Value]:
        """What ties it to its help and its errors, and what checks it while it is filled in."""
        if self.widget == "hidden":
            return {}
        wrong = bool(self.errors)
        by = [*([f"{self.id}-help"] if self._help else []), *([f"{self.id}-error"] if wrong else [])]
        told: dict[str, Value] = {"aria-describedby": " ".join(by) or None, "aria-invalid": "true" if wrong else None}
        if self._view._focuses(self.path):
            told["autofocus"] = True
        elif self._view._faults:
            told["autofocus"] = None  # What is wrong has it, and of two neither would.
        return told

    def _options(self) -> Markup:
        chosen = set(self.values)
        options = []
        if self._spec.shape.kind != "many":  # HTML asks for it also where one is chosen.
            words = spoken("Choose…") if self._spec.required else "-"
            options.append(tag("option", {"value": ""}, words))
        for value, words in self.choices:
            options.append(tag("option", {"value": value, "selected": value in chosen}, words))
        return joined(options)

    def button(self, action: str, words: str = "") -> Markup:
        """A button that has the form back with a change in its rows, for rows that are written by hand.

        Arguments:
            action: ``"add"``, of a field that holds many; ``"up"``, ``"down"`` or ``"remove"``, of one of its rows;
                ``"again"``, of any field: nothing is changed, so that choices which depend on what was typed are shown.
            words: on the button; the usual ones where left out.
        """
        shown, said = _BUTTONS[action]
        shown, said = (words, words) if words else (spoken(shown), spoken(said))
        mark = ": " if action in {"add", "again"} else " "
        return _button(self, f"_{action}", self.name, shown, f"{said}{mark}{self.words}")

    # -- all of it -----------------------------------------------------------------------------------------------

    def __html__(self) -> str:
        return str(self.html)

    def __str__(self) -> str:
        return str(self.html)

    @property
    def html(self) -> Markup:
        """Label, help, input and error, in an element of their own."""
        found = framed(self) if self.widget != "none" else Markup()
        return self._written() if found is None else found

    def _written(self) -> Markup:
        """The same, put together from its parts."""
        kind = self.widget
        if kind == "hidden":
            return self.input
        if kind in {"fieldset", "rows"}:
            return self.input
        block: dict[str, Value] = {"class": "field", "data-invalid": bool(self.errors), **self._checks()}
        if kind in _GROUPS:
            said = {**block, "id": self.id, **self._told()}
            said |= {"role": "radiogroup"} if kind == "radio" else {"aria-invalid": None}
            legend = tag("legend", {}, self.words)
            return tag("fieldset", said, joined([legend, self.help, self.input, self.error]))
        if kind == "checkbox":
            return tag("div", block, joined([self._unticked(), self.input, self.label, self.help, self.error]))
        return tag("div", block, joined([self.label, self.help, self.input, self.error]))

    def _unticked(self) -> Markup:
        """Says that a box is not ticked, where the model would take something else for it."""
        field = self._spec.field
        if not self._spec.shape.is_bool or field is None or field.required or field.info.default is False:
            return Markup()
        return tag("input", {"type": "hidden", "name": self.name, "value": "false"})

    def _checks(self) -> Mapping[str, Value]:
        """What lets htmx, or our script, check the field while the form is filled in."""
        if not self._view.live or self.widget == "file":
            return {}
        return {
            "data-check": self.name,
            "data-hx-post": self._view.action or "",
            "data-hx-trigger": "change",
            "data-hx-swap": "outerHTML",
            "data-hx-sync": "this:replace",
            "data-hx-include": "closest form",
            "data-hx-headers": '{"X-Form-Check": ' + _json_text(self.name) + "}",
        }


def _json_text(text: str) -> str:
    from pydantic_core import to_json

    return to_json(text).decode()


def name_of(path: tuple[str | int, ...]) -> str:
    """A path as a name on the wire.

    Example:
        >>> name_of(("lines", 0, "pieces"))
        'lines[0].pieces'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


# -- groups of inputs ------------------------------------------------------------------------------------------------


def _boxes(field: Field, kind: str) -> Markup:
    """Radio buttons, or boxes of which several may be ticked."""
    chosen = set(field.values)
    shared = {name: value for name, value in field._spec.attributes.items() if name not in _OF_A_GROUP}
    if kind == "radio" and field._spec.required:
        shared["required"] = True
    lines = []
    for number, (value, words) in enumerate(field.choices):
        said: dict[str, Value] = {
            "type": kind,
            "name": field.name,
            "value": value,
            "id": f"{field.id}-{number}",
            **shared,
            "checked": value in chosen,
        }
        lines.append(tag("label", {}, tag("input", said) + " " + words))
    return joined(lines)


def _checkboxes(field: Field) -> Markup:
    return joined([_nothing(field), _boxes(field, "checkbox")])


def _nothing(field: Field) -> Markup:
    """Says that none of many was chosen, where the model would take its default for it."""
    given = field._spec.field is not None and not field._spec.field.required
    return tag("input", {"type": "hidden", "name": field.name, "value": ""}) if given else Markup()


def _fieldset(field: Field) -> Markup:
    said: dict[str, Value] = {"class": "group", "id": field.id, **field._told(), "aria-invalid": None}
    inner = [tag("legend", {}, field.words), field.help, field.error, *(each.html for each in field.fields)]
    return tag("fieldset", said, joined(inner))


def _rows(field: Field) -> Markup:
    said: dict[str, Value] = {"class": "rows", "id": field.id, **field._told(), "aria-invalid": None, "autofocus": None}
    rows = field.rows
    written = [_row(field, each, index, len(rows)) for index, each in enumerate(rows)]
    most = field._spec.context.get("max_length")
    add = field.button("add") if most is None or len(rows) < most else Markup()
    return tag(
        "fieldset",
        said,
        joined([tag("legend", {}, field.words), field.help, field.error, _nothing(field), *written, add]),
    )


def _row(field: Field, row: Field, index: int, count: int) -> Markup:
    """One row, with the buttons that change it; a hidden field says that it is there, whatever is left empty."""
    marker = tag("input", {"type": "hidden", "name": row.name, "value": ""})
    inner: list[Markup] = [marker]
    if row._spec.shape.kind == "model":
        inner += [row.error, *(each.html for each in row.fields)]
    elif row._spec.shape.kind == "one":
        inner = [tag("div", {"class": "field", "data-invalid": bool(row.errors)}, _one_of_many(row))]
    buttons = [
        row.button("up") if index else Markup(),
        row.button("down") if index + 1 < count else Markup(),
        row.button("remove"),
    ]
    return tag("div", {"class": "row"}, joined([*inner, tag("div", {"class": "actions"}, joined(buttons))]))


def _one_of_many(row: Field) -> Markup:
    label = tag("label", {"for": row.id, "class": "visually-hidden"}, row.words)
    return joined([label, row.input, row.error])


def _button(field: Field, name: str, value: str, words: str, label: str) -> Markup:
    said: dict[str, Value] = {
        "type": "submit",
        "name": name,
        "value": value,
        "class": "quiet",
        "formnovalidate": True,
        "aria-label": label,
        "autofocus": field._view._focus == (name, value),
    }
    return tag("button", said, words)


#: What a button shows, and what is read out.
_BUTTONS = {
    "add": ("Add", "Add"),
    "up": ("↑", "Up"),
    "down": ("↓", "Down"),
    "remove": ("Remove", "Remove"),
    "again": ("Show choices", "Show choices"),
}
_GROUPS = {
    "radio": lambda field: _boxes(field, "radio"),
    "checkboxes": _checkboxes,
    "fieldset": _fieldset,
    "rows": _rows,
}
