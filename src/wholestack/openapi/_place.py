"""A place in a document: its value and its JSON pointer, with references followed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Place:
    """A value in a document, and where it stands (RFC 6901).

    Example:
        >>> Place({"a/b": [1, 2]}).at("a/b", 1).pointer
        '/a~1b/1'
    """

    document: Any
    pointer: str = ""
    value: Any = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.pointer:
            object.__setattr__(self, "value", self.document)

    def at(self, *names: str | int) -> Place:
        """The place below; its value is None where there is nothing."""
        here: Any = self.value
        pointer = self.pointer
        for name in names:
            if isinstance(here, Mapping):
                here = here.get(name)
            elif isinstance(here, list) and isinstance(name, int) and name < len(here):
                here = here[name]
            else:
                here = None
            pointer += f"/{str(name).replace('~', '~0').replace('/', '~1')}"
        return Place(self.document, pointer, here)

    def with_value(self, value: Any) -> Place:
        """The same place with another value, such as one that was merged."""
        return Place(self.document, self.pointer, value)

    def items(self) -> Iterator[tuple[str, Place]]:
        """The names in a mapping with what they stand for, references followed."""
        if isinstance(self.value, Mapping):
            for name in self.value:
                yield str(name), self.at(name).resolved()

    def parts(self) -> list[Place]:
        """The items of a list, references followed."""
        return [self.at(index).resolved() for index in range(len(self.value))] if isinstance(self.value, list) else []

    def resolved(self) -> Place:
        """Where a `$ref` leads; what stands beside it is kept (OpenAPI 3.1 takes words beside one).

        Raises:
            ValueError: it leads nowhere, in a circle, or out of the document.
        """
        here, seen = self, {self.pointer}
        beside: dict[str, Any] = {}
        while isinstance(here.value, Mapping) and "$ref" in here.value:
            beside = {**{name: value for name, value in here.value.items() if name != "$ref"}, **beside}
            here = here._target(str(here.value["$ref"]))
            if here.pointer in seen:
                raise ValueError(f"The reference at {self.pointer} leads in a circle.")
            seen.add(here.pointer)
        return here.with_value({**here.value, **beside}) if beside and isinstance(here.value, Mapping) else here

    def _target(self, reference: str) -> Place:
        if not reference.startswith("#/"):
            raise ValueError(f"The reference at {self.pointer} leads out of the document: {reference}")
        there = Place(self.document)
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            there = there.at(int(name) if isinstance(there.value, list) and name.isdecimal() else name)
        if there.value is None:
            raise ValueError(f"The reference at {self.pointer} leads nowhere: {reference}")
        return there
