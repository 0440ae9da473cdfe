"""The four rules: where each parameter of a function comes from, decided when the app is sealed.

1. Its name is in the path. 2. Its type is provided. 3. It is a model, or marked `Body`, `Form`, `Query`, `Header`,
`Cookie`, `Upload`. 4. Anything else is the query string. What fits no rule, or two, is a fault with file and line.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Container, Mapping
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from wholestack.errors import Fault
from wholestack.http import Request
from wholestack.routing import where_of

from ._markers import Partial, Place
from ._types import (
    bare,
    field_info,
    hints_of,
    is_model,
    is_optional,
    is_upload,
    members,
    scalar_form,
    split_marker,
    stream_kind,
)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a function, and where its value comes from.

    Attributes:
        name: as the function has it.
        place: where it is read from.
        type: its annotation without our marker.
        alias: the name on the wire (a header's is in lower case with ``-``).
        required: whether a request without it is refused.
        default: what the function itself has as default; `inspect.Parameter.empty` where it has none.
        many: several values of one name make one list.
        whole: a model is read from all the values of that place.
        of: the function that asks.
    """

    name: str
    place: Place
    type: Any
    alias: str
    required: bool
    default: Any
    many: bool
    whole: bool
    of: Callable[..., Any]


class Surroundings:
    """What a function finds around it: the path's fields, what is provided, kinds of parameters that plugins added."""

    def __init__(
        self,
        path: Container[str] = (),
        provided: Callable[[Any], bool] = lambda key: False,
        kinds: tuple[Any, ...] = (),
        names: Mapping[str, Any] = types.MappingProxyType({}),
    ) -> None:
        self.path = path
        self.provided = provided
        self.kinds = kinds
        self.names = names


def read_signature(function: Callable[..., Any], around: Surroundings, faults: list[Fault]) -> tuple[Parameter, ...]:
    """Every parameter of a function with its place; what cannot be placed is added to `faults`."""
    where = where_of(function)
    label = getattr(function, "__qualname__", repr(function))
    try:
        hints = hints_of(function, around.names)
        signature = inspect.signature(function)
    except ValueError:  # A class such as one of dict, whose parameters C code reads.
        cure = f"Write a function that makes it: `def make() -> {label}: …`."
        faults.append(Fault("bad-parameter", f"Python does not tell the parameters of {label}.", where, cure))
        return ()
    except (NameError, TypeError, AttributeError) as error:
        cure = "Define or import the name before the app is sealed."
        faults.append(Fault("bad-hint", f"A type hint of {label} cannot be read: {error}.", where, cure))
        return ()
    found = []
    for parameter in signature.parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            cure = "Name each parameter; arguments are passed by name."
            message = f"{label} takes {parameter}, which no request can fill."
            faults.append(Fault("bad-parameter", message, where, cure))
        elif parameter.name not in hints:
            cure = f"Write its type: `{parameter.name}: str`."
            faults.append(Fault("no-type", f"The parameter {parameter.name!r} of {label} has no type.", where, cure))
        else:
            placed = _place(parameter, hints[parameter.name], function, around)
            if isinstance(placed, Parameter):
                found.append(placed)
            else:
                message, cure = placed
                faults.append(Fault("no-place", f"The parameter {parameter.name!r} of {label} {message}.", where, cure))
    return tuple(found)


def _place(
    parameter: inspect.Parameter, hint: Any, function: Callable[..., Any], around: Surroundings
) -> Parameter | tuple[str, str]:
    annotation, marker = split_marker(hint)
    name, default = parameter.name, parameter.default
    if isinstance(default, FieldInfo):
        return "has Field(…) as its default", f"Write `{name}: Annotated[…, Field(…)] = default`."
    field = field_info(annotation)
    if field is not None and not isinstance(field.validation_alias or "", str):
        return "has an alias of several names", "Give it one: `Field(alias=…)`."
    required = default is parameter.empty and not (field is not None and not field.is_required())

    def made(place: Place, *, many: bool = False, whole: bool = False) -> Parameter:
        alias = str((field and (field.validation_alias or field.alias)) or name)
        alias = alias.lower().replace("_", "-") if place == "header" else alias
        return Parameter(name, place, annotation, alias, required, default, many, whole, function)

    if name in around.path:
        if marker is not None:
            return "stands in the path and is marked as well", "Rename it, or take the mark away."
        return _scalar(made, annotation, "path")
    if bare(annotation) is Request:
        return made("request")
    if around.provided(annotation) or any(around.provided(member) for member in _one(annotation)):
        return made("provided")
    if any(kind.matches(annotation) for kind in around.kinds):
        return made("own")
    if is_upload(annotation):
        return made("form", many=get_origin((members(annotation) or (None,))[0]) is list)
    if marker is not None:
        return _marked(made, annotation, marker.place)
    if is_model(annotation):
        return made("body")
    return _scalar(made, annotation, "query")


def _one(annotation: Any) -> tuple[Any, ...]:
    """For `T | None`, T: what is provided as T may be asked for as optional."""
    return members(annotation) if is_optional(annotation) and len(members(annotation)) == 1 else ()


def _marked(made: Callable[..., Parameter], annotation: Any, place: Place) -> Parameter | tuple[str, str]:
    if place == "body":
        return made("body")
    if is_model(annotation):
        if any((get_origin(member) or member) is Partial for member in members(annotation)):
            return f"is a Partial and marked as {place}", "A Partial is read from a JSON body only."
        return made(place, whole=True)
    return _scalar(made, annotation, place)


def _scalar(made: Callable[..., Parameter], annotation: Any, place: Place) -> Parameter | tuple[str, str]:
    kind = getattr(bare(annotation), "__name__", str(annotation))
    cure = f"Mark it as the body: `Body[{kind}]`; or give a provider whose return type it is: `app.provide(…)`."
    if stream_kind(annotation) or (bare(annotation) is bytes and place == "query"):
        return f"has the type {kind}, which has no form in a query string", cure
    form = scalar_form(annotation)
    if form is None or (form == "many" and place == "path"):
        return f"has the type {kind}, which nobody provides and which has no form in the {place}", cure
    return made(place, many=form == "many")
