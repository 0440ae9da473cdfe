"""What filters are made of: what they read, and the inputs by which a page shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select

from wholestack.db import Session

from ._access import Access

Values = Mapping[str, Sequence[str]]
"""What a query says, by the names of a filter; no value is empty."""


class Unread(Exception):
    """What a query says makes no sense to a filter.

    Arguments:
        title: the filter's.
    """

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


@dataclasses.dataclass(frozen=True)
class Input:
    """One input of the filters.

    Attributes:
        name: on the wire.
        title: its label.
        kind: ``"choice"``; ``"links"``, each a choice; ``"key"``, the key of a row; or the type of an ``<input>``.
        value: what it holds.
        choices: values and their words.
    """

    name: str
    title: str
    kind: str
    value: str
    choices: Sequence[tuple[str, str]] = ()

    @property
    def words(self) -> str:
        """What stands for the value, where it is one of the choices."""
        return dict(self.choices).get(self.value, "")


@dataclasses.dataclass
class Look:
    """Somebody who looks at a list.

    Attributes:
        access: what they may.
        db: the session.
    """

    access: Access
    db: Session
    _kept: dict[int, Any] = dataclasses.field(default_factory=dict)

    def once(self, owner: object, make: Callable[[], Any]) -> Any:
        """What was made for an owner, made once."""
        if id(owner) not in self._kept:
            self._kept[id(owner)] = make()
        return self._kept[id(owner)]


class ListFilter:
    """A filter as a list has it.

    Attributes:
        names: what it reads of the query.
    """

    names: Sequence[str] = ()

    def shown(self, access: Access) -> bool:
        """Whether a person has it; who has not finds no rows by it."""
        return True

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        """The rows that the values leave.

        Raises:
            Unread: they make no sense.
        """
        raise NotImplementedError

    def inputs(self, look: Look, values: Values) -> list[Input]:
        """How it is shown."""
        raise NotImplementedError


def first(values: Values, name: str) -> str:
    """The first value of a name; empty where there is none.

    Example:
        >>> first({"a": ["1", "2"]}, "a"), first({}, "a")
        ('1', '')
    """
    return (values.get(name) or ("",))[0]
