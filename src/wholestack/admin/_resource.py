"""A model of the admin, as it is known when the app is sealed."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pydantic
from sqlalchemy import inspect as look_at
from sqlalchemy.orm import Mapper, RelationshipDirection

from wholestack import SetupError
from wholestack.auth import OfTenant, Scoped
from wholestack.crud import Attribute, Listing, attributes, listing
from wholestack.db import Session
from wholestack.errors import Fault

from ._cells import several, words_of
from ._defaults import LABEL, says, usual_columns, usual_filters, usual_search
from ._form import FormOf, InlineForm, Taken
from ._history import plain
from ._keys import Keys
from ._view import AdminView, view_below, view_of

if TYPE_CHECKING:
    from ._filters import Filter

_FAMILIES_WITHOUT_FIELD = {"secret", "other", "bytes"}
_UNORDERED = {"array", "bytes", "json", "other", "secret"}
_ASKED_ONLY = {"write_only", "dynamic"}
_MOST_COLUMNS = 6
"""Columns of a list of which a program says nothing."""


@dataclasses.dataclass(frozen=True)
class ListColumn:
    """A column of a list.

    Attributes:
        name: as the view has it.
        title: its heading.
        path: the attributes that lead to its value; empty for a method of the view.
        order: by which attribute the list is ordered for it; None where it cannot be.
    """

    name: str
    title: str
    path: tuple[str, ...]
    order: str | None


_PAGES = {"search", "display", "history"}
"""Addresses of the admin's own pages."""


class Resource:
    """A model with all that its pages need to know.

    Arguments:
        view: what a program says of it.
        above: the nearest class above it that the admin shows, of a subclass that it does not: by the permissions of
            that one it is guarded, and it has its pages.

    Attributes:
        slug: its part of the addresses: the table's name; empty where it has no pages.
        apart: whether its rows are none of the class above: it has all its columns in a table of its own.
        title: what several are called.
        singular: what one is called.
        session: the type of the session that its handlers ask for.
        others: the models that the same admin shows, once it is made.
    """

    def __init__(self, view: AdminView[Any], above: Resource | None = None) -> None:
        self.view = view
        self.above = above
        self.model: type[Any] = view.model
        self.mapper: Mapper[Any] = look_at(self.model)
        #: The name of its table; of a class in its parent's table, that with its own.
        self.table: str = _table_of(self.mapper)
        self.apart: bool = above is not None and _top_of(self.mapper) is not _top_of(above.mapper)
        slug = self.table.replace("_", "-")
        self.slug: str = f"{slug}-rows" if slug in _PAGES else slug
        if above is not None:
            self.slug = "" if self.apart else above.slug
        self.title: str = view.title or several(self.model.__name__)
        self.singular: str = view.singular or words_of(self.model.__name__)
        self.attributes: Mapping[str, Attribute] = attributes(self.model)
        keys = [self.attributes[self.mapper.get_property_by_column(each).key] for each in self.mapper.primary_key]
        self.keys: Keys = Keys([each.name for each in keys], [pydantic.TypeAdapter(each.compared) for each in keys])
        self.others: Mapping[type[Any], Resource] = {}
        self.session: Any = Scoped[Session] if issubclass(self.model, OfTenant) else Session

    # -- what it is made of ------------------------------------------------------------------------------------------

    @functools.cached_property
    def relations(self) -> Mapping[str, Any]:
        """The relations of the model by their names."""
        return {relation.key: relation for relation in self.mapper.relationships}

    @functools.cached_property
    def foreign_keys(self) -> Mapping[str, str]:
        """The relation that each column of a foreign key stands for, by the attribute."""
        found = {}
        for name, relation in self.relations.items():
            pairs = relation.local_remote_pairs
            # One that others refer to by a column of its own has that for itself, and not for the relation.
            if relation.direction is RelationshipDirection.MANYTOONE and len(pairs) == 1 and not relation.viewonly:
                found[self.mapper.get_property_by_column(pairs[0][0]).key] = name
        return {name: relation for name, relation in found.items() if not self.attributes[name].key}

    @functools.cached_property
    def same_fields(self) -> Mapping[str, Collection[str]]:
        """The other names of a field: of the relations with the same foreign key, and of that key, also where it is
        part of the row's own.
        """
        keys = {column: name for name, column in self.mapper.columns.items()}
        by_key: dict[str, set[str]] = {}
        for name, relation in self.relations.items():
            pairs = relation.local_remote_pairs
            if relation.direction is RelationshipDirection.MANYTOONE and len(pairs) == 1 and pairs[0][0] in keys:
                key = keys[pairs[0][0]]
                by_key.setdefault(key, {key}).add(name)
        return {name: names - {name} for names in by_key.values() for name in names}

    @functools.cached_property
    def called_by(self) -> frozenset[str]:
        """The attributes that hold keys: numbers in them are names, and not counted."""
        return frozenset((*self.keys.names, *self.foreign_keys))

    @functools.cached_property
    def to_many(self) -> Sequence[str]:
        """The relations whose rows the form chooses: those over a table between."""
        between = (name for name, each in self.relations.items() if each.secondary is not None and not each.viewonly)
        return [name for name in between if name not in self._unread]

    @functools.cached_property
    def _unread(self) -> Collection[str]:
        """The relations that are not read as a whole: nobody can choose among what is too much to read."""
        return {name for name, each in self.relations.items() if each.lazy in _ASKED_ONLY}

    # -- the classes that its rows may be of -------------------------------------------------------------------------

    @functools.cached_property
    def family(self) -> Sequence[Mapper[Any]]:
        """All classes whose rows have their keys in common with its own, the one above all others first."""
        top = _top_of(self.mapper)
        return [each for each in top.self_and_descendants if _top_of(each) is top]

    @functools.cached_property
    def tables(self) -> Sequence[str]:
        """The names by which a history has their rows: each by its own class, or, as earlier releases recorded them, by
        one above it.
        """
        return [_table_of(each) for each in self.family]

    @functools.cached_property
    def line(self) -> Sequence[str]:
        """Those of these names by which its own rows may be recorded: those of the classes above and below it."""
        related = (each for each in self.family if each.isa(self.mapper) or self.mapper.isa(each))
        return [_table_of(each) for each in related]

    def own(self, row: Any) -> Resource:
        """The resource of a row's own class: this one, or that of a subclass."""
        return self if type(row) is self.model else self.to(type(row))

    def recorded(self, change: Any) -> Resource:
        """The resource of the class that a row was of, as the history has it: by the name of its table, and by what it
        held in the column that says its class, where a class above has recorded it.
        """
        if len(self.family) == 1:
            return self
        named = dict(zip(self.tables, self.family, strict=True)).get(change.model, self.mapper)
        found = self.to(named.class_)
        held = (value for name in found._kinds for value in change.values.get(name, ()) if value is not None)
        kind = next(held, None)
        of_kind = (each for identity, each in named.polymorphic_map.items() if plain(identity) == kind)
        own = next((each for each in of_kind if each in self.family and issubclass(each.class_, named.class_)), named)
        return self.to(own.class_)

    # -- names -------------------------------------------------------------------------------------------------------

    def label(self, name: str, otherwise: str = "") -> str:
        """What an attribute or a relation is called; a foreign key and its relation are called the same.

        Arguments:
            name: the attribute, or a path that the view names.
            otherwise: the attribute that is meant where the view does not say what this one is called.
        """
        same = [self.foreign_keys.get(name, "")]
        same += [key for key, relation in self.foreign_keys.items() if relation == name]
        said = next((self.view.labels[each] for each in (name, *same) if each in self.view.labels), None)
        if said is not None:
            return said
        return self.label(otherwise) if otherwise else words_of(self.foreign_keys.get(name) or self._without_id(name))

    def _without_id(self, name: str) -> str:
        """What a key of another row is called that no relation stands for: ``club_id`` is a club."""
        attribute, short = self.attributes.get(name), name.removesuffix("_id")
        is_other = attribute is not None and bool(attribute.column.foreign_keys)
        return short if is_other and short and short not in self.attributes else name

    def heading(self, name: str) -> str:
        """The heading of a field in a file: as the view calls it, else its own name; a foreign key is one in files."""
        return self.label(name) if name in self.view.labels else words_of(name)

    def _check_labels(self) -> None:
        known = {*self.mapper.all_orm_descriptors.keys(), *(name for name in self.view.labels if "." in name)}
        for name in self.view.labels:
            if name not in known:
                raise self.fault(f"{self.model.__name__} has no {name!r} that has a label.", known)

    # -- the list ----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def columns(self) -> Sequence[ListColumn]:
        """The columns of its list."""
        self._check_labels()
        return [self._column(name) for name in self.view.columns or usual_columns(self)[:_MOST_COLUMNS]]

    @functools.cached_property
    def more_columns(self) -> Sequence[ListColumn]:
        """The columns that a person may add to the list."""
        first = {each.name for each in self.columns}
        more = self.view.more_columns or ([] if self.view.columns else usual_columns(self))
        return [self._column(name) for name in more if name not in first]

    @functools.cached_property
    def search(self) -> Sequence[str]:
        """What its list searches, as the view says it or as the model has it."""
        said = says(self.view, "search", "search_text")
        return self.view.search if said else usual_search(self)

    @functools.cached_property
    def filters(self) -> Sequence[str | Filter]:
        """The filters of its list, as the view says them or as the model has them."""
        return self.view.filters if says(self.view, "filters") else usual_filters(self)

    def _column(self, name: str) -> ListColumn:
        computed = self.view.computed(name)
        if computed is not None:
            return ListColumn(name, computed.title, (), computed.order)
        if name == LABEL and name not in self.mapper.all_orm_descriptors:
            return ListColumn(name, self.singular, (), None)
        path = tuple(name.split("."))
        mapper: Any = self.mapper
        for step in path[:-1]:
            if step not in mapper.relationships:
                raise self.fault(f"{mapper.class_.__name__} has no relation {step!r}.", mapper.relationships.keys())
            self._is_read(mapper, step)
            mapper = mapper.relationships[step].mapper
        self._is_read(mapper, path[-1])
        if path[-1] not in mapper.all_orm_descriptors:
            raise self.fault(f"{mapper.class_.__name__} has no {path[-1]!r}.", mapper.all_orm_descriptors.keys())
        known = self.attributes.get(name)
        order = name if known is not None and known.family not in _UNORDERED else None
        return ListColumn(name, self.label(name) if len(path) == 1 else self.label(name, path[0]), path, order)

    def _is_read(self, mapper: Any, name: str) -> None:
        if name in mapper.relationships and mapper.relationships[name].lazy in _ASKED_ONLY:
            message = f"{mapper.class_.__name__}.{name} is never read as a whole, so no list can show its rows."
            raise self.fault(message, mapper.columns.keys())

    @functools.cached_property
    def orders(self) -> Sequence[str]:
        """The attributes by which the list may be ordered, the usual one first."""
        given = list(self.view.orders) or [f"-{self.keys.names[0]}"]
        plain = {each.removeprefix("-") for each in given}
        more = [each.order for each in self.columns if each.order is not None and each.order not in plain]
        found = [*given, *dict.fromkeys(more)]
        for each in found:
            if each.removeprefix("-") not in self.attributes:
                message = (
                    f"{self.model.__name__} has no column {each.removeprefix('-')!r} that a list can be ordered by."
                )
                raise self.fault(message, self.attributes)
        return found

    @functools.cached_property
    def asked(self) -> type[Listing]:
        """The order and the page that a list may be asked for."""
        return listing(
            self.model,
            name=f"{self.model.__name__}AdminList",
            orders=[*self.orders, *(name for name in self.keys.names if f"-{name}" not in self.orders)],
            size=self.view.size,
            most=max(self.view.size, 500),
        )

    # -- the form ----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def field_sets(self) -> Mapping[str, Sequence[str]]:
        """The attributes of the form under their headings; those of the view, or all that can be changed."""
        given = self.view.fields
        sets = given if isinstance(given, Mapping) else {"": tuple(given) or self.usual_fields()}
        return {title: [name for name in names if name not in self._unread] for title, names in sets.items()}

    def usual_fields(self) -> tuple[str, ...]:
        """The attributes of a form of which a program says nothing."""
        columns = [name for name, each in self.attributes.items() if self.can_take(name) and not each.hidden]
        return (*columns, *self.to_many, *(name for name in self.view.read_only if name not in columns))

    def can_take(self, name: str) -> bool:
        """Whether a form can take an attribute: what the server makes, and what cannot be typed, it only shows."""
        known = self.attributes.get(name)
        if known is None:
            return name in self.to_many
        if name in self.keys.names:  # That of a joined table is as its parent's.
            known = attributes(self.mapper.base_mapper.class_)[name]
        return not known.made and known.family not in _FAMILIES_WITHOUT_FIELD and name not in self._kinds

    @functools.cached_property
    def _kinds(self) -> Collection[str]:
        """The attribute that says of which class a row is; it is written with the row, and stays."""
        column: Any = self.mapper.polymorphic_on
        if column is None or column not in self.mapper.columns.values():
            return set()
        return {self.mapper.get_property_by_column(column).key}

    @functools.cached_property
    def files(self) -> Collection[str]:
        """The attributes that hold stored files."""
        return {name for name, each in self.attributes.items() if _kind_of(each.column.type) == "StoredFileType"}

    def check_fields(self, names: Iterable[str]) -> None:
        """Refuse a name that a form could not show.

        Raises:
            SetupError: there is nothing of that name.
        """
        known = {*self.attributes, *self.to_many}
        for name in names:
            if name not in known and not hasattr(self.model, name) and not self.view.computed(name):
                raise self.fault(f"{self.model.__name__} has no {name!r} that a form could show.", known)

    @functools.cached_property
    def fields(self) -> Sequence[str]:
        """The attributes that the form takes."""
        named = [name for names in self.field_sets.values() for name in names]
        self.check_fields((*named, *self.view.read_only))
        return [name for name in named if name not in self.view.read_only and self.can_take(name)]

    def to(self, model: type[Any]) -> Resource:
        """The resource of another model: that of the admin, or one of which nobody has said anything."""
        found = self.others.get(model) or self._unsaid.get(model)
        if found is None:
            found = self._unsaid[model] = resource_for(model, self.others)
        return found

    @functools.cached_property
    def _unsaid(self) -> dict[type[Any], Resource]:
        return {}

    @functools.cached_property
    def inlines(self) -> Sequence[InlineForm]:
        """The rows of other models in its form."""
        return [InlineForm(each, self) for each in self.view.inlines]

    @functools.cached_property
    def page_form(self) -> FormOf:
        """The form of its page: fields, and rows of inlines."""
        return FormOf(self, self.fields, self.inlines)

    @property
    def form(self) -> type[Taken]:
        """What the page of a row shows and is sent; its values are read later, by what somebody may change."""
        return self.page_form.taken

    # -- faults ------------------------------------------------------------------------------------------------------

    def fault(self, message: str, known: Iterable[str]) -> SetupError:
        """The fault of a view that names what there is not."""
        view = type(self.view)
        module = sys.modules.get(view.__module__)
        where = f"{getattr(module, '__file__', view.__module__)}: {view.__qualname__}"
        return SetupError([Fault("bad-admin", message, where, f"There are {', '.join(sorted(known))}.")])

    def __repr__(self) -> str:
        return f"<Resource {self.slug}>"


def resource_for(model: type[Any], known: Mapping[type[Any], Resource]) -> Resource:
    """The resource of a model, also of one that the admin does not show: of a subclass with what is said of the nearest
    class above it that it shows.
    """
    found = known.get(model)
    if found is not None:
        return found
    above = next((known[each] for each in model.__mro__ if each in known), None)
    if above is None:
        found = Resource(view_of(model))
    elif _top_of(look_at(model)) is _top_of(above.mapper):
        found = Resource(view_below(above.view, model), above)
    else:  # It need not have what the other searches.
        found = Resource(view_below(above.view, model, search=(), search_text=()), above)
    found.others = known
    return found


def _top_of(mapper: Mapper[Any]) -> Mapper[Any]:
    """The class above all that have their keys in common with one."""
    while mapper.inherits is not None and not mapper.concrete:
        mapper = mapper.inherits
    return mapper


def _table_of(mapper: Mapper[Any]) -> str:
    table: Any = mapper.local_table
    is_shared = mapper.single and mapper.inherits is not None
    return f"{table.name}_{mapper.class_.__name__.lower()}" if is_shared else str(table.name)


def _kind_of(kind: Any) -> str:
    return type(kind).__name__
