"""How each field of a model is shown: found from its type once, when an app is sealed."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
import pydantic

from wholestack.encoding import Shape, ShapeField, form_shape, word_of

from ._columns import place_of, relation_of
from ._pattern import html_pattern
from ._step import is_on
from ._widget import Choices, Widget, pairs_of

Attributes = dict[str, str | bool]

#: Widgets that nobody sees.
UNSEEN = frozenset({"none", "hidden"})

#: From this many choices on, several are chosen from a list, and not by boxes.
FROM_A_LIST = 9
_BY_FORMAT = {
    "email": "email",
    "uri": "url",
    "date": "date",
    "date-time": "datetime-local",
    "time": "time",
    "password": "password",
}
_NUMBERS = (int, float, decimal.Decimal)
_SECRETS = (pydantic.SecretStr, pydantic.SecretBytes)
_TIMES = {"date", "datetime-local", "time"}
_TEXTS = {"text", "textarea", "search", "tel", "url", "email", "password"}
#: JSON Schema's word → Pydantic's, as its faults have it.
_BOUNDS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}


class Spec:
    """How one field, or one of many, is shown.

    Attributes:
        shape: what it is.
        field: the field of the model; None for one of many, and for the form itself.
        owner: the model that the field is of.
        around: what it is in; None for the form itself.
    """

    def __init__(
        self, shape: Shape, field: ShapeField | None = None, owner: Any = None, around: Spec | None = None
    ) -> None:
        self.shape = shape
        self.field = field
        self.owner = owner
        self.around = around
        #: Its HTML without what a request puts in; see `framed`.
        self.frames: dict[Any, str] = {}

    # -- parts ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def fields(self) -> Mapping[str, Spec]:
        """Of a model, its fields by name."""
        owner = self.shape.type
        fields = sorted(self.shape.fields.values(), key=lambda field: place_of(owner, field.attribute))
        return {field.name: Spec(field.shape, field, owner, self) for field in fields}

    @functools.cached_property
    def item(self) -> Spec:
        """Of many, each of them."""
        return Spec(self.shape.item if self.shape.item is not None else self.shape, around=self)

    def child(self, step: str | int) -> Spec | None:
        """The part below a name or a number."""
        if self.shape.kind == "model":
            field = self.shape.by_name.get(str(step))
            return None if field is None else self.fields[field.name]
        return self.item if isinstance(step, int) and self.shape.kind == "many" else None

    # -- words ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def label(self) -> str:
        """The title that the model gives it, else its name."""
        if self.field is None:
            return ""
        if self.field.info.title:
            return self.field.info.title
        relation = relation_of(self.owner, self.field.attribute)
        return words_of(relation.key if relation is not None else self.field.attribute)

    @functools.cached_property
    def help(self) -> str:
        """The description that the model gives it."""
        return (self.field.info.description or "") if self.field is not None else ""

    @functools.cached_property
    def required(self) -> bool:
        """Whether a browser is to insist on it: a box that is not ticked is an answer, too."""
        if self.field is None or not self.field.required or self.shape.optional or self.shape.is_bool:
            return False
        return not self.is_in_optional

    @functools.cached_property
    def is_in_optional(self) -> bool:
        """Whether it belongs to a model that may be left out as a whole; what is in a row is there with it."""
        around = self.around
        if around is None or around.shape.kind != "model" or around.field is None:
            return False
        return around.shape.optional or around.is_in_optional

    @functools.cached_property
    def is_within_itself(self) -> bool:
        """Whether it is a model within the same one, and no row between: shown as it is, it would have no end."""
        around = self.around if self.shape.kind == "model" and self.field is not None else None
        while around is not None:
            if around.shape.fields is self.shape.fields:
                return True
            around = around.around if around.field is not None else None  # A row is as deep as there are some.
        return False

    @functools.cached_property
    def least(self) -> int:
        """How many rows a new form begins with: none of a model that the rows are in, which would have no end."""
        if self.is_in_optional:
            return 0
        inner, around = self.item.shape, self.around
        while inner.kind == "model" and around is not None:
            if around.shape.fields is inner.fields:
                return 0
            around = around.around
        return int(self.context.get("min_length", 0)) or (1 if self.required else 0)

    # -- looks ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def said(self) -> tuple[Any, ...]:
        """What stands in `Annotated`."""
        return self.shape.metadata

    @functools.cached_property
    def widget(self) -> Widget:
        """What the model says of its looks; the last word counts."""
        found = [each for each in self.said if isinstance(each, Widget)]
        return found[-1] if found else Widget()

    @functools.cached_property
    def schema(self) -> Mapping[str, Any]:
        """The JSON schema of the type, without None."""
        if self.shape.kind not in {"one", "many"} or self.shape.is_file:
            return {}
        try:
            schema = pydantic.TypeAdapter(self.shape.said).json_schema()
        except Exception:  # A type's own hook may raise anything; it is shown as a text then.
            return {}
        members = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        said = self.field.info.json_schema_extra if self.field is not None else None
        return {**schema, **(members[0] if members else {}), **(said if isinstance(said, dict) else {})}

    @functools.cached_property
    def kind(self) -> str:
        """Which widget: of `Widget`'s, ``"fieldset"`` for a model, ``"rows"`` for many that are no choices."""
        shape = self.shape
        if self.widget.kind:
            return self.widget.kind
        if shape.kind == "model":
            return "fieldset" if shape.filled and not self.is_within_itself else "none"
        if shape.kind == "map":
            return "none"
        if shape.kind == "many":
            return self._kind_of_many()
        if shape.is_file:
            return "file"
        if shape.is_bool:
            return "select" if shape.optional else "checkbox"
        if shape.words == {"true": True}:
            return "checkbox"
        if self.choices:
            return "select"
        return self._kind_of_text()

    def _kind_of_many(self) -> str:
        if self.item.shape.is_file:
            return "file"
        if not self.choices:
            return "rows"
        return "checkboxes" if len(self.choices) < FROM_A_LIST else "select"

    def _kind_of_text(self) -> str:
        if self._takes_secret:
            return "password"
        found = _BY_FORMAT.get(self.schema.get("format", ""))
        if found is not None:
            return found
        kind = self.shape.type
        if inspect.isclass(kind) and issubclass(kind, _NUMBERS):
            return "number"
        return "textarea" if self.shape.multiline else "text"

    @functools.cached_property
    def is_secret(self) -> bool:
        """Whether what was typed is never shown again."""
        return self._takes_secret or self.kind in {"password", "file"}

    @functools.cached_property
    def _takes_secret(self) -> bool:
        """Whether a secret is a value of it, alone or in a union."""
        kind = self.shape.type
        members = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
        return any(inspect.isclass(each) and issubclass(each, _SECRETS) for each in members)

    @functools.cached_property
    def choices(self) -> Choices:
        """What may be chosen, by the type or by the widget: the value's text and its words."""
        if self.widget.choices:
            return pairs_of(self.widget.choices)
        shape = self.item.shape if self.shape.kind == "many" else self.shape
        if shape.kind != "one":
            return ()
        if shape.is_bool and shape.optional:
            return (("true", "Yes"), ("false", "No"))
        return tuple(_choices(shape.type))

    @functools.cached_property
    def values(self) -> frozenset[str]:
        """The texts of the values that may be chosen."""
        return frozenset(value for value, _ in self.choices)

    @functools.cached_property
    def context(self) -> Mapping[str, Any]:
        """The field's bounds, by the names that Pydantic's faults have for them."""
        found = {name: self.schema[word] for word, name in _BOUNDS.items() if word in self.schema}
        for each in self.said:
            for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of"):
                if isinstance(each, annotated_types.GroupedMetadata | annotated_types.BaseMetadata):
                    value = getattr(each, name, None)
                    found |= {} if value is None else {name: value}
            more = getattr(each, "__dict__", {})  # Digits and places, which no JSON schema has.
            found |= {name: more[name] for name in ("max_digits", "decimal_places") if more.get(name) is not None}
        return found

    @functools.cached_property
    def attributes(self) -> Attributes:
        """What the type asks of the input, as a browser checks it, and what the widget adds."""
        kind, found = self.kind, Attributes()
        if self.required and kind not in {"checkboxes", "rows", "fieldset", "none", "hidden"}:
            found["required"] = True
        if kind in _TEXTS:
            found |= self._of_text()
        elif kind in {"number", "range"}:
            found |= self._of_number()
        elif kind in _TIMES:
            found |= self._of_time()
        if self.shape.kind == "many" and kind in {"select", "file"}:
            found["multiple"] = True
        return {**found, **dict(self.widget.attributes)}

    def _of_text(self) -> Attributes:
        found: Attributes = {}
        if self.context.get("min_length", 0) > 0:
            found["minlength"] = str(self.context["min_length"])
        if "max_length" in self.context:
            found["maxlength"] = str(self.context["max_length"])
        pattern = self.schema.get("pattern") if self.schema.get("type") == "string" else None
        written = html_pattern(pattern) if pattern and self.kind != "textarea" else None
        return {**found, "pattern": written} if written is not None else found

    def _of_number(self) -> Attributes:
        found: Attributes = {}
        context, whole = self.context, inspect.isclass(self.shape.type) and issubclass(self.shape.type, int)
        low = _finite(context.get("ge", context.get("gt")))
        high = _finite(context.get("le", context.get("lt")))
        least = ""
        if low is not None:
            low += whole and "ge" not in context
            least = found["min"] = _number(low)
        if high is not None:
            found["max"] = _number(high - (whole and "le" not in context))
        step, places = context.get("multiple_of"), context.get("decimal_places")
        steps = [] if step is None else [_number(step)]
        steps += [] if places is None else [_number(decimal.Decimal(1).scaleb(-places))]
        # A browser counts its steps from the least value.
        fitting = next((each for each in steps if low is None or is_on(least, each)), None)
        if fitting is not None or not whole:
            found["step"] = fitting or "any"
        return found

    def _of_time(self) -> Attributes:
        return {name: time_text(bound) for name, bound in self.time_bounds.items()}

    @functools.cached_property
    def time_bounds(self) -> Mapping[str, datetime.date | datetime.time]:
        """The first and the last date or time that is taken, as attributes name them."""
        found = {}
        for attribute, names in (("min", ("ge", "gt")), ("max", ("le", "lt"))):
            bound = next((self.context[name] for name in names if name in self.context), None)
            if isinstance(bound, datetime.date | datetime.time):
                found[attribute] = bound
        return found

    @functools.cached_property
    def has_rows(self) -> bool:
        """Whether rows are somewhere in it."""
        waiting, seen = list[Spec]([self]), set[int]()
        while waiting:
            spec = waiting.pop()
            if spec.kind == "rows":
                return True
            if spec.kind in UNSEEN:
                continue
            if id(spec.shape.fields) not in seen:
                seen.add(id(spec.shape.fields))
                waiting += spec.fields.values()
        return False

    @functools.cached_property
    def holds_moment(self) -> bool:
        """Whether a moment can come in it, which is typed in a time zone."""
        return _holds(self.shape, lambda shape: shape.zoned, set())

    @functools.cached_property
    def holds_file(self) -> bool:
        """Whether a file can come in it."""
        return _holds(self.shape, lambda shape: shape.is_file, set())


def _holds(shape: Shape, wanted: Callable[[Shape], bool], seen: set[int]) -> bool:
    if id(shape.fields) in seen and shape.kind == "model":
        return False
    seen.add(id(shape.fields))
    inner = [field.shape for field in shape.fields.values()] + ([shape.item] if shape.item is not None else [])
    return wanted(shape) or any(_holds(each, wanted, seen) for each in inner)


def _choices(kind: Any) -> Iterable[tuple[str, str]]:
    members = get_args(kind) if get_origin(kind) is not Literal else (kind,)
    for each in members or (kind,):
        if get_origin(each) is Literal:
            yield from ((word_of(value), words_of(word_of(value))) for value in get_args(each))
        elif inspect.isclass(each) and issubclass(each, enum.Enum):
            yield from ((word_of(member), getattr(member, "label", None) or words_of(member.name)) for member in each)


def words_of(name: str) -> str:
    """A name as words.

    Example:
        >>> words_of("reply_to"), words_of("IN_STOCK")
        ('Reply to', 'In stock')
    """
    words = re.sub(r"[_\-\s]+", " ", name).strip() or name
    words = words.lower() if words.isupper() else words
    return words[:1].upper() + words[1:]


def time_text(value: datetime.date | datetime.time) -> str:
    """A date, a time or both as an input takes it; a moment in UTC, since an input knows no zones.

    Example:
        >>> time_text(datetime.datetime(2026, 11, 27, 8, 5)), time_text(datetime.time(8, 5, 1))
        ('2026-11-27T08:05', '08:05:01')
    """
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo is not None else value
        return value.replace(microsecond=0).isoformat(timespec="seconds" if value.second else "minutes")
    if isinstance(value, datetime.time):
        value = value.replace(tzinfo=None, microsecond=0)
        return value.isoformat(timespec="seconds" if value.second else "minutes")
    return value.isoformat()


def _finite(bound: Any) -> Any:
    """A bound that an input can have; None for infinity, which is none to a browser."""
    is_one = bound.is_finite() if isinstance(bound, decimal.Decimal) else bound is None or math.isfinite(bound)
    return bound if is_one else None


def _number(value: Any) -> str:
    """A number as an input takes it, with all its digits: one that was rounded would be another bound."""
    return f"{value:f}" if isinstance(value, decimal.Decimal) else repr(value).removesuffix(".0")


def spec_of(model: Any) -> Spec:
    """How a model is shown, found once.

    Example:
        >>> class Search(pydantic.BaseModel):
        ...     word: str = pydantic.Field(max_length=40, description="One is enough.")
        >>> word = spec_of(Search).fields["word"]
        >>> word.kind, word.label, word.help, word.attributes
        ('text', 'Word', 'One is enough.', {'required': True, 'maxlength': '40'})
    """
    try:
        return _known(model)
    except TypeError:  # What stands in an `Annotated` may have no hash.
        return Spec(form_shape(model))


@functools.lru_cache(512)
def _known(model: Any) -> Spec:
    return Spec(form_shape(model))
