"""Cards of the dashboard: what their functions give, and how a page calls them."""

from __future__ import annotations

import dataclasses
import inspect
import logging
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from markupsafe import Markup, escape

from wholestack import HTTPError, Rule
from wholestack.auth import Identity
from wholestack.handlers import hints_of
from wholestack.languages import gettext
from wholestack.routing import where_of

from . import _charts
from ._charts import Figure, Points

_log = logging.getLogger("wholestack")


@dataclasses.dataclass(frozen=True)
class Number:
    """One figure, large.

    Attributes:
        value: it.
        note: a few words below it.
        url: where more is to be seen.

    Example:
        >>> print(Markup(Number(1234, note="this week").__html__()))
        <p class="admin-figure">1,234</p><p class="muted">this week</p>
    """

    value: Figure | str
    note: str = ""
    url: str = ""

    def __html__(self) -> str:
        value = _charts.shown(self.value)
        value = Markup('<a href="{}">{}</a>').format(self.url, value) if self.url else value
        note = Markup('<p class="muted">{}</p>').format(self.note) if self.note else Markup("")
        return Markup('<p class="admin-figure">{}</p>').format(value) + note


@dataclasses.dataclass(frozen=True)
class Bars:
    """Upright bars: a few kinds of things, or days, side by side.

    Attributes:
        values: names and figures, in their order.
        wide: whether the picture has the room of two; as its card has it where left out.

    Example:
        >>> "<table" in Bars([("Mon", 3), ("Tue", 7)]).__html__()
        True
    """

    values: Points
    wide: bool = False

    def __html__(self) -> str:
        return _drawn(self.values, _charts.bars, wide=self.wide)


@dataclasses.dataclass(frozen=True)
class Line:
    """A line: how a figure went on from one moment to the next.

    Attributes:
        values: moments and figures, the earliest first.
        wide: whether the picture has the room of two; as its card has it where left out.

    Example:
        >>> "<polyline" in Line([("Mon", 3), ("Tue", 7)]).__html__()
        True
    """

    values: Points
    wide: bool = False

    def __html__(self) -> str:
        return _drawn(self.values, _charts.line, wide=self.wide)


@dataclasses.dataclass(frozen=True)
class Donut:
    """A ring: parts of a whole, beside each its figure and its share.

    Attributes:
        values: names and figures, in their order; six at most can be told from one another.

    Example:
        >>> "25%" in Donut([("Open", 1), ("Done", 3)]).__html__()
        True
    """

    values: Points

    def __html__(self) -> str:
        if not self.values:
            return _nothing()
        ring = _charts.ring(self.values, _charts.described(self.values, ""))
        return Markup('<div class="admin-donut">{}{}</div>').format(ring, _charts.figures(self.values, shares=True))


@dataclasses.dataclass(frozen=True)
class TableOf:
    """A small table.

    Attributes:
        headings: of its columns.
        rows: their cells, written as those of a list are.

    Example:
        >>> "Ann" in TableOf(["Name"], [["Ann"]]).__html__()
        True
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __html__(self) -> str:
        if not self.rows:
            return _nothing()
        return Markup('<div class="scroll" tabindex="0">{}</div>').format(_charts.table(self.headings, self.rows))


Shown = Number | Bars | Line | Donut | TableOf
"""What a card's function gives; or anything of your own that has `__html__`."""


def _nothing() -> Markup:
    return Markup('<p class="muted">{}</p>').format(gettext("Nothing yet."))


def _drawn(points: Points, draw: Callable[..., Markup], *, wide: bool) -> Markup:
    if not points:
        return _nothing()
    table = Markup("<details><summary>{}</summary>{}</details>").format(gettext("Figures"), _charts.figures(points))
    return draw(points, _charts.described(points, ""), wide=wide) + table


@dataclasses.dataclass(frozen=True)
class Card:
    """A card of the dashboard.

    Attributes:
        title: its heading.
        function: gives what it shows.
        rules: who sees it.
        wide: whether it takes the room of two.
    """

    title: str
    function: Callable[..., Any]
    rules: tuple[Rule, ...]
    wide: bool = False

    def may(self, identity: Identity[Any]) -> bool:
        """Whether a person sees it."""
        return all(passes(each, identity) for each in self.rules)

    def made(self, given: Mapping[str, Any]) -> Any:
        """What it shows; None where the function itself refuses, or has failed, which the log tells."""
        try:
            return self.function(**given)
        except HTTPError as error:
            if error.status < 500:
                return None
            _log.exception("a card of the admin failed", extra={"card": self.function.__qualname__})
        except Exception:
            _log.exception("a card of the admin failed", extra={"card": self.function.__qualname__})
        return Markup('<p class="muted">{}</p>').format(gettext("This could not be shown."))


class Cards:
    """The cards of an admin, and what one handler must ask for to call them all."""

    def __init__(self) -> None:
        self.all: list[Card] = []
        self._names: list[dict[str, str]] = []
        #: Told of a card that comes when the handler is there already, as from a plugin that is set up later.
        self.told: Callable[[], None] = lambda: None

    def add(self, card: Card) -> None:
        """Add a card, in the place of the same one of an app that was sealed before."""
        code = card.function.__code__
        self.all = [*(each for each in self.all if each.function.__code__ is not code), card]
        self.told()

    def faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with a card: a message, and where."""
        for card in self.all:
            returned = hints_of(card.function, {}).get("return")
            if not all(hasattr(each, "__html__") for each in _kinds(returned)):
                yield f"The card {card.function.__qualname__} says not what it shows.", where_of(card.function)
            if inspect.iscoroutinefunction(card.function):
                message = f"The card {card.function.__qualname__} is no plain function: `wait(…)` waits in one."
                yield message, where_of(card.function)
            for leaf in (leaf for each in card.rules for leaf in each.leaves()):
                if not asks_identity_alone(leaf):
                    message = f"{leaf.name} asks for more than the identity, so it cannot stand before a card."
                    yield message, where_of(card.function)

    def takes(self, usual: Mapping[str, Any]) -> dict[str, inspect.Parameter]:
        """The parameters of the handler that calls them: the usual ones, by name and type, and what cards ask for.

        A name means one thing: where two cards mean different things by it, the second one's has its card's name
        before.
        """
        keyword = inspect.Parameter.KEYWORD_ONLY
        found = {name: inspect.Parameter(name, keyword, annotation=kind) for name, kind in usual.items()}
        self._names = []
        for card in self.all:
            hints, names = hints_of(card.function, {}), {}
            for name, asked in inspect.signature(card.function).parameters.items():
                one = asked.replace(kind=keyword, annotation=hints.get(name, asked.annotation))
                other = found.get(name, one)
                same = (other.annotation, other.default) == (one.annotation, one.default)
                names[name] = name if same else f"{card.function.__name__}_{name}"
                found.setdefault(names[name], one.replace(name=names[name]))
            self._names.append(names)
        return found

    def shown(self, identity: Identity[Any], given: Mapping[str, Any]) -> list[tuple[Card, Markup]]:
        """The cards that a person sees, each with what it shows.

        Arguments:
            identity: the person.
            given: the values of the parameters that `takes` gave.
        """
        found = []
        for card, names in zip(self.all, self._names, strict=True):
            if card.may(identity):
                value = card.made({name: given[asked] for name, asked in names.items() if asked in given})
                if card.wide and isinstance(value, (Bars, Line)):
                    value = dataclasses.replace(value, wide=True)
                if value is not None:
                    found.append((card, escape(value)))
        return found


def _kinds(returned: Any) -> Iterable[Any]:
    if get_origin(returned) in {Union, types.UnionType}:
        return [each for each in get_args(returned) if each is not types.NoneType]
    return [returned]


def asks_identity_alone(leaf: Rule) -> bool:
    """Whether a rule can be judged beside a request: it asks for the identity, or for nothing.

    Example:
        >>> from wholestack.auth import superuser
        >>> asks_identity_alone(superuser)
        True
    """
    function: Any = leaf.function
    parameters = inspect.signature(function).parameters
    hints = hints_of(function, {})
    kinds = [hints.get(name) for name in parameters]
    return not inspect.iscoroutinefunction(function) and all((get_origin(each) or each) is Identity for each in kinds)


def passes(rule: Rule, identity: Identity[Any]) -> bool:
    """Whether a rule that asks for the identity alone lets a person pass."""
    if rule.how == "leaf":
        function: Any = rule.function
        given = dict.fromkeys(inspect.signature(function).parameters, identity)
        try:
            return function(**given) is not False
        except HTTPError as error:
            if error.status >= 500:
                raise
            return False
    found = (passes(part, identity) for part in rule.parts)
    return not next(found) if rule.how == "not" else all(found) if rule.how == "and" else any(found)
