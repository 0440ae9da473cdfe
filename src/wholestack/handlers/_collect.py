"""Fetching the values that lie in header fields, cookies and forms, as text, before they are checked in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from wholestack.http import Request

from ._partial import fields_of
from ._signature import Parameter
from ._types import field_info, is_upload, members, scalar_form

Collector = Callable[[Request, dict[str, Any]], None]
FormReader = Callable[[Any], Callable[[Request], Any]]
Fields = tuple[tuple[str, bool], ...]


def collectors(parameters: Mapping[str, Parameter], form_reader: FormReader) -> tuple[Collector, ...]:
    """One function for each value that is not a plain one of the path or the query."""
    return tuple(
        _whole_form(key, form_reader(each.type))
        if each.place == "form" and each.whole
        else _COLLECTORS[each.place](key, each)
        for key, each in parameters.items()
        if each.place in _COLLECTORS and (each.place != "query" or each.whole)
    ) + tuple(_renamed(key, each) for key, each in parameters.items() if each.place == "path" and key != each.name)


def _renamed(key: str, parameter: Parameter) -> Collector:
    """A provider's path field lies under a key of its own."""

    def collect(request: Request, raw: dict[str, Any]) -> None:
        raw[key] = request.params[parameter.name]

    return collect


def _query(key: str, parameter: Parameter) -> Collector:
    fields = model_fields(parameter.type)

    def collect(request: Request, raw: dict[str, Any]) -> None:
        raw[key] = _gathered(request.query, fields)

    return collect


def _header(key: str, parameter: Parameter) -> Collector:
    if parameter.whole:
        fields = model_fields(parameter.type)

        def collect_model(request: Request, raw: dict[str, Any]) -> None:
            found = {name: (request.headers.get_all(name.replace("_", "-")), many) for name, many in fields}
            given = {name: _elements(lines) if many else lines for name, (lines, many) in found.items() if lines}
            raw[key] = _gathered(given, fields)

        return collect_model

    def collect(request: Request, raw: dict[str, Any]) -> None:
        values = request.headers.get_all(parameter.alias)
        if values:
            raw[key] = _elements(values) if parameter.many else values[0] if len(values) == 1 else values

    return collect


def _elements(lines: list[str]) -> list[str]:
    """The elements of a list: of several lines, or of one that any proxy may have made of them (RFC 9110 §5.3)."""
    return [element for line in lines for each in line.split(",") if (element := each.strip())]


def _cookie(key: str, parameter: Parameter) -> Collector:
    if parameter.whole:
        fields = model_fields(parameter.type)

        def collect_model(request: Request, raw: dict[str, Any]) -> None:
            raw[key] = {name: request.cookies[name] for name, _ in fields if name in request.cookies}

        return collect_model

    def collect(request: Request, raw: dict[str, Any]) -> None:
        if parameter.alias in request.cookies:
            raw[key] = request.cookies[parameter.alias]

    return collect


def _whole_form(key: str, read: Callable[[Request], Any]) -> Collector:
    def collect(request: Request, raw: dict[str, Any]) -> None:
        raw[key] = read(request)

    return collect


def _form(key: str, parameter: Parameter) -> Collector:
    files = is_upload(parameter.type)

    def collect(request: Request, raw: dict[str, Any]) -> None:
        found = request.form.files if files else request.form.fields
        values = [value for name, value in found if name == parameter.alias]
        if values:
            raw[key] = values[0] if len(values) == 1 and not parameter.many else values

    return collect


_COLLECTORS: Mapping[str, Callable[[str, Parameter], Collector]] = {
    "query": _query,
    "header": _header,
    "cookie": _cookie,
    "form": _form,
}


def _gathered(values: Mapping[str, list[Any]], fields: Fields) -> dict[str, Any]:
    """A model's fields from their values: a list where the field takes many, else the one value (or all, to be
    refused).
    """
    many = dict(fields)
    return {name: found if many.get(name) or len(found) != 1 else found[0] for name, found in values.items()}


def model_fields(annotation: Any) -> Fields:
    """The names on the wire of a model's fields, and whether each takes many values.

    Example:
        >>> class Search(pydantic.BaseModel):
        ...     tag: list[str] = []
        ...     page: int = 1
        >>> model_fields(Search)
        (('tag', True), ('page', False))
    """
    found: dict[str, bool] = {}
    for model in members(annotation):
        for name, kind in fields_of(model).items():
            field = field_info(kind)
            for each in names_of(field.validation_alias or field.alias or name) if field is not None else (name,):
                found[each] = _takes_many(kind)
    return tuple(found.items())


def names_of(alias: str | pydantic.AliasPath | pydantic.AliasChoices) -> tuple[str, ...]:
    """The names under which a model reads a field.

    Example:
        >>> names_of(pydantic.AliasChoices("q", "query"))
        ('q', 'query')
    """
    if isinstance(alias, pydantic.AliasChoices):
        return tuple(name for choice in alias.choices for name in names_of(choice))
    return (str(alias.path[0]),) if isinstance(alias, pydantic.AliasPath) else (alias,)


def _takes_many(kind: Any) -> bool:
    if is_upload(kind):
        return str(kind).startswith("list")
    return scalar_form(kind) == "many"
