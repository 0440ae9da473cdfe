"""Providers: who gives which type, seen from a router, and the order in which a plan calls them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from wholestack.errors import Fault
from wholestack.routing import Provision, where_of

from ._call import Cell, Kind, kind_of
from ._types import bare, hints_of, is_hashable, members, yielded


@dataclasses.dataclass(eq=False, slots=True)
class Provider:
    """A provision made ready: its key, how it is called, and for an app-lifetime one where its value lies."""

    key: Any
    function: Callable[..., Any]
    kind: Kind
    scope: str
    waits: bool
    where: str
    names: Mapping[str, Any]
    outermost: bool = False
    cell: Cell = dataclasses.field(default_factory=Cell)
    needs: tuple[tuple[str, Provider], ...] = ()

    @property
    def label(self) -> str:
        """Its function's name, for people."""
        return getattr(self.function, "__qualname__", repr(self.function))


def provider_of(provision: Provision, faults: list[Fault]) -> Provider | None:
    """The provider that a provision describes; without a return type it is a fault."""
    function = provision.function
    kind = kind_of(function)
    if provision.key is not None:
        key = provision.key
    elif inspect.isclass(function):
        key = function
    else:
        try:
            annotation = hints_of(function, provision.names).get("return")
        except (NameError, TypeError) as error:
            cure = "Define or import the name before the app is sealed."
            faults.append(
                Fault("bad-hint", f"A type hint of a provider cannot be read: {error}.", where_of(function), cure)
            )
            return None
        key = yielded(annotation, is_async=kind == "await yield") if "yield" in kind else annotation
    if key in {None, Any, object, type(None)}:
        cure = "Write what it provides: `-> Clock`, or `-> Iterator[Clock]` where it yields."
        message = f"The provider {getattr(function, '__qualname__', function)} has no return type to ask for."
        faults.append(Fault("no-return-type", message, where_of(function), cure))
        return None
    where, names = provision.where, provision.names
    return Provider(bare(key), function, kind, provision.scope, provision.waits, where, names, provision.outermost)


class Providers:
    """What is provided at one place: the app's providers, and nearer ones of the routers on the way there."""

    def __init__(self, found: Mapping[Any, Provider] | None = None) -> None:
        self._found: dict[Any, Provider] = dict(found or {})

    def nearer(self, provisions: list[Provider]) -> Providers:
        """These, with some that are nearer to the handler in front."""
        return Providers({**self._found, **{provider.key: provider for provider in provisions}})

    def has(self, key: Any) -> bool:
        """Whether something provides this type."""
        return is_hashable(bare(key)) and bare(key) in self._found

    def get(self, annotation: Any) -> Provider:
        """The provider of a type; of `T | None` that of T where nothing provides just that."""
        if self.has(annotation):
            return self._found[bare(annotation)]
        return next(self._found[member] for member in members(annotation) if self.has(member))

    def all(self) -> list[Provider]:
        """Every provider in sight."""
        return list(self._found.values())
