"""A form as a handler and its template have it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar
from urllib.parse import quote

from markupsafe import Markup

from wholestack import Request
from wholestack.languages import current_timezone, format_datetime

from ._columns import relation_of
from ._field import Field, name_of
from ._html import Value, joined, tag
from ._related import Related
from ._spec import UNSEEN, spec_of
from ._values import ADDED, NOTHING, State, Told, each_of, part, texts_of
from ._widget import Choices, pairs_of
from ._words import message, spoken
from ._zones import is_left_out, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wholestack.db import Session

Model = TypeVar("Model")
Path = tuple[str | int, ...]

_NUMBERS = re.compile(r"\[\d+\]|\.\d+(?=\.|$)")
#: After these a label needs no colon; those of Arabic, Chinese, Greek and Japanese among them.
_MARKS = tuple("?:!.;…\u061f\u037e\uff1a\uff1f\uff01\u3002")
_LEFT_OUT = "There is no such time on that day: clocks are put forward over it."


class FormView(Generic[Model]):
    """A form of a model, as a page shows it: ``def new(form: FormView[NewPost]) -> Page``.

    On a plain GET it is empty but for the model's defaults, and `fill` takes what is there. After a form that was not
    right the same handler is called, and it carries what was typed, but secrets and files, and what is wrong. In a
    template ``{{ form }}`` is all of it, ``{{ form.title }}`` one field; see `Field` for the parts of one.

    Arguments:
        model: the form's.
        request: the one that its page answers.

    Attributes:
        action: where it is sent; None for the page's own address.
        submit: the words on its button.
        live: whether htmx, or our script, checks each field when it was filled in.
        prefix: stands before each id, where a page has several forms.
        typed: whether it shows what was sent.

    Example:
        >>> import pydantic
        >>> class Search(pydantic.BaseModel):
        ...     word: str
        >>> form = FormView(Search)
        >>> print(form["word"].label, form["word"].input)
        <label for="f-word">Word</label> <input type="text" name="word" id="f-word" required value="">
    """

    def __init__(self, model: type[Model], request: Request | None = None) -> None:
        self._model = model
        self._request = request
        self.action: str | None = None
        self.submit: str = "Send"
        self.live: bool = False
        self.prefix: str = ""
        self.typed: bool = False
        self._focus: tuple[str, str] | None = None
        self._messages: Mapping[str, str] = {}
        self.csrf: str | Markup = Markup()
        self._script: str = ""
        #: The addresses that our script may send its files to, and hear how far it is.
        self._uploads: tuple[str | None, ...] = ()
        self._spec = spec_of(model)
        self._held: Any = NOTHING
        self._filled: Any = NOTHING
        self._choices: dict[str, Choices] = {}
        self._related: dict[str, Related] = {}
        self._faults: dict[Path, list[Told]] = {}

    # -- for handlers --------------------------------------------------------------------------------------------

    def fill(self, instance: object) -> Self:
        """Show what an object or a mapping holds, for editing; what was typed goes before. Gives the form back.

        Arguments:
            instance: a row, an instance of the model, or a mapping by the names of its fields.
        """
        self._filled = instance
        if not self.typed:
            self._held = instance
        for name in self._related:
            self._choose_held(name)
        return self

    def choose(self, name: str, choices: Iterable[Any]) -> Self:
        """Let a field be chosen from these. Gives the form back.

        They are shown, not checked: whoever sends the form may send anything. Its handler calls `check_choice`.

        Arguments:
            name: the field's, ``"author"``; of rows without a number, ``"lines.product"``.
            choices: values, or pairs of a value and its words.

        Raises:
            LookupError: the form has no such field.

        Example:
            >>> import pydantic
            >>> class Search(pydantic.BaseModel):
            ...     author: int
            >>> FormView(Search).choose("author", [(1, "Ann")])["author"].choices
            (('1', 'Ann'),)
        """
        spec = self._spec
        for step in name.split("."):
            inner = spec.child(step) if spec.shape.kind == "model" else spec.item.child(step)
            if inner is None:
                there = ", ".join(self._spec.fields)
                raise LookupError(f"The form {self._model!r} has no field {name!r}. It has {there}.")
            spec = inner
        self._related.pop(name, None)
        self._let_choose(name, pairs_of(choices))
        return self

    def _let_choose(self, name: str, choices: Choices) -> None:
        self._choices[name] = choices
        # What is wrong with one of several that are chosen from a list is told beside the list.
        faults, self._faults = self._faults, {}
        for path, told in faults.items():
            self._faults.setdefault(self._shown_at(path), []).extend(told)

    def choose_related(self, db: Session, *, limit: int = 1_000, **queries: Any) -> Self:
        """Let each field that stands for a relation be chosen from the rows at its other end. Gives the form back.

        They are shown; the database refuses a key that no row has, and takes that of a row which was not shown. Where
        not every row is for everybody, the form's handler calls `check_choice`.

        What the form is filled with, before or after this, is always among them, also a row that the query leaves out
        or that is beyond the limit: who changes another field does not lose it.

        Arguments:
            db: a session.
            limit: the most rows of one list; beside one that was cut the page says so.
            queries: by field, a select of rows, where not all are to be chosen from: ``author_id=select(User)…``.
                One without an order is put into that of the rows' names, then of their keys.
        """
        for name, spec in self._spec.fields.items():
            relation = relation_of(self._model, spec.field.attribute) if spec.field is not None else None
            if relation is not None:
                self._related[name] = Related(db, relation, queries.get(name), limit)
                self._choose_held(name)
        return self

    def _choose_held(self, name: str) -> None:
        """Let a relation's field be chosen from the rows that are listed, and from those that it holds."""
        field = self._spec.fields[name].field
        typed = texts_of(part(self._held, name, field, typed=True)) if self.typed else []
        filled = part(self._filled, name, field, typed=False)
        self._let_choose(name, self._related[name].choices(each_of(filled), typed))

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is wrong, in words for people, by the names of fields; under ``""`` what is wrong with the whole."""
        return {name_of(path): self._faults_at(path) for path in self._faults}

    # -- for templates -------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Field:
        """A field by its name; ``"lines[0].pieces"`` leads to one in a row.

        Raises:
            KeyError: the form has no such field.
        """
        spec = self._spec.fields.get(name)
        first, *rest = [name] if spec is not None or name in self._spec.shape.by_name else _steps(name) or [name]
        spec = spec or self._spec.child(first)
        if spec is None or spec.field is None:
            raise KeyError(name)
        held = part(self._held, spec.field.name, spec.field, typed=self.typed)
        found = Field(self, spec, (spec.field.name,), held)
        for step in rest:
            found = found[step]
        return found

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Field:
            if name.startswith("_"):
                raise AttributeError(name)
            try:
                return self[name]
            except KeyError:
                raise AttributeError(f"The form has no field {name!r}.") from None

    def __iter__(self) -> Iterator[Field]:
        """Its fields."""
        return (self[name] for name in self._spec.fields)

    @property
    def fields(self) -> Markup:
        """All fields, with what is wrong above them."""
        shown = {each.path: each for each in self}
        return joined([self._summary(shown), *(each.html for each in shown.values())])

    @property
    def summary(self) -> Markup:
        """What is wrong, with a link to each field."""
        return self._summary({})

    def _summary(self, shown: Mapping[Path, Field]) -> Markup:
        """The same, with fields that are at hand."""
        if not self._faults:
            return Markup()
        lines = [tag("li", {}, each) for path in self._faults for each in self._lines(path, shown.get(path))]
        intro = tag("p", {}, spoken("Please look at these fields again:"))
        said: dict[str, Value] = {"class": "errors", "role": "alert", "tabindex": "-1", "autofocus": True}
        return tag("div", said, joined([intro, tag("ul", {}, joined(lines))]))

    def _lines(self, path: Path, shown: Field | None) -> Iterable[str | Markup]:
        field = self._field_at(path) if shown is None or shown.widget in UNSEEN else shown
        if field is None:
            yield from self._faults_at(path)
            return
        called = self._called(path) if len(path) > 1 else field.words
        mark, href = "" if called.endswith(_MARKS) else ":", f"#{field.target}"
        for text in field.errors:
            yield tag("a", {"href": href}, f"{called}{mark} {text}")

    def _called(self, path: Path) -> str:
        """A field's words, after those of the row that it is in."""
        rows = [index for index, step in enumerate(path) if isinstance(step, int)]
        names = [f"{self._words(path[:index])} {int(path[index]) + 1}" for index in rows]
        return ", ".join([*names, *([self._words(path)] if isinstance(path[-1], str) else [])])

    def _words(self, path: Path) -> str:
        field = self._field_at(path)
        return field.words if field is not None else ""

    def _field_at(self, path: Path) -> Field | None:
        """The field at the end of a path; None where there is none, or it is in something that nobody sees."""
        field: Field | None = None
        try:
            for step in path:
                field = self[str(step)] if field is None else field[step]
                if field.widget in UNSEEN:
                    return None
        except (KeyError, IndexError):
            return None
        return field

    @property
    def open_tag(self) -> Markup:
        """The form's beginning: its tag, the token against forged requests, and the button that Enter presses."""
        said: dict[str, Value] = {
            "class": "form",
            "method": "post",
            "action": self.action,
            "enctype": "multipart/form-data" if self._spec.holds_file else None,
            "data-live": self.live,
        }
        if self._spec.holds_file and self.action in self._uploads:
            said["data-upload"] = spoken("Sending the files …")
        # Enter presses the first button that there is, which must not be one that takes a row away.
        first = tag("button", {"type": "submit", "hidden": True}, "") if self._spec.has_rows else Markup()
        zone = Markup()
        if self._spec.holds_moment:  # What is typed in it is read in this one, whatever somebody has chosen meanwhile.
            zone = tag("input", {"type": "hidden", "name": "_zone", "value": str(current_timezone())})
        return joined([tag("form", said), self.csrf, zone, first])

    @property
    def close_tag(self) -> Markup:
        """The form's end, with its button."""
        button = tag("button", {"type": "submit"}, spoken(self.submit))
        return joined([tag("div", {"class": "actions"}, button), Markup("</form>")])

    @property
    def script(self) -> Markup:
        """The script that changes rows and checks fields without loading the page anew; no form needs it."""
        if not self._script or self._request is None:
            return Markup()
        return tag("script", {"src": address_of(self._request, self._script), "type": "module"}, "")

    def __html__(self) -> str:
        return str(joined([self.open_tag, self.fields, self.close_tag]))

    def __str__(self) -> str:
        return self.__html__()

    # -- for its fields ------------------------------------------------------------------------------------------

    def _show(self, state: State, messages: Mapping[str, str]) -> None:
        """Carry what was typed, and what is wrong with it."""
        self.typed, self._focus, self._held, self._messages = True, state.focus, state.typed, messages
        state.view = self
        for path, told in state.faults():
            self._faults.setdefault(self._shown_at(path), []).append(told)

    def _faults_at(self, path: Path) -> list[str]:
        """What is wrong with a field, in words for people."""
        found = self._faults.get(path) if self._faults else None
        if not found:
            return []
        spec: Any = self._spec
        for step in path:
            spec = spec and spec.child(step)
        context = {} if spec is None else spec.context
        if spec is not None and spec.shape.zoned:
            field = self._field_at(path)
            if field is not None and is_left_out(field.value):
                return [spoken(_LEFT_OUT)]
            moments = {name: moment_of(bound) for name, bound in spec.context.items()}
            context = {**context, **{name: format_datetime(at) for name, at in moments.items() if at is not None}}
        texts = (
            message(_kind_for(spec, told.kind, self, path), {**context, **told.context}, told.detail, self._messages)
            for told in found
        )
        return list(dict.fromkeys(texts))

    def _choices_at(self, path: Path) -> Choices | None:
        """The choices that the handler gave a field."""
        return self._choices.get(".".join(step for step in path if isinstance(step, str))) if self._choices else None

    def _cut_at(self, path: Path) -> int | None:
        """How many rows the list of a relation was cut to; None for one that is whole."""
        related = self._related.get(str(path[0])) if self._related and len(path) == 1 else None
        return related.limit if related is not None and related.is_cut else None

    def _focuses(self, path: Path) -> bool:
        """Whether a field is to have the focus: the first one of a row that was just added."""
        return self._focus is not None and self._focus[0] == ADDED and self._fresh == path

    @functools.cached_property
    def _fresh(self) -> Path:
        """The first field of the row that was just added."""
        field = self._field_at(tuple(_steps(self._focus[1]))) if self._focus is not None else None
        if field is None or not field.rows:
            return ()
        row: Field | None = field.rows[-1]
        path = Path()
        while row is not None:
            path = row.path
            row = next((each for each in row.fields if each.widget not in UNSEEN), None)
        return path

    def _shown_at(self, path: Path) -> Path:
        """The nearest field of a fault that is shown: a box is no field of its own, nor is what the model lacks."""
        spec, shown = self._spec, Path()
        for step in path:
            inner = spec.child(step)
            if inner is None or spec.kind in {"checkboxes", "select", "file"} or self._choices_at(shown) is not None:
                break
            spec, shown = inner, (*shown, step)
        return shown


def _kind_for(spec: Any, kind: str, view: FormView[Any], path: Path) -> str:
    """A length of a secret is told as one of a text; an empty text where something must be is one that is missing."""
    if kind in {"too_short", "too_long"} and spec is not None and spec.shape.kind == "one":
        kind = f"string_{kind}"
    if kind not in {"string_too_short", "string_pattern_mismatch"} or not path:
        return kind
    field = view._field_at(path)
    is_empty = field is not None and spec is not None and not spec.is_secret and field.value == ""
    return "missing" if is_empty else kind


def _steps(name: str) -> list[str | int]:
    """A name on the wire as a path."""
    steps = name.replace("]", "").replace("[", ".").split(".")
    return [int(step) if step.isascii() and step.isdigit() and len(step) < 10 else step for step in steps if step]


def address_of(request: Request, path: str) -> str:
    """A path of the app as browsers ask for it, below where the app is mounted."""
    return quote(request.root_path) + path
