"""The words with which a parameter says where it is read from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

T = TypeVar("T")
Model = TypeVar("Model")

Place = Literal["path", "query", "header", "cookie", "body", "form", "provided", "request", "error", "own"]


@dataclasses.dataclass(frozen=True)
class Marker:
    """Stands in `Annotated` and names the place that a parameter is read from."""

    place: Place


Body: TypeAlias = Annotated[T, Marker("body")]
"""Read from the body: ``Body[list[Item]]``, ``Body[bytes]`` (as it is), ``Body[AsyncIterator[bytes]]`` (as it
comes)."""

Form: TypeAlias = Annotated[T, Marker("form")]
"""Read from an urlencoded or multipart form: a field by its name, or a whole model."""

Query: TypeAlias = Annotated[T, Marker("query")]
"""Read from the query string: a value by its name, or a whole model."""

Header: TypeAlias = Annotated[T, Marker("header")]
"""Read from the header fields: ``x_token: Header[str]`` is the field ``x-token``."""

Cookie: TypeAlias = Annotated[T, Marker("cookie")]
"""Read from the cookies."""


class Partial(Generic[Model]):
    """Some fields of a model, for PATCH: what was sent, checked, and nothing else.

    Example:
        >>> import pydantic
        >>> class Note(pydantic.BaseModel):
        ...     text: str
        ...     done: bool = False
        >>> changes = Partial[Note]({"done": True})
        >>> "text" in changes, changes.sent
        (False, {'done': True})
        >>> changes.apply(Note(text="milk")).done
        True
    """

    __slots__ = ("sent",)

    def __init__(self, sent: Mapping[str, Any]) -> None:
        self.sent: dict[str, Any] = dict(sent)

    def __contains__(self, name: str) -> bool:
        return name in self.sent

    def apply(self, target: T) -> T:
        """Set each field that was sent on `target`, and give it back."""
        for name, value in self.sent.items():
            setattr(target, name, value)
        return target

    def __repr__(self) -> str:
        return f"Partial({', '.join(self.sent)})"
