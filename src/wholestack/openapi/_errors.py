"""The error answers of an operation, in the shape that the app's `errors=` setting gives them."""

from __future__ import annotations

from wholestack import HTTPError
from wholestack.description import AnswerView, Description, RouteView
from wholestack.errors import (
    BadRequest,
    ContentTooLarge,
    ErrorFormat,
    FieldFault,
    Forbidden,
    ProblemDetails,
    TargetTooLong,
    Unauthorized,
    UnsupportedMediaType,
    ValidationFailed,
)

from ._inputs import is_bytes
from ._security import schemes
from ._shapes import Schema, Shapes, words

Kind = type[HTTPError]

_OURS = "wholestack."
_EXAMPLE_FAULT = FieldFault("query", "/page", "int_parsing", "Input should be a valid integer")


class Errors:
    """The error answers of a document: each class once below `components`, under a name of its own."""

    def __init__(self, description: Description, shapes: Shapes) -> None:
        self._format = description.errors
        self._shapes = shapes
        self._number = shapes.add({"model": (self._format.model, True)}, "serialization")
        self._kinds: dict[Kind, None] = {}

    def of(self, view: RouteView) -> tuple[dict[int, list[Kind]], list[AnswerView]]:
        """The error classes that a route can answer with, by status; and what error handlers answer instead."""
        found: dict[int, list[Kind]] = {}
        handled: list[AnswerView] = []
        for kind in dict.fromkeys((*_implied(view), *view.errors)):
            base = next((base for base in kind.__mro__ if base in view.handled), None)
            if base is None:
                found.setdefault(kind.status, []).append(kind)
                self._kinds[kind] = None
            else:
                handled += view.handled[base]
        return found, handled

    def answer(self, kinds: list[Kind]) -> Schema:
        """The response object for these classes, which have one status."""
        if len(kinds) == 1:
            return {"$ref": f"#/components/responses/{self._name(kinds[0])}"}
        return self._response(kinds)

    def plain(self, status: int) -> Schema:
        """The response object for a status that has no class."""
        return self._with_content(HTTPError(status=status).title, {})

    def components(self) -> Schema:
        """The responses for `components`, by name."""
        return dict(sorted((self._name(kind), self._response([kind])) for kind in self._kinds))

    def _name(self, kind: Kind) -> str:
        alone = sum(other.__name__ == kind.__name__ for other in self._kinds) == 1
        return words(kind.__name__ if alone else f"{kind.__module__}.{kind.__qualname__}")

    def _response(self, kinds: list[Kind]) -> Schema:
        examples = {kind.code: shown for kind in kinds if (shown := self._example(kind)) is not None}
        return self._with_content("; ".join(dict.fromkeys(_said(kind) for kind in kinds)), examples)

    def _with_content(self, text: str, examples: Schema) -> Schema:
        content: Schema = {"schema": self._shapes.fields(self._number)["model"]}
        if examples:
            content["examples"] = examples
        return {"description": text, "content": {self._format.media_type: content}}

    def _example(self, kind: Kind) -> Schema | None:
        """What the error looks like; only in our own format, which is known to say the same thing every time."""
        # Where it is said in the language of each request, the document shows it as it is written.
        written: ErrorFormat = getattr(self._format, "written", self._format)
        if type(written) is not ProblemDetails:
            return None
        try:
            error = ValidationFailed([_EXAMPLE_FAULT]) if kind is ValidationFailed else kind()
            return {"value": written.body(error, "0123456789abcdef")}
        except Exception:  # A class of the user's may want more than it can be given here.
            return None


def _implied(view: RouteView) -> list[Kind]:
    """What a route can answer with because of what it reads and of who may ask."""
    found: list[Kind] = []
    query = any(each.place == "query" for each in view.parameters)
    if view.body is not None or query:
        found.append(BadRequest)
    if schemes(view.security):
        found.append(Unauthorized)
    if view.rules:
        found.append(Forbidden)
    reads = view.body is not None and not is_bytes(view.body.type)
    if view.body is not None:
        found.append(ContentTooLarge)
    if query:
        found.append(TargetTooLong)
    if reads:
        found.append(UnsupportedMediaType)
    if view.validated and (view.parameters or reads):
        found.append(ValidationFailed)
    return found


def _said(kind: Kind) -> str:
    """The phrase of the status; for a class of the user's, what its docstring says first."""
    title: str = HTTPError(status=kind.status).title
    doc = (kind.__dict__.get("__doc__") or "").strip().partition("\n\n")[0]
    return title if kind.__module__.startswith(_OURS) or not doc else " ".join(doc.split())
