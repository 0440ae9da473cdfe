"""What one person may choose in a form: rows of other models, all of them or those that are searched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, String, cast, false, or_, select

from wholestack.db import Session
from wholestack.forms import FormView

from ._access import Access
from ._form import FormOf, find_name
from ._paths import path_of
from ._references import Reference
from ._resource import Resource

MOST_FOUND = 20
"""Rows that a search gives; whoever looks for another types more."""
MOST_SOUGHT = 200
"""Characters of a search that are read."""
_MOST_NAMED = 200
"""Rows of one field that are called by their names."""
_WORDS = 8
_NAMES = ("label", "name", "title", "email")

Pairs = Sequence[tuple[Any, str]]
Texts = Mapping[str, Any]


class Chooser:
    """What one person may choose for the fields of a model.

    Arguments:
        access: what the person may with that model.
        db: the session.
        so_far: the form as it is, which narrows choices; of an inline that of its parent.
        known: whole lists that the page has already, by what they are of.
    """

    def __init__(self, access: Access, db: Session, so_far: Texts, known: dict[Any, Pairs] | None = None) -> None:
        self._access = access
        self._db = db
        self._so_far = so_far
        self._view = access.resource.view
        self._known = {} if known is None else known

    def shows(self, name: str, row: Any) -> bool:
        """Whether the person may see a field of a row; of a new one where it is None."""
        return bool(self._access.visible([name], row))

    def rows(self, reference: Reference) -> Select[Any]:
        """A select of the rows that may be chosen."""
        other = self._access.of(reference.model)
        found = select(reference.model) if other is None else other.rows()
        narrowed = self._view.choices_of(reference.name, self._so_far)
        return found if narrowed is None else found.where(narrowed)

    def found(self, reference: Reference, search: str) -> Pairs:
        """What a search finds: keys, and what the rows are called."""
        if not search.split():
            return ()
        other = self._access.resource.to(reference.model)
        return self._pairs(
            reference, sought(other, reference.key, self.rows(reference), search, self._access.of(reference.model))
        )

    def offered(
        self, reference: Reference, chosen: Collection[str], search: str, *, searched: bool = False
    ) -> tuple[Pairs, bool]:
        """What a field offers, and whether the rest must be searched for.

        Arguments:
            reference: the field.
            chosen: what it holds.
            search: what is searched for.
            searched: whether it is to be searched, however few there are.
        """
        most = self._view.most_choices
        if not searched:
            pairs = self._first(reference, most + 1)
            if len(pairs) <= most:
                return pairs, False
        return [*self._named(reference, chosen), *self.found(reference, search)], True

    def _first(self, reference: Reference, most: int) -> Pairs:
        """The first rows that may be chosen; asked for once where nothing narrows them."""
        narrowed = self._view.choices_of(reference.name, self._so_far) is not None
        key = None if narrowed else (reference.model, reference.key, most)
        found = self._known.get(key)
        if found is None:
            found = self._pairs(
                reference,
                _ordered(
                    self._access.resource.to(reference.model), self.rows(reference), self._access.of(reference.model)
                ).limit(most),
            )
        if key is not None:
            self._known[key] = found
        return found

    def _named(self, reference: Reference, texts: Collection[str]) -> Pairs:
        keys = [key for text in texts if (key := reference.read(text)) is not None]
        if not keys:
            return ()
        column = getattr(reference.model, reference.key)
        return self._pairs(reference, self.rows(reference).where(column.in_(keys[:_MOST_NAMED])))

    def allowed(self, reference: Reference, keys: Iterable[Any]) -> dict[Any, Any]:
        """Those rows of some keys that may be chosen, by their keys; in one query."""
        wanted = {*keys}
        if not wanted:
            return {}
        column = getattr(reference.model, reference.key)
        rows = self._db.scalars(self.rows(reference).where(column.in_(wanted))).unique()
        return {getattr(row, reference.key): row for row in rows}

    def called(self, reference: Reference, keys: Collection[Any]) -> Pairs:
        """What rows are called that a row refers to already; by no name where they are not for this person."""
        found = {key: row for key in keys if (row := reference.loaded(self._db, key)) is not None}
        pairs = [(key, self._access.label(row)) for key, row in found.items()]
        others = {*keys}.difference(found)
        if not others:
            return pairs
        column = getattr(reference.model, reference.key)
        return [*pairs, *self._pairs(reference, select(reference.model).where(column.in_(others)))]

    def _pairs(self, reference: Reference, statement: Select[Any]) -> Pairs:
        rows = self._db.scalars(statement).unique()
        return [(getattr(row, reference.key), self._access.label(row)) for row in rows]


# -- what is searched, where nobody says it ----------------------------------------------------------------------------


def sought(
    other: Resource, key: str, statement: Select[Any], text: str, access: Access | None, most: int = MOST_FOUND
) -> Select[Any]:
    """The first of some rows in which each word of a text is found; none where it has no word.

    Arguments:
        other: their model.
        key: its attribute that is searched where it has no text.
        statement: a select of the rows that may be chosen.
        text: what is searched for.
        access: what the person may with the model, whose hidden fields are not searched; None where the admin does not
            show it.
        most: of how many rows.
    """
    paths = _paths(other, key, access)
    words = text[:MOST_SOUGHT].split()[:_WORDS]
    every = [or_(false(), *(_holds(other, path, word, access) for path in paths)) for word in words]
    return _ordered(other, statement.where(*(every or [false()])), access).limit(most)


def _paths(other: Resource, key: str, access: Access | None) -> Sequence[str]:
    """What is searched: as the list of that model is, else what is most like a name."""
    said = [each.partition("__")[0] for each in (*other.view.search, *other.view.search_text)]
    texts = [name for name, each in other.attributes.items() if each.family == "text" and not each.hidden]
    found = said or [name for name in _NAMES if name in texts] or texts[:1] or [key]
    return found if access is None else access.visible(found)


def _ordered(other: Resource, statement: Select[Any], access: Access | None) -> Select[Any]:
    """Rows in the usual order of their list, or by what is most like a name; by no field that is hidden."""
    names = [name for name in (*other.view.orders, *_NAMES) if name.removeprefix("-") in other.attributes]
    seen = names if access is None else [name for name in names if access.visible([name.removeprefix("-")])]
    if not seen:
        return statement.order_by(*other.mapper.primary_key)
    usual = seen[0]
    column = getattr(other.model, usual.removeprefix("-"))
    return statement.order_by(column.desc() if usual.startswith("-") else column, *other.mapper.primary_key)


def _holds(other: Resource, path: str, word: str, access: Access | None) -> Any:
    found = path_of(other, path)
    column = found.column if isinstance(found.column.type, String) else cast(found.column, String())
    return found.holds(column.icontains(word, autoescape=True), access)


def offer(form: FormView[Any], of: FormOf, chooser: Chooser, places: Iterable[Any], path: str, row: Any) -> set[str]:
    """Give the fields of a form their choices; gives the names of those that are searched.

    Arguments:
        form: the form.
        of: what it is the form of.
        chooser: what may be chosen.
        places: where its fields are: the form, or the rows of an inline.
        path: before the name of each, ``"reviews."``.
        row: the rows that have the form's values now: what they refer to stays, whether it may be chosen or not.
    """
    searched = set()
    places, rows = list(places), row if isinstance(row, list) else [row]
    for name, reference in of.references.items():
        # A field may be asked for by itself, also one that is not on the person's page.
        seen = [each for each in rows if chooser.shows(name, each)]
        if not seen and not chooser.shows(name, None):
            continue
        now = dict.fromkeys(key for each in seen if each is not None for key in reference.keys(each))
        chosen = {text for place in places for text in place[name].values}.difference(map(str, now))
        search = next((text for place in places if (text := place[find_name(name)].value)), "")
        pairs, must_search = chooser.offered(reference, chosen, search, searched=of.is_searched(reference))
        known = {str(key) for key, _ in pairs}
        kept = [key for key in now if str(key) not in known]
        form.choose(f"{path}{name}", dict([*pairs, *chooser.called(reference, kept)]).items())
        if must_search:
            searched.add(name)
    return searched
