"""The views: what is known of a sealed app, as values that cannot change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from wholestack.errors import ErrorFormat, HTTPError
from wholestack.handlers import Parameter, Rule


@dataclasses.dataclass(frozen=True)
class BodyView:
    """What a route reads: its media types, its type, and for a form the fields."""

    media_types: tuple[str, ...]
    type: Any
    required: bool
    fields: tuple[Parameter, ...] = ()


@dataclasses.dataclass(frozen=True)
class AnswerView:
    """One documented answer; `type` is None where it has no body, `media_type` None where that is not known."""

    status: int
    type: Any
    media_type: str | None
    description: str


@dataclasses.dataclass(frozen=True)
class RouteView:
    """One route, as it was sealed.

    Attributes:
        parameters: what is read from the path, the query, header fields and cookies; `of` is the function that asks.
        answers: the plain answer first.
        errors: error classes that the handler said it raises.
        handled: what error handlers answer instead of the app's format, by the kind of error.
        security: `rules`, and what a client shows for what they and the handler ask for, as further rules.
        steps: what runs, in order, for people.
    """

    methods: tuple[str, ...]
    path: str
    name: str
    function: Callable[..., Any]
    where: str
    operation_id: str
    colour: str
    driven: bool
    host: str | None
    summary: str
    description: str
    tags: tuple[str, ...]
    deprecated: bool
    hidden: bool
    parameters: tuple[Parameter, ...]
    body: BodyView | None
    answers: tuple[AnswerView, ...]
    errors: tuple[type[HTTPError], ...]
    handled: Mapping[type[BaseException], tuple[AnswerView, ...]]
    rules: tuple[Rule, ...]
    security: tuple[Rule, ...]
    validated: bool
    steps: tuple[str, ...]
    extra: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Description:
    """A sealed app: its name, its routes in the order in which they were written, its mounts, its kind of errors."""

    title: str
    version: str
    routes: tuple[RouteView, ...]
    mounts: tuple[str, ...]
    errors: ErrorFormat
