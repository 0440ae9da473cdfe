"""Messages of a socket: text or bytes on the wire, typed values for the handler, by the rules of any body."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Never, NoReturn, get_args, get_origin

from pydantic_core import ValidationError

from wholestack.errors import FieldFault, HTTPError, ValidationFailed, http_error
from wholestack.handlers import JsonBody, body_faults
from wholestack.http import Limits, Refused

from ._connections import Data

Read = Callable[[Data], Any]
Write = Callable[[Any], Data]

_NOTHING = {None, types.NoneType, Never, NoReturn}


class WrongKind(Exception):
    """Text where bytes are read, or the other way round."""


def bare(annotation: Any) -> Any:
    """An annotation without `Annotated`."""
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def is_a(annotation: Any, kind: type) -> bool:
    """Whether an annotation is this generic class, with or without brackets or `Annotated`.

    Example:
        >>> is_a(list[int], list), is_a(list, list), is_a(str, list)
        (True, True, False)
    """
    found = bare(annotation)
    return found is kind or get_origin(found) is kind


def arguments_of(annotation: Any, count: int) -> tuple[Any, ...]:
    """What stands in the brackets of a generic type; missing ones are Any.

    Example:
        >>> arguments_of(dict[str, int], 2), arguments_of(list, 1)
        ((<class 'str'>, <class 'int'>), (typing.Any,))
    """
    return (*get_args(bare(annotation)), *[Any] * count)[:count]


def is_nothing(kind: Any) -> bool:
    """Whether no message is meant: None, or `Never`."""
    return any(kind is each for each in _NOTHING)


def reader(kind: Any, limits: Limits) -> Read:
    """What reads a message of this type: text, bytes, or JSON in a text.

    Example:
        >>> reader(list[int], Limits())("[1, 2]")
        [1, 2]
    """
    if is_nothing(kind):
        return _refuse
    if kind is str:
        return _text
    if kind is bytes:
        return _bytes
    return json_reader(kind, limits)


def json_reader(kind: Any, limits: Limits) -> Read:
    """What reads JSON in a text.

    Example:
        >>> json_reader(str, Limits())('"text"')
        'text'
    """
    read = JsonBody(kind, limits).read

    def read_json(data: Data) -> Any:
        body = _text(data).encode()
        try:
            return read(body)
        except ValidationError as error:
            faults = body_faults(error, body)
            raise ValidationFailed(
                [FieldFault("message", each.pointer, each.code, each.detail) for each in faults]
            ) from None
        except Refused as refused:
            raise in_words_of_a_message(http_error(refused)) from None

    return read_json


def in_words_of_a_message(error: HTTPError) -> HTTPError:
    """An error that speaks of a body, for a message."""
    error.detail = error.detail.replace("The body", "The message")
    return error


def writer(kind: Any, encoder: Callable[[Any], Callable[[Any], bytes]]) -> Write:
    """What writes a message of this type.

    Example:
        >>> from wholestack import App
        >>> writer(list[int], App().encoder)([1, 2])
        '[1,2]'
    """
    if is_nothing(kind):
        return _refuse
    if kind is str:
        return _text
    if kind is bytes:
        return _bytes
    encode = encoder(kind)
    return lambda value: encode(value).decode()


def _refuse(data: Any) -> Any:
    raise WrongKind


def _text(data: Any) -> str:
    if not isinstance(data, str):
        raise WrongKind
    return data


def _bytes(data: Any) -> bytes:
    if isinstance(data, str):
        raise WrongKind
    return bytes(data)
