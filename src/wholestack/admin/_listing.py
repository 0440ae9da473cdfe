"""The page of a list: filtered, searched, ordered, one page of it, with no count of millions on the way."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlencode

import pydantic
from markupsafe import Markup, escape
from sqlalchemy import Row, select
from sqlalchemy.orm import Load

from wholestack import Request
from wholestack.crud import BadCursor, Pager
from wholestack.crud import Page as Rows
from wholestack.db import Session
from wholestack.forms import FormView
from wholestack.languages import gettext

from ._access import DELETED, Access
from ._cells import cell, is_number, is_row, members, text_of, words_of
from ._count import MOST_COUNTED, MOST_FOUND, Count, count_asks, counted, is_whole
from ._facets import facets
from ._frame import KEPT, Frame
from ._list_edits import ShownEdits
from ._list_query import LOOKS, PLACE, ListQuery, usual_order
from ._paths import among
from ._resource import ListColumn, Resource

SIZES = (20, 50, 100, 200, 500)
_MOST_JUMPED = 10**9
_MOST_SHOWN = 20
"""Rows of a relation to many in a cell."""
_SIMPLE = {str, int, bool, float, decimal.Decimal, datetime.date, datetime.datetime, type(None)}
"""Types of which a value is neither a row nor several."""
_LINK = re.compile(r"</?a(?=[\s>])[^>]*>")


@dataclasses.dataclass(frozen=True)
class Heading:
    """The heading of a column.

    Attributes:
        title: its words.
        url: orders by it, or turns the order; None where the list cannot be ordered by it.
        without: orders by the others; None where the list is not ordered by it.
        order: ``"ascending"``, ``"descending"`` or None.
        place: which of several orders it is, from 1; 0 where it is the only one.
        number: whether numbers stand below.
    """

    title: str
    url: str | None = None
    without: str | None = None
    order: str | None = None
    place: int = 0
    number: bool = False


class Cell(NamedTuple):
    """A cell: what it shows, whether that is a number, and the name and the title of its column."""

    name: str
    title: str
    html: Markup
    number: bool


class _Others(NamedTuple):
    """The rows of another model on a page.

    Attributes:
        resource: the model.
        url: the address of its list.
        seen: the keys of those that the person may see; None where they may see them all.
    """

    resource: Resource
    url: str
    seen: set[str] | None

    def shows(self, key: str) -> bool:
        """Whether the person may see the row of a key."""
        return self.seen is None or key in self.seen


class ListPage:
    """What the template of a list shows.

    Arguments:
        access: what the person may.
        frame: the page's frame.
        request: the request, with the query.
        db: the session.
        pages: gives pages of rows.
    """

    def __init__(self, access: Access, frame: Frame, request: Request, db: Session, pages: Pager) -> None:
        self.resource: Resource = access.resource
        self.access = access
        self.query = ListQuery(access, request.query, db)
        self.search = self.query.search
        self.saved: Sequence[Row[Any]] = ()
        self.edits: ShownEdits | None = None
        self._frame = frame
        known = {*PLACE, *LOOKS, *self.query.names, *([DELETED] if access.deleted else [])}
        self._given = {name: values for name, values in request.query.items() if name in known}
        self._db = db
        self._pages = pages
        self._links: dict[int, Markup] = {}
        self.columns = self._columns()
        self.asked = self._asked()
        self.number = self._number()
        self.rows: Rows[Any] = self._page()

    def let_edit(self, form: FormView[Any], names: Sequence[str]) -> None:
        """Let the rows be edited in place, those that the person may change."""
        shown = [name for name in names if name in self.edited]
        if shown and self.access.may("change"):
            form.action = f"{self._frame.url(self.resource.slug, '-', 'edit')}{self.url(cursor=self._one('cursor'))}"
            self.edits = ShownEdits(self.access, form, self.rows.items, shown)

    @property
    def edited(self) -> set[str]:
        """The columns with fields: all that are shown but the first, which leads to the row."""
        return {each.name for each in self.columns[1:]}

    # -- what is asked -----------------------------------------------------------------------------------------------

    def _one(self, name: str) -> str | None:
        return next((value for value in self._given.get(name, ()) if value), None)

    @property
    def ignored(self) -> list[str]:
        """What made no sense, and was left out."""
        return self.query.ignored

    def _columns(self) -> list[ListColumn]:
        """The columns that were chosen, else those of the view; of both what the person may see."""
        usual = self.query.rules.columns
        seen = set(self.access.visible([each.name for each in usual]))
        self.choosable: list[ListColumn] = [each for each in usual if each.name in seen]
        chosen = set(self._given.pop("columns", ()))
        found = [each for each in self.choosable if each.name in chosen]
        if found:
            self._given["columns"] = [each.name for each in found]
        return found or [each for each in self.resource.columns if each.name in seen]

    def _asked(self) -> Any:
        """The order and the size of the page; a part that makes no sense is left out."""
        kind = self.resource.asked
        seen = set(self.access.visible([each.removeprefix("-") for each in self.resource.orders]))
        order = list(dict.fromkeys(value for value in self._given.get("order", ()) if value))
        self._chosen_order: list[str] = [each for each in order if each.removeprefix("-") in seen]
        query: dict[str, Any] = {"order": self._chosen_order or [usual_order(self.access)]}
        query |= {name: value for name in ("limit", "cursor") if (value := self._one(name)) is not None}
        while True:
            try:
                return kind.model_validate(query)
            except pydantic.ValidationError as error:
                wrong = {str(fault["loc"][0]) for fault in error.errors()} & query.keys()
                if not wrong:
                    raise
                for name in wrong:
                    self.ignored.append(words_of(name))
                    del query[name]
                if "order" in wrong:
                    self._chosen_order, query["order"] = [], [usual_order(self.access)]

    def _number(self) -> int:
        """Which page it is; with a cursor only what its link says."""
        text = self._one("page") or "1"
        if len(text) <= len(str(_MOST_JUMPED)) and text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_JUMPED:
            return int(text)
        self.ignored.append(words_of("page"))
        return 1

    def _page(self) -> Rows[Any]:
        statement = self.query.statement
        loading = statement.options(*self._loading())
        # A plan for any cursor is as good as one for this, where nothing else is asked.
        one_plan = is_whole(self._db, self.resource, statement)
        try:
            if self.number > 1 and self.asked.cursor is None:
                self.asked = self._pages.skip(self._db, statement, self.asked, (self.number - 1) * self.asked.limit)
            return self._pages(self._db, loading, self.asked, one_plan=one_plan)
        except BadCursor:
            self.ignored.append(words_of("page"))
            self.asked, self.number = self.asked.model_copy(update={"cursor": None}), 1
            return self._pages(self._db, loading, self.asked, one_plan=one_plan)

    def _loading(self) -> Iterator[Any]:
        """Relations that columns show are read with the rows, or in one query for all of them."""
        for path in dict.fromkeys(column.path for column in self.columns):
            mapper = self.resource.mapper
            options: Any = Load(mapper.class_)
            for step in path:
                if step not in mapper.relationships:
                    break  # A column, or what the model computes.
                relation = getattr(mapper.class_, step)
                many = relation.property.uselist
                options = options.selectinload(relation) if many else options.joinedload(relation)
                mapper = relation.property.mapper
            if path and path[0] in self.resource.relations:
                yield options

    # -- for the template: the table ---------------------------------------------------------------------------------

    @functools.cached_property
    def _figures(self) -> tuple[Count, list[str]]:
        """How many rows there are, and the dates that can be gone down to: one query for both."""
        most = MOST_FOUND if self.search else MOST_COUNTED
        # A first page without rows is all there is, too: to count them would read the whole table a second time.
        is_known = bool(self.rows.items) or self.asked.cursor is None
        is_short = self.rows.previous is None and self.rows.next is None and is_known
        asks = [] if is_short else count_asks(self._db, self.resource, self.query.statement, most)
        more = self.query.part_asks()
        found = list(self._db.execute(select(*asks, *more)).one()) if asks or more else []
        number = Count(len(self.rows.items)) if is_short else counted(found[: len(asks)], most)
        return number, self.query.parts(found[len(asks) :])

    @property
    def count(self) -> Count:
        """How many rows the list has; beyond some thousands nobody counts them."""
        return self._figures[0]

    @property
    def parts(self) -> list[str]:
        """The years, months or days that can be gone down to."""
        return self._figures[1]

    @property
    def headings(self) -> list[Heading]:
        """The headings."""
        return [self._heading(column, self._chosen_order) for column in self.columns]

    def _heading(self, column: ListColumn, given: list[str]) -> Heading:
        name = column.order
        if name is None or not self.access.visible([name]):
            return Heading(column.title)
        usual = not given
        now = {each.removeprefix("-"): each for each in given or [usual_order(self.access)]}
        known = now.get(name)
        turned = name if known is None or known.startswith("-") else f"-{name}"
        rest = [] if usual else [each for each in given if each.removeprefix("-") != name]
        # What is clicked last goes first; what was there before decides among the same.
        order = [turned, *rest] if known is None else [turned if each == known else each for each in now.values()]
        places = list(now)
        return Heading(
            column.title,
            self.url(order=order),
            self.url(order=rest) if known is not None and not usual else None,
            None if known is None else "descending" if known.startswith("-") else "ascending",
            places.index(name) + 1 if known is not None and len(places) > 1 else 0,
            name in self.resource.attributes
            and self.resource.attributes[name].family in {"integer", "decimal", "float"},
        )

    def cells(self, row: Any) -> list[Cell]:
        """The cells of a row."""
        found: list[Cell] = []
        ways, keys = self.resource.view.cells, self.resource.called_by
        for column in self.columns:
            path = column.path
            value = getattr(row, path[0], None) if len(path) == 1 else self._value(column, row)
            if not found:
                html = self._leading(column, value, row)
            elif type(value) in _SIMPLE and column.name not in ways:
                html = cell(value, is_key=column.name in keys)
            else:
                html = self._html(column, value)
            found.append(Cell(column.name, column.title, html, is_number(value)))
        return found

    def _leading(self, column: ListColumn, value: Any, row: Any) -> Markup:
        """The first cell, all of which leads to the row: without further links, and with the row's name where it would
        be empty.
        """
        is_key = column.name in self.resource.called_by and column.name not in self.resource.view.cells
        html = cell(value, is_key=True) if is_key else self._html(column, value)
        if value is None or value == "" or members(value) == []:
            return cell(self.resource.view.label(row))
        return Markup(_LINK.sub("", html))  # noqa: S704  (tags alone are taken out)

    def _value(self, column: ListColumn, row: Any) -> Any:
        if not column.path:
            return getattr(self.resource.view, column.name)(row)
        for place, step in enumerate(column.path):
            if place and is_row(row) and not self._sees(row):
                return self._hidden
            row = getattr(row, step, None)
        return row

    def _sees(self, row: Any) -> bool:
        """Whether the person may see the row of another model, one of those on the page."""
        other = self._others.get(type(row))
        if other is None:  # No row of a column: a method of the view has it.
            access = self.access.of(type(row))
            return access is None or access.may_row("view", row)
        return other.shows(other.resource.keys.text(row))

    @functools.cached_property
    def _hidden(self) -> Markup:
        return Markup('<span class="muted">{}</span>').format(gettext("Not yours to see"))

    def _html(self, column: ListColumn, value: Any) -> Markup:
        way = self.resource.view.cells.get(column.name) if value is not self._hidden else None
        if way is not None:
            seen = self._seen_of(value)
            return seen if seen is self._hidden else cell(way(seen))
        several = members(value)
        if several is not None:
            return self._several(several)
        return self._related(value) if is_row(value) else cell(value)

    def _seen_of(self, value: Any) -> Any:
        """A value as a function of the view's may have it: of rows those that the person sees, else words."""
        if is_row(value):
            return value if self._sees(value) else self._hidden
        several = members(value)
        if several is None or all(not is_row(each) or self._sees(each) for each in several):
            return value
        if isinstance(value, dict):
            return {name: each for name, each in value.items() if self._sees(each)}
        kind = set if isinstance(value, set) else list
        return kind(each for each in several if not is_row(each) or self._sees(each))

    def _several(self, values: list[Any]) -> Markup:
        shown = [self._related(each) if is_row(each) else cell(each) for each in values[:_MOST_SHOWN]]
        more = [Markup("…")] if len(values) > _MOST_SHOWN else []
        return Markup(", ").join([*shown, *more]) if shown else cell(None)

    def _related(self, row: Any) -> Markup:
        """Another row, with a link to it where the person may see it; its words are for who may, too."""
        found = self._links.get(id(row))
        if found is None:
            found = self._links[id(row)] = self._link(row)
        return found

    def _link(self, row: Any) -> Markup:
        other = self._others.get(type(row))
        if other is None:
            return cell(text_of(row)) if self.access.of(type(row)) is None else self._hidden
        resource = other.resource
        key = resource.keys.text(row)
        if not other.shows(key):
            return self._hidden
        if not resource.slug:
            return cell(resource.view.label(row))
        words, url = escape(resource.view.label(row)), escape(f"{other.url}/{quote(key, safe='')}")
        return Markup(f'<a href="{url}"><bdi>{words}</bdi></a>')  # noqa: S704  (each piece escaped)

    @functools.cached_property
    def _others(self) -> Mapping[type[Any], _Others]:
        """The other rows on the page, by their models, of those that the admin shows: one query for each model with a
        policy.
        """
        there: dict[type[Any], dict[int, Any]] = {}
        for path in dict.fromkeys(column.path for column in self.columns):
            if not path or path[0] in self.resource.attributes:
                continue  # A method of the view, or a column: no row of a model.
            for row in self.rows.items:
                value = row
                for step in path:
                    value = getattr(value, step, None)
                    several = members(value)
                    for each in (value,) if several is None else several:
                        if is_row(each):
                            there.setdefault(type(each), {})[id(each)] = each
        accesses = {model: self.access.of(model) for model in there}
        return {
            model: _Others(
                other.resource, self._frame.url(other.resource.slug), self._visible(other, list(there[model].values()))
            )
            for model, other in accesses.items()
            if other is not None
        }

    def _visible(self, other: Access, rows: Sequence[Any]) -> set[str] | None:
        """The keys of those of some rows that the person may see; None where they may see all."""
        if not other.may("view"):
            return set()
        statement, resource = other.rows(), other.resource
        model: Any = resource.model
        if statement.whereclause is None:
            return None
        columns = [getattr(model, name) for name in resource.keys.names]
        keys = [tuple(getattr(row, name) for name in resource.keys.names) for row in rows]
        found = self._db.execute(select(*columns).where(statement.whereclause, among(resource, keys)))
        return {resource.keys.text_of(list(key)) for key in found}

    # -- for the template: what is around it -------------------------------------------------------------------------

    def url(self, **changes: str | Sequence[str] | None) -> str:
        """This list with some of the query changed, from its first page."""
        query = {name: values for name, values in self._given.items() if name not in {*changes, *PLACE}}
        query |= {name: [value] if isinstance(value, str) else list(value) for name, value in changes.items() if value}
        return f"?{urlencode(query, doseq=True)}"

    def way(self, *parts: str) -> str:
        """The address of a page below this list, which leads back to it as it is."""
        return self._frame.url(self.resource.slug, *parts, **self._back)

    @functools.cached_property
    def _back(self) -> dict[str, str]:
        query = urlencode(self._given, doseq=True)
        return {KEPT: query} if query else {}

    def link(self, name: str, value: str) -> str:
        """This list with one filter set otherwise; nothing is any value."""
        return self.url(**{name: value, "view": self._one("view") or "all"})

    def kept(self, *names: str) -> list[tuple[str, str]]:
        """What of the query a form sends along that has fields of these names."""
        without = {*names, *PLACE}
        return [(name, value) for name, values in self._given.items() if name not in without for value in values]

    @property
    def filter_names(self) -> list[str]:
        """The names of the form of filters."""
        return ["q", *(name for each in self.query.inputs for name in (each.name, each.find) if name)]

    @property
    def counts_choices(self) -> bool:
        """Whether each choice of a filter has its number of rows: as the view says, else as the person asks."""
        said = self.resource.view.facets
        return self._one("facets") == "true" if said is None else said

    @functools.cached_property
    def facets(self) -> Mapping[tuple[str, str], Count]:
        """How many rows each choice would give, by input and value; a query of its own, where it is asked for."""
        most = MOST_FOUND if self.search else MOST_COUNTED
        return facets(self._db, self.query, most) if self.counts_choices else {}

    @property
    def facets_link(self) -> str | None:
        """The address that shows these numbers, or hides them; None where nobody can choose."""
        can = any(each.kind in {"choice", "links"} for each in self.query.inputs)
        if self.resource.view.facets is not None or not can:
            return None
        return self.url(facets=None if self.counts_choices else "true", view=self._one("view") or "all")

    def _way(self, address: str | None, number: int) -> str | None:
        """The address of the page before or after this one; its number tells where one is."""
        if address is None:
            return None
        cursor = parse_qs(address.partition("?")[2]).get("cursor", [""])[0]
        return self.url(cursor=cursor, page=str(max(number, 1)))

    @property
    def next(self) -> str | None:
        """The address of the page after this one."""
        return self._way(self.rows.next, self.number + 1)

    @property
    def previous(self) -> str | None:
        """The address of the page before this one."""
        return self._way(self.rows.previous, self.number - 1)

    @property
    def last(self) -> int | None:
        """The number of the last page, where it is known."""
        if self.count.kind != "exact":
            return None
        return max(1, -(-self.count.number // int(self.asked.limit)))

    @property
    def sizes(self) -> list[int]:
        """The sizes of a page that can be chosen."""
        return sorted({*SIZES, self.resource.view.size, self.asked.limit})

    @property
    def view(self) -> str:
        """The number of the saved view that is shown, or nothing."""
        return self._one("view") or ""

    @property
    def kept_query(self) -> str:
        """What of the query a saved view keeps."""
        given = {name: values for name, values in self._given.items() if name not in {*PLACE, "view"}}
        return urlencode(given, doseq=True)
