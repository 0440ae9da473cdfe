"""A row as a history records it: the values of its fields, and related rows by their keys with what they are called."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pydantic
from sqlalchemy import inspect as look_at
from sqlalchemy import select

from wholestack.auth import OfTenant
from wholestack.db import Session
from wholestack.files import StoredFile

from ._history import CHANGED, Change, plain
from ._resource import Resource, resource_for

_MOST_LABELS = 200
"""Related rows of one field whose names a change keeps."""


def fields_of(resource: Resource) -> list[str]:
    """What is recorded of a row: its columns and the rows that it chooses; `record` keeps the values of no secret."""
    return [*resource.attributes, *resource.to_many]


def snapshot(resource: Resource, row: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The values of a row, as JSON has them; related rows by their keys. Without names they are all that it has, with
    what its own class has alone.
    """
    resource = resource if names is not None else resource.own(row)
    relations, loaded = resource.relations, vars(row)  # Past SQLAlchemy's descriptors, where there is nothing to load.
    values = {name: loaded[name] if name in loaded else getattr(row, name) for name in names or fields_of(resource)}
    for name in relations.keys() & values.keys():
        values[name] = _related(values[name])
    found: dict[str, Any] = plain(values)
    return found


def _related(value: Any) -> list[Any]:
    return related(value if isinstance(value, Iterable) else [] if value is None else [value])


def related(rows: Iterable[Any]) -> list[Any]:
    """Related rows, by their keys."""
    return sorted((plain(key) for each in rows if (key := _key(each)) is not None), key=str)


def _key(row: Any) -> Any:
    """The first value of a row's key; its identity is not known before the flush that inserts it has ended."""
    mapper: Any = look_at(type(row))
    return mapper.primary_key_from_instance(row)[0]


def is_secret(resource: Resource, name: str) -> bool:
    """Whether no history has the values of a field: a hash, what is encrypted, what is loaded only when asked for."""
    attribute = resource.attributes.get(name)
    return attribute is not None and attribute.hidden


def record(db: Session, resource: Resource, action: str, row: Any, values: Mapping[str, Sequence[Any]]) -> Change:
    """What was done to a row, with the names of related rows and without secrets; by the name of its own class,
    whichever page it was done on.

    Arguments:
        db: the session.
        resource: the row's model, or one above it.
        action: what was done.
        row: the row.
        values: by attribute, before and after.
    """
    resource = resource.own(row)
    kept = {name: CHANGED if is_secret(resource, name) else pair for name, pair in values.items()}
    labels = {name: found for name, pair in kept.items() if (found := _labels(db, resource, name, pair))}
    tenant = str(row.tenant_key) if isinstance(row, OfTenant) else None
    key, label = resource.keys.text(row), resource.view.label(row)
    files, table = files_in(resource, kept), table_of(resource)
    return Change(action, resource.table, key, label, kept, labels, tenant, files, table)


def table_of(resource: Resource) -> str:
    """The table of a model, as the database calls it."""
    table: Any = resource.mapper.local_table
    return str(getattr(table, "key", ""))


def files_in(resource: Resource, values: Mapping[str, Sequence[Any]]) -> dict[str, StoredFile]:
    """The files that a row had before a change: of columns of files alone, since JSON may look like one."""
    before = {name: values[name][0] for name in resource.files if values.get(name)}
    return {
        name: StoredFile(**{**value, "variants": tuple(value["variants"])}) for name, value in before.items() if value
    }


def relation_at(resource: Resource, name: str) -> str | None:
    """The relation that a field stands for: itself, or that of its foreign key; None for a plain value."""
    if name in resource.to_many or name in resource.foreign_keys.values():
        return name
    return resource.foreign_keys.get(name)


def key_column(resource: Resource, relation: str) -> Any:
    """The attribute by whose values the rows at the end of a relation are recorded."""
    found = resource.relations[relation]
    mapper = found.mapper
    column = mapper.primary_key[0] if found.secondary is not None else found.local_remote_pairs[0][1]
    return getattr(mapper.class_, mapper.get_property_by_column(column).key)


def _labels(db: Session, resource: Resource, name: str, pair: Sequence[Any]) -> dict[str, str]:
    return labels_of(db, resource, name, keys_in(pair)[:_MOST_LABELS])


def labels_of(db: Session, resource: Resource, name: str, keys: Sequence[Any]) -> dict[str, str]:
    """What the rows are called that a field refers to, by their keys as text; in one query.

    Arguments:
        db: the session.
        resource: the model.
        name: its field; of one that refers to nothing there are none.
        keys: keys as JSON has them.
    """
    relation = relation_at(resource, name)
    if relation is None or not keys:
        return {}
    column = key_column(resource, relation)
    rows = db.scalars(select(column.class_).where(column.in_(typed_keys(resource, relation, keys)))).unique()
    return {str(plain(getattr(row, column.key))): resource.to(type(row)).view.label(row) for row in rows}


class Called:
    """What the rows are called to which many changes of one model refer: one query for each field.

    Arguments:
        db: the session.
        resource: the model.
        changes: by attribute, before and after, of each change.
    """

    def __init__(self, db: Session, resource: Resource, changes: Iterable[Mapping[str, Sequence[Any]]]) -> None:
        wanted: dict[str, set[Any]] = {}
        for values in changes:
            for name, pair in values.items():
                if relation_at(resource, name) is not None:
                    wanted.setdefault(name, set()).update(keys_in(pair))
        self._known = {name: labels_of(db, resource, name, [*keys]) for name, keys in wanted.items()}

    def of(self, values: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, str]]:
        """What the rows of one of these changes are called, by field and key."""
        found = {}
        for name in values.keys() & self._known.keys():
            known = self._known[name]
            texts = [text for key in keys_in(values[name])[:_MOST_LABELS] if (text := str(plain(key))) in known]
            if texts:
                found[name] = {text: known[text] for text in texts}
        return found


def tenant_in(resource: Resource, values: Mapping[str, Any]) -> str | None:
    """Whose a row was, of its values; None where it was nobody's."""
    name = resource.model.__tenant__ if issubclass(resource.model, OfTenant) else ""
    found = values.get(name)
    return None if found is None else str(found)


def keys_in(pair: Sequence[Any]) -> list[Any]:
    """The keys in a value before and the one after, each once."""
    found = [key for value in pair for key in (value if isinstance(value, list) else [value])]
    return list(dict.fromkeys(key for key in found if isinstance(key, (str, int))))


def typed_keys(resource: Resource, relation: str, keys: Iterable[Any]) -> list[Any]:
    """Keys as the database has them, of keys as JSON has them."""
    column = key_column(resource, relation)
    target = resource_for(column.class_, resource.others)
    reader = target.attributes[column.key].reader
    found = []
    for key in keys:
        with contextlib.suppress(pydantic.ValidationError):  # What another part has noted is no key.
            found.append(reader.validate_strings(key) if isinstance(key, str) else reader.validate_python(key))
    return found
