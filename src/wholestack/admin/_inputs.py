"""What filters are made of: what they read, and the inputs by which a page shows them."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select

from wholestack.db import Session

from ._access import Access

Values = Mapping[str, Sequence[str]]
"""What a query says, by the names of a filter; no value is empty."""


MOST_VALUES = 100
"""Values of one name that are read."""
NONE = "~"
"""The value that stands for NULL among choices."""


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
        kind: ``"choice"``; ``"links"``, each a choice; ``"search"``, a choice of what is searched for; or the type of
            an ``<input>``.
        value: what it holds.
        choices: values and their words.
        find: the name of the input of the search; empty where nothing is searched.
        sought: what is searched for.
    """

    name: str
    title: str
    kind: str
    value: str
    choices: Sequence[tuple[str, str]] = ()
    find: str = ""
    sought: str = ""


@dataclasses.dataclass
class Look:
    """Somebody who looks at a list.

    Attributes:
        access: what they may.
        db: the session.
        rows: what the filters have asked for, by what they call it; read for all of them in one query.
    """

    access: Access
    db: Session
    rows: Mapping[Hashable, Sequence[Any]] = dataclasses.field(default_factory=dict)
    _kept: dict[int, Any] = dataclasses.field(default_factory=dict)

    def once(self, owner: object, make: Callable[[], Any]) -> Any:
        """What was made for an owner, made once."""
        if id(owner) not in self._kept:
            self._kept[id(owner)] = make()
        return self._kept[id(owner)]


class ListFilter(abc.ABC):
    """A filter as a list has it.

    Attributes:
        names: what it reads of the query.
    """

    names: Sequence[str] = ()

    def shown(self, access: Access) -> bool:
        """Whether a person has it; who has not finds no rows by it."""
        return True

    def asks(self, look: Look, values: Values) -> Mapping[Hashable, Select[Any]]:
        """Selects of the rows that its inputs show, each with a bound, by what `Look.rows` is to call them."""
        return {}

    @abc.abstractmethod
    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        """The rows that the values leave.

        Raises:
            Unread: they make no sense.
        """

    @abc.abstractmethod
    def inputs(self, look: Look, values: Values) -> list[Input]:
        """How it is shown."""


def first(values: Values, name: str) -> str:
    """The first value of a name; empty where there is none.

    Example:
        >>> first({"a": ["1", "2"]}, "a"), first({}, "a")
        ('1', '')
    """
    return (values.get(name) or ("",))[0]
