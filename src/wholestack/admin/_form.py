"""The form of a model, as it is known when the app is sealed: a field for each kind of column, and rows in it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
import pydantic_core
from sqlalchemy import String, Text
from sqlalchemy.orm import joinedload

from wholestack import Upload
from wholestack.crud import Schema, attribute_names, schema
from wholestack.forms import Widget

from ._inline import Inline
from ._references import Reference, references_of

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from wholestack.crud import Attribute

    from ._resource import Resource

PREFIX = "form_"
"""What the names of a form's own fields begin with, which are none of the model's."""
KEY, SEEN, TOLD, THEN, THEIRS = (f"{PREFIX}{each}" for each in ("key", "seen", "told", "then", "theirs"))
MOST_ROWS = 1_000
_LONGEST = 200_000
_LINES = 6
_LONG_TEXT = 255
_Hidden = Annotated[str, Widget("hidden")]
_Search = Annotated[str, Widget("search", autocomplete="off")]


def find_name(name: str) -> str:
    """The field by which the choices of another are searched."""
    return f"{PREFIX}find_{name}"


def remove_name(name: str) -> str:
    """The box by which a stored file is removed."""
    return f"{PREFIX}remove_{name}"


def earlier_name(name: str) -> str:
    """The box by which a file comes back that the row had before."""
    return f"{PREFIX}earlier_{name}"


def shown_name(name: str) -> str:
    """The field that keeps which rows of an inline were shown."""
    return f"{PREFIX}shown_{name}"


class Taken(pydantic.BaseModel):
    """A form whose fields are read later: which of them its sender may change is only known then."""

    _sent: dict[str, Any] = pydantic.PrivateAttr(default_factory=dict)

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def _as_sent(cls, data: Any, handler: Any) -> Any:
        """What was sent, as it is."""
        made = cls.model_construct()
        made._sent = dict(data) if isinstance(data, Mapping) else {}
        return made

    @property
    def sent(self) -> dict[str, Any]:
        """What was sent, by the names of fields."""
        return self._sent


class FormOf:
    """The form of a model's rows: on a page of its own, or as rows of an inline.

    Arguments:
        resource: the model.
        names: the attributes that it takes.
        inlines: rows in it.
        inline: whose rows it is for; None for a page.
    """

    def __init__(
        self, resource: Resource, names: Sequence[str], inlines: Sequence[InlineForm] = (), inline: Inline | None = None
    ) -> None:
        self.resource = resource
        self.names = tuple(names)
        self.inlines = tuple(inlines)
        self.in_rows: bool = inline is not None
        self._inline = inline

    @functools.cached_property
    def references(self) -> Mapping[str, Reference]:
        """Those of its fields that are chosen from rows of other models."""
        return {name: each for name, each in references_of(self.resource).items() if name in self.names}

    @functools.cached_property
    def loading(self) -> Sequence[ORMOption]:
        """What loads with a row the one row that each of its fields refers to, whose name the form shows."""
        relations = [each.relation for each in self.references.values() if each.relation and not each.many]
        return [joinedload(getattr(self.resource.model, name)) for name in relations]

    def is_searched(self, reference: Reference) -> bool:
        """Whether the program wants the choices of a field searched, whatever their number."""
        said = {*self.resource.view.autocomplete, *(self._inline.autocomplete if self._inline else ())}
        return not said.isdisjoint({reference.name, reference.relation})

    @functools.cached_property
    def files(self) -> Sequence[str]:
        """Those of its fields that hold stored files."""
        return [name for name in self.names if name in self.resource.files]

    @functools.cached_property
    def fields(self) -> Mapping[str, str]:
        """The name in Python of each field, by its attribute."""
        return {attribute: name for name, attribute in attribute_names(self.values).items()}

    @functools.cached_property
    def values(self) -> type[Schema]:
        """What is read of one row, each value with the rules of its column."""
        model = self.resource.model
        columns = [name for name in self.names if name in self.resource.attributes and name not in self.files]
        many = [name for name in self.names if name in self.resource.to_many]
        base = schema(model, name=f"{model.__name__}AdminValues", new=True, only=columns, also=many)
        other: dict[str, Any] = {}
        for field, attribute in attribute_names(base).items():
            known = self.resource.attributes.get(attribute)
            info = base.model_fields[field]
            hint = None if known is None else _hint_of(known, info, chosen=attribute in self.references)
            said = self.resource.label(attribute) if attribute in self._labelled else None
            if hint is not None:
                other[field] = (hint, _with_default(info, said))
            elif said is not None:
                other[field] = (info.rebuild_annotation(), _with_default(info, said))
        made: type[Schema] = pydantic.create_model(base.__name__, __base__=base, **other)
        return made

    @property
    def _labelled(self) -> set[str]:
        """The fields whose names the view says, and keys of rows for which no relation stands."""
        said = self.resource.view.labels
        found = {name for name in self.names if name in said or self.resource.foreign_keys.get(name) in said}
        return found | {name for name, each in self.references.items() if not each.relation}

    @functools.cached_property
    def taken(self) -> type[Taken]:
        """What a page shows, and is sent: the fields, rows, and what the form itself needs to know."""
        own: dict[str, Any] = {KEY if self.in_rows else TOLD: (_Hidden, ""), SEEN: (_Hidden, "")}
        if not self.in_rows:
            own |= {THEN: (_Hidden, ""), THEIRS: (list[str], [])}
        own |= {find_name(name): (_Search, pydantic.Field("", max_length=200)) for name in self.references}
        for name in self.files:
            view = self.resource.view
            accept = ",".join(view.file_types.get(name, ("image/*",) if name in view.images else ()))
            widget = Widget("file", accept=accept) if accept else Widget("file")
            own[name] = (Annotated[Upload | None, widget], pydantic.Field(None, title=self.resource.label(name)))
            own[remove_name(name)] = (bool, False)
            if not self.in_rows:
                own[earlier_name(name)] = (_Hidden, "")
        for each in self.inlines:
            rows = list.__class_getitem__(each.form.taken)
            own[each.name] = (rows, pydantic.Field(default_factory=list, max_length=MOST_ROWS, title=each.title))
            own[shown_name(each.name)] = (_Hidden, pydantic.Field("", max_length=_LONGEST))
        name = f"{self.resource.model.__name__}Admin{'Row' if self.in_rows else 'Form'}"
        bases: Any = (Taken, self.values)
        made: Any = pydantic.create_model(name, __base__=bases, **own)
        first: type[Taken] = made
        return first

    @functools.cached_property
    def _readers(self) -> Callable[[frozenset[str]], type[pydantic.BaseModel]]:
        """Made once for each set of names: there are as many as roles."""

        @functools.lru_cache(64)
        def reader(names: frozenset[str]) -> type[pydantic.BaseModel]:
            infos = self.values.model_fields
            taken: dict[str, Any] = {name: (infos[name].annotation, infos[name]) for name in infos if name in names}
            made: type[pydantic.BaseModel] = pydantic.create_model(f"{self.values.__name__}Taken", **taken)
            return made

        return reader

    def reader(self, names: Sequence[str]) -> type[pydantic.BaseModel]:
        """What reads some of the values, and nothing else."""
        return self._readers(frozenset(self.fields[name] for name in names if name in self.fields))


class InlineForm:
    """An inline, as it is known when the app is sealed.

    Arguments:
        inline: what the program says.
        parent: the model in whose form its rows are.

    Attributes:
        name: the relation of the parent.
        is_whole: whether it is read as a whole; where it is not, its rows are asked for.
        resource: the model of the rows, as the admin knows it.
    """

    def __init__(self, inline: Inline, parent: Resource) -> None:
        self.inline = inline
        self.name: str = self._relation_in(parent)
        relation: Any = parent.relations[self.name]
        self.is_whole: bool = relation.lazy not in {"write_only", "dynamic"}
        self.resource: Resource = parent.to(inline.model)
        self.title: str = inline.title or parent.label(self.name)
        mapper = self.resource.mapper
        #: The attributes that lead to the parent, each with the parent's that it holds.
        self.link: Sequence[tuple[str, str]] = [
            (mapper.get_property_by_column(remote).key, parent.mapper.get_property_by_column(local).key)
            for local, remote in relation.local_remote_pairs
        ]
        linked = {name for name, _ in self.link}
        hidden = {*linked, inline.order, *inline.read_only}
        names = [name for name in inline.fields or self.resource.usual_fields() if name not in hidden]
        self.shown: Sequence[str] = [*names, *(name for name in inline.read_only if name not in linked)]
        self.resource.check_fields(self.shown)
        if inline.order and inline.order not in self.resource.attributes:
            raise self.resource.fault(f"There is no {inline.order!r} to order by.", self.resource.attributes)
        placed = [getattr(inline.model, inline.order)] if inline.order else []
        #: How its rows stand in the form: as the inline says, then as the relation does, then by their keys.
        self.order: Sequence[Any] = [*placed, *(relation.order_by or ()), *mapper.primary_key]
        nested = [InlineForm(each, self.resource) for each in inline.inlines]
        taken = [name for name in names if self.resource.can_take(name)]
        self.form = FormOf(self.resource, taken, nested, inline)

    def _relation_in(self, parent: Resource) -> str:
        named = self.inline.relation
        found = [
            name
            for name, each in parent.relations.items()
            if each.uselist and each.secondary is None and not each.viewonly and each.mapper.class_ is self.inline.model
        ]
        if (named and named not in found) or not found or (len(found) > 1 and not named):
            message = f"{parent.model.__name__} has {'several relations' if found else 'no relation'} to many rows of "
            raise parent.fault(f"{message}{self.inline.model.__name__}.", found or parent.relations)
        return named or found[0]


# -- the kinds of columns --------------------------------------------------------------------------------------------


def _hint_of(attribute: Attribute, info: Any, *, chosen: bool) -> Any:
    """The type of a field where that of an API does not do: what people type, and where they need room.

    Arguments:
        attribute: what is known of the column.
        info: its field in an API.
        chosen: whether its value is one of the keys of other rows, and not typed.
    """
    needed = attribute.family == "text" and info.is_required()
    found: Any = attribute.taken if needed else None
    if not chosen:
        found = _typed(attribute) or found
    if needed:  # Beside an empty text a browser has no other way to send nothing.
        found = Annotated[found, pydantic.Field(min_length=1)]
    return found | None if found is not None and attribute.nullable else found


def _typed(attribute: Attribute) -> Any:
    """The type of a field with room for what people type; None where the usual one has it."""
    if attribute.family == "json":
        return Annotated[Any, Widget("textarea", rows=_LINES, spellcheck="false"), _from_json(attribute)]
    if attribute.family == "text" and _is_long(attribute.column.type):
        return Annotated[attribute.taken, Widget("textarea", rows=_LINES)]
    if attribute.family == "interval":
        return Annotated[attribute.taken, Widget("text", placeholder="01:30:00")]
    return None


def _is_long(kind: Any) -> bool:
    return isinstance(kind, Text) or (isinstance(kind, String) and (kind.length or 0) > _LONG_TEXT)


def _from_json(attribute: Attribute) -> pydantic.AfterValidator:
    adapter = pydantic.TypeAdapter[Any](attribute.taken)

    def read(value: Any) -> Any:
        """A text of JSON as the value that the column holds.

        Raises:
            ValueError: it is no JSON, or of another type.
        """
        try:
            found = pydantic_core.from_json(value, allow_inf_nan=False) if isinstance(value, str) else value
            json.dumps(found, allow_nan=False, default=str)  # A number that is too large for one is infinite by now.
        except ValueError as error:
            raise ValueError(f"This is no JSON: {error}") from None
        try:
            return pydantic_core.to_jsonable_python(adapter.validate_python(found))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None

    return pydantic.AfterValidator(read)


def json_text(value: Any) -> str:
    """A value of JSON as people read and write it.

    Example:
        >>> json_text({"a": [1, "ä"]}).splitlines()[1]
        '  "a": ['
    """
    return json.dumps(value, ensure_ascii=False, indent=2)


def _with_default(info: Any, title: str | None = None) -> Any:
    if info.is_required():
        return ... if title is None and info.alias is None else pydantic.Field(title=title, alias=info.alias)
    if info.default_factory is not None:
        return pydantic.Field(default_factory=info.default_factory, title=title, alias=info.alias)
    return pydantic.Field(default=info.default, title=title, alias=info.alias)
