"""From the names and texts of a form to what a model is validated from.

A form knows names and texts only: ``lines[0].pieces`` is a field of a row, a box that is not ticked is not sent, and a
field that was left empty is sent as an empty text. What these mean is decided by the model's types, once; a request
costs one pass over its fields.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, Self

import pydantic_core

from wholestack import Limits, Request
from wholestack.errors import ValidationFailed
from wholestack.handlers import JsonBody, body_faults
from wholestack.http import FormData, Refused, parse_media_type

from ._shape import Shape, known_shape

DEPTH = 16
"""How many names one name of a form may be put together from."""
LONGEST = 500
"""Characters of a name that is looked into."""

_NAME = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]*\])+")
_INDEX = re.compile(r"[0-9]{1,9}")
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?")
_TOKEN = "csrf_token"  # noqa: S105  (the name of a field)
ZONE = "_zone"
"""The name under which a form sends the time zone that it was shown in."""
_LATER = "_later."
_ZONE_OF = f"{ZONE}."
_OWN: Any = object()  # Where the texts of something lie that has parts as well.
_MISSING: Any = object()

Place = dict[Any, Any]


class _Time(str):
    """A date and time of a form that says in which time zone it is.

    Arguments:
        text: the text.
        zone: the name of the zone.
        later: whether the second of two times is meant that are called alike.
    """

    __slots__ = ("later", "zone")

    later: bool
    zone: str

    def __new__(cls, text: str, zone: str, later: bool) -> Self:
        found = super().__new__(cls, text)
        found.zone, found.later = zone, later
        return found


def form_reader(model: Any) -> Callable[[Request], Any]:
    """What reads a model's fields from a request: from its form, or from JSON that stands for it.

    Raises:
        ValidationFailed: from the reader, for JSON that is not of the model.
        Refused: from the reader, for a body that is no JSON.

    Example:
        >>> import pydantic
        >>> class Search(pydantic.BaseModel):
        ...     tag: list[str] = []
        ...     page: int = 1
        ...     exact: bool
        >>> request = Request("POST", "/")
        >>> request.form = FormData([("tag", "a"), ("page", "")])
        >>> form_reader(Search)(request)
        {'tag': ['a'], 'exact': False}
    """
    read_form = form_values(model)
    read_json = functools.lru_cache(8)(lambda limits: JsonBody(model, limits).read)

    def read(request: Request) -> Any:
        return _json(request, read_json) if request.form is None else read_form(request.form)

    return read


def _json(request: Request, reader: Callable[[Limits], Callable[[bytes], Any]]) -> Any:
    charset = parse_media_type(request.content_type)[1].get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise Refused(415, "unsupported-media-type", "JSON is read as UTF-8, in no other charset (RFC 8259 §8.1).")
    try:
        return reader(request.limits)(request.body)
    except pydantic_core.ValidationError as error:
        raise ValidationFailed(body_faults(error, request.body)) from None


def form_values(model: Any) -> Callable[[FormData], dict[str, Any]]:
    """What finds the fields of a model in a form: dicts, lists, texts and files, as validation reads them.

    ``lines[0].pieces``, ``lines.0.pieces`` and ``address[zip]`` name what lies deeper. Rows are taken in the order of
    their numbers, whatever is missing between. Of what a form cannot say, a box is False and a list empty where the
    model asks for them; an empty text is None where that may be, and else, but for texts, as if it had not been sent.
    Names that begin with ``_`` are the form's own, and so is ``csrf_token``.

    A date and time without a zone is one of the time zone that the form was shown in (``_zone``; ``_zone.`` before the
    field's name says it of that field alone), else of the request's, where the model asks for a zone. Of two that are
    called alike, as clocks are put back, the first is meant; the second where ``_later.`` before the field's name is
    sent beside it. One that clocks leave out stays without a zone, so that validation refuses it.

    Example:
        >>> import pydantic
        >>> class Order(pydantic.BaseModel):
        ...     pieces: list[int]
        ...     prices: dict[str, int]
        >>> form_values(Order)(FormData([("pieces[7]", "2"), ("pieces[3]", "1"), ("prices[gold]", "9")]))
        {'pieces': ['1', '2'], 'prices': {'gold': '9'}}
    """
    shape = known_shape(model) if _is_hashable(model) else known_shape.__wrapped__(model)

    def read(form: FormData) -> dict[str, Any]:
        place: Place = {}
        more: dict[str, list[Any]] = {}
        for name, value in (*_zoned(form.fields), *form.files):
            if not _put(shape, place, name, value) and name[:1] != "_" and name != _TOKEN:
                more.setdefault(name, []).append(str(value) if isinstance(value, _Time) else value)
        # What the model does not know it may refuse, or take.
        unknown = {name: found[0] if len(found) == 1 else found for name, found in more.items()}
        return {**unknown, **_model(shape, place)}

    return read


def _zoned(fields: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The fields of a form, whose times know what the form's own fields say of them."""
    own = {name: value for name, value in fields if name == ZONE or name.startswith((_LATER, _ZONE_OF))}
    if not own:
        return fields
    zone = own.get(ZONE, "")

    def told(name: str, value: str) -> str:
        if not _LOCAL_TIME.fullmatch(value):
            return value
        return _Time(value, own.get(f"{_ZONE_OF}{name}", zone), f"{_LATER}{name}" in own)

    return [(name, told(name, value)) for name, value in fields]


def _is_hashable(model: Any) -> bool:
    try:
        hash(model)
    except TypeError:
        return False
    return True


# -- in: each field to its place -------------------------------------------------------------------------------------


def _put(shape: Shape, place: Place, name: str, value: Any) -> bool:
    """Put a value where its name says; False where the model has no such place."""
    field = shape.by_name.get(name)
    if field is not None:
        keys, inner = [field.name], field.shape
    else:
        found = _path(shape, name)
        if found is None:
            return False
        keys, inner = found
    last = keys.pop() if inner.kind == "one" else _OWN
    for key in keys:
        place = place.setdefault(key, {})
    place.setdefault(last, []).append(value)
    return True


def _path(shape: Shape, name: str) -> tuple[list[Any], Shape] | None:
    """The keys that a name leads through, and what is there."""
    if len(name) > LONGEST or not _NAME.fullmatch(name):
        return None
    steps = name.replace("]", "").replace("[", ".").split(".", DEPTH)
    if len(steps) > DEPTH:
        return None
    if steps[-1] == "":  # ``tags[]``
        steps.pop()
    keys: list[Any] = []
    for step in steps:
        if shape.kind == "model":
            field = shape.by_name.get(step)
            if field is None:
                return None
            keys.append(field.name)
            shape = field.shape
        elif shape.item is None or (shape.kind == "many" and not _INDEX.fullmatch(step)):
            return None
        else:
            keys.append(int(step) if shape.kind == "many" else step)
            shape = shape.item
    return keys, shape


# -- out: what validation reads --------------------------------------------------------------------------------------


def _model(shape: Shape, place: Place, depth: int = 0) -> dict[str, Any]:
    found = {}
    for name, field in shape.fields.items():
        value = _value(field.shape, place.get(name), field.required and shape.filled, depth)
        if value is not _MISSING:
            found[name] = value
    return found


def _value(shape: Shape, place: Any, required: bool, depth: int) -> Any:
    """The value of a place, `_MISSING` for none; `required` fills in what a form cannot say."""
    if shape.kind == "one":
        if place is None:
            return False if shape.is_bool and required and not shape.optional else _MISSING
        return _one(shape, place)
    if place is None:
        return _nothing(shape, depth) if required else _MISSING
    own = [text for text in place.get(_OWN, ()) if text != ""]
    if shape.kind == "many":
        return _many(shape, place, depth)
    if own:
        return own[0] if len(own) == 1 else own
    if shape.kind == "map":
        found = {key: _value(_item(shape), each, True, depth + 1) for key, each in place.items() if key is not _OWN}
        return {key: value for key, value in found.items() if value is not _MISSING}
    return None if shape.optional and _is_blank(shape, place) else _model(shape, place, depth + 1)


def _nothing(shape: Shape, depth: int) -> Any:
    """What a required part is of which nothing was sent."""
    if shape.optional:
        return None
    if shape.kind == "many":
        return []
    # A model without any of its fields, so that each of them is told to be missing.
    return _model(shape, {}, depth + 1) if shape.kind == "model" and depth < DEPTH else {}


def _one(shape: Shape, values: list[Any]) -> Any:
    if shape.is_bool:
        values = values[-1:]  # The box comes after a hidden field that says what it is without the tick.
    if len(values) > 1:
        return values  # Where one belongs, no scalar is read from several.
    (value,) = values
    if value == "" and not (shape.keeps_empty and not shape.optional):
        return None if shape.optional else _MISSING
    if not isinstance(value, str):
        return value
    if shape.words:
        return shape.words.get(value, value)
    if shape.multiline:
        return value.replace("\r\n", "\n")
    return _in_zone(value) if shape.zoned and _LOCAL_TIME.fullmatch(value) else str(value)


def _in_zone(text: str) -> str:
    """A date and time of the form's time zone, as a moment in UTC; one that there is not stays as it is."""
    from wholestack.languages import current_timezone, zone_of  # Only a form with such a field loads it.

    said = getattr(text, "zone", "")
    zone = zone_of(said) or current_timezone()
    if zone is datetime.UTC or said == "UTC":
        return f"{text}Z"
    try:
        local = datetime.datetime.fromisoformat(text)
        moment = local.replace(tzinfo=zone, fold=getattr(text, "later", False)).astimezone(datetime.UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) != local:
            return str(text)
    except (ValueError, OverflowError):  # No date, or one at an end of the calendar.
        return str(text)
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


def _many(shape: Shape, place: Place, depth: int) -> list[Any]:
    item = _item(shape)
    # An empty one says that nothing was chosen; a row that was left empty has its number.
    own = [each for each in place.get(_OWN, ()) if each != ""]
    found = [_one(item, [each]) if item.kind == "one" else each for each in own]
    # In the order of their numbers, whatever is missing between: a huge number costs nothing.
    for key in sorted(key for key in place if key is not _OWN):
        value = _value(item, place[key], True, depth + 1)
        found.append("" if value is _MISSING else value)
    return found


def _item(shape: Shape) -> Shape:
    if shape.item is None:
        raise TypeError("Only what holds many has a shape of each.")
    return shape.item


def _is_blank(shape: Shape, place: Place) -> bool:
    """Whether all that was sent of a model is empty: then an optional one was left out."""
    for key, each in place.items():
        if key is _OWN:
            continue
        inner = shape.fields[key].shape
        if inner.kind == "one":
            if any(value not in ({"", "false"} if inner.is_bool else {""}) for value in each):
                return False
        elif inner.kind != "model" or not _is_blank(inner, each):
            return False
    return True
