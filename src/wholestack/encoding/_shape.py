"""What a type is in a form: which names it has there, and which texts mean nothing; found when an app is sealed."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import functools
import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
import typing_extensions
from pydantic.fields import FieldInfo

from wholestack import Upload

Kind = Literal["one", "many", "model", "map"]

_MANY = (
    list,
    set,
    frozenset,
    tuple,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Set,
    collections.abc.Collection,
    collections.abc.Iterable,
)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_TEXTS = (str, bytes, pydantic.SecretStr, pydantic.SecretBytes)
#: One of them is within the bounds that a model may have.
_TIMES = ("2026-01-31T10:00", "0002-01-31T10:00", "9998-01-31T10:00")


@dataclasses.dataclass(eq=False)
class Shape:
    """What a type is in a form.

    Attributes:
        kind: one value, many of one shape, the fields of a model, or values by keys of the client's own.
        type: the type without `Annotated` and without None.
        said: the whole annotation, with what stands in `Annotated`.
        metadata: what stands in `Annotated`, also within a union with None; the last word last.
        optional: whether None is a value of it.
        keeps_empty: whether an empty text is a value of it, and not the lack of one.
        zoned: a date and time that must have a zone.
        multiline: a text with lines, whose ends browsers send as CR LF.
        words: for the choices that are no texts, text → value.
        item: the shape of each of many.
        fields: the fields of a model, by the name that the form shows them under.
        by_name: the same by every name that is read.
        filled: whether what a form cannot say (a box that is not ticked, an empty list) is filled in; not for a union.
    """

    kind: Kind
    type: Any
    said: Any
    metadata: tuple[Any, ...] = ()
    optional: bool = False
    keeps_empty: bool = False
    zoned: bool = False
    multiline: bool = False
    words: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    item: Shape | None = None
    fields: dict[str, ShapeField] = dataclasses.field(default_factory=dict)
    by_name: dict[str, ShapeField] = dataclasses.field(default_factory=dict)
    filled: bool = True

    @property
    def is_bool(self) -> bool:
        """Whether it is a box to tick."""
        return self.type is bool

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return inspect.isclass(self.type) and issubclass(self.type, Upload)


@dataclasses.dataclass(eq=False)
class ShapeField:
    """One field of a model in a form.

    Attributes:
        name: the name that the form shows it under, and that faults name.
        attribute: its name in Python.
        info: what Pydantic knows of it.
        required: whether the model has no default for it.
        shape: what it is.
    """

    name: str
    attribute: str
    info: FieldInfo
    required: bool
    shape: Shape


def form_shape(model: Any) -> Shape:
    """The shape of a model, a dataclass or a TypedDict.

    Example:
        >>> class Order(pydantic.BaseModel):
        ...     product: str
        ...     pieces: list[int] = []
        >>> shape = form_shape(Order)
        >>> list(shape.fields), shape.fields["pieces"].shape.kind
        (['product', 'pieces'], 'many')
    """
    return _shape(model, (), {})


def _shape(annotation: Any, metadata: tuple[Any, ...], seen: dict[Any, Shape]) -> Shape:
    kind, more = _stripped(annotation)
    metadata = (*more, *metadata)
    members, optional, within = _members(kind)
    said = Annotated[(annotation, *metadata)] if metadata else annotation
    metadata = tuple(_single((*within, *metadata)))
    if members and all(_is_model(each) for each in members):
        return dataclasses.replace(_model_shape(members, seen), said=said, metadata=metadata, optional=optional)
    (member, *others) = members or (type(None),)
    origin = get_origin(member) or member
    if not others and origin in _MANY:
        item, *_ = get_args(member) or (Any,)
        return Shape("many", member, said, metadata, optional, item=_shape(item, (), seen))
    if not others and origin in _MAPS:
        item = (get_args(member) or (str, Any))[1]
        return Shape("map", member, said, metadata, optional, item=_shape(item, (), seen))
    if not others and inspect.isclass(member) and issubclass(member, pydantic.RootModel):
        root = member.model_fields["root"]
        found = _shape(root.annotation, (*root.metadata, *metadata), seen)
        return dataclasses.replace(found, optional=True) if optional else found
    words = _words(members)
    # What looks (`wholestack.forms.Widget`) say so; texts that programs send are taken as they are.
    multiline, refused = (_says(metadata, each) for each in ("multiline", "refuses_empty"))
    return Shape(
        "one",
        member if not others else Union[tuple(members)],
        said,
        metadata,
        optional,
        keeps_empty=words.get("", None) == "" if words else not refused and any(_is_text(each) for each in members),
        zoned=not {datetime.datetime, pydantic.AwareDatetime}.isdisjoint(filter(inspect.isclass, members))
        and _is_zoned(said),
        multiline=multiline,
        words={text: value for text, value in words.items() if not isinstance(value, str)},
    )


def _says(metadata: tuple[Any, ...], name: str) -> bool:
    return any(getattr(each, name, False) is True for each in metadata)


def _stripped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without `Annotated`, names for types and NewType; and what stood in `Annotated`."""
    found: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            found = (*more, *found)
        elif isinstance(annotation, typing_extensions.TypeAliasType) or hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            return annotation, found


def _members(kind: Any) -> tuple[tuple[Any, ...], bool, tuple[Any, ...]]:
    """The members of a union without None, whether None is one, and what stands in `Annotated` of the only other."""
    if get_origin(kind) not in {Union, types.UnionType}:
        return (kind,), False, ()
    found: list[Any] = []
    said: list[tuple[Any, ...]] = []
    optional = False
    for each in get_args(kind):
        inner, outer = _stripped(each)
        members, more, within = _members(inner)
        optional = optional or more or type(None) in members
        members = tuple(member for member in members if member is not type(None))
        found += members
        said += [(*within, *outer)] if members else []
    return tuple(found), optional, said[0] if len(said) == 1 else ()


def _single(metadata: Iterable[Any]) -> Iterable[Any]:
    """What stands in `Annotated`, with each rule of a `Field(…)` by itself, as Pydantic gives those of a field."""
    for each in metadata:
        yield from each.metadata if isinstance(each, FieldInfo) else (each,)


def _is_model(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if not inspect.isclass(origin) or issubclass(origin, pydantic.RootModel):
        return False
    return (
        issubclass(origin, pydantic.BaseModel)
        or dataclasses.is_dataclass(origin)
        or typing_extensions.is_typeddict(origin)
    )


def _is_text(kind: Any) -> bool:
    return kind in {Any, object} or (inspect.isclass(kind) and issubclass(kind, _TEXTS))


def _words(members: Iterable[Any]) -> dict[str, Any]:
    """Text → value of the choices of a Literal or an Enum."""
    found: dict[str, Any] = {}
    for each in members:
        if get_origin(each) is Literal:
            found |= {word_of(value): value for value in get_args(each)}
        elif inspect.isclass(each) and issubclass(each, enum.Enum):
            found |= {word_of(member): member.value for member in each}
    return found


def word_of(value: Any) -> str:
    """The text of a choice, as a form has it.

    Example:
        >>> word_of(True), word_of(2)
        ('true', '2')
    """
    value = value.value if isinstance(value, enum.Enum) else value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_zoned(said: Any) -> bool:
    """Whether a date and time without a zone is refused, and the same with one is not."""
    try:
        adapter = pydantic.TypeAdapter[Any](said)
    except pydantic.PydanticUserError:
        return False
    found = [(_refused(adapter, each), _refused(adapter, f"{each}Z")) for each in _TIMES]
    return any("timezone_aware" in bare or (bare and not zoned) for bare, zoned in found)


def _refused(adapter: pydantic.TypeAdapter[Any], text: str) -> set[str]:
    """The kinds of what is wrong with a text; none where it is taken."""
    try:
        adapter.validate_python(text)
    except pydantic.ValidationError as error:
        return {each["type"] for each in error.errors(include_url=False, include_context=False, include_input=False)}
    except Exception:  # A validator of the model's own may raise anything.
        return {"raised"}
    return set()


# -- models ----------------------------------------------------------------------------------------------------------


def _model_shape(members: tuple[Any, ...], seen: dict[Any, Shape]) -> Shape:
    """The shape of a model, whatever is said of it in one place."""
    known = seen.get(members)
    if known is None:
        # Known before its fields are: a model may hold itself.
        known = seen[members] = Shape("model", members[0], members[0], filled=len(members) == 1)
        for model in members:
            for field, names in _fields(model, seen):
                known.fields.setdefault(field.name, field)
                for name in names:
                    known.by_name.setdefault(name, known.fields[field.name])
    return known


def _fields(model: Any, seen: dict[Any, Shape]) -> Iterable[tuple[ShapeField, tuple[str, ...]]]:
    # A model that is made of a database's knows which columns are long texts; see `wholestack.crud.Schema`.
    has_lines = getattr(model, "__has_lines__", None)
    for attribute, info, required in _infos(model):
        alias = info.validation_alias or info.alias
        names = _names_of(alias) if alias is not None else (attribute,)
        config = getattr(model, "model_config", None) or getattr(model, "__pydantic_config__", None) or {}
        if config.get("populate_by_name") or config.get("validate_by_name"):
            names = (*names, attribute)
        shape = _shape(info.annotation, tuple(info.metadata), seen)
        if shape.kind == "one" and not shape.multiline and has_lines is not None and has_lines(attribute):
            shape = dataclasses.replace(shape, multiline=True)
        yield ShapeField(names[0], attribute, info, required, shape), names


def _infos(model: Any) -> Iterable[tuple[str, FieldInfo, bool]]:
    """The fields of a model, a dataclass or a TypedDict as Pydantic describes fields."""
    if hasattr(model, "__pydantic_fields__"):
        if not model.__pydantic_complete__ and hasattr(model, "model_rebuild"):
            model.model_rebuild(raise_errors=False)  # It names models that were not there yet when it was written.
        for name, info in model.__pydantic_fields__.items():
            if info.init is not False:
                yield name, info, info.is_required()
        return
    origin = get_origin(model) or model
    hints = typing.get_type_hints(origin, include_extras=True)
    if dataclasses.is_dataclass(origin):
        for field in dataclasses.fields(origin):
            if field.init:
                info = FieldInfo.from_annotation(hints[field.name])
                if field.default is not dataclasses.MISSING:
                    info.default = field.default
                elif field.default_factory is not dataclasses.MISSING:
                    info.default_factory = field.default_factory
                yield field.name, info, info.is_required()
        return
    for name, hint in hints.items():
        while get_origin(hint) in {typing_extensions.Required, typing_extensions.NotRequired}:
            (hint,) = get_args(hint)
        yield name, FieldInfo.from_annotation(hint), name in origin.__required_keys__


def _names_of(alias: str | pydantic.AliasPath | pydantic.AliasChoices) -> tuple[str, ...]:
    if isinstance(alias, pydantic.AliasChoices):
        return tuple(name for choice in alias.choices for name in _names_of(choice))
    return (str(alias.path[0]),) if isinstance(alias, pydantic.AliasPath) else (alias,)


known_shape = functools.lru_cache(512)(form_shape)
"""The same, made once for each model."""
