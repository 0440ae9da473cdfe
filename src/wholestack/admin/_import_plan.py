"""How a file's columns become a model's values: guessed by their names, changed by hand, compiled once for all rows."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import pydantic
import pydantic_core

from wholestack.encoding import word_of
from wholestack.languages import gettext, translated_fault

from ._cells import words_of
from ._dates import has_zone
from ._form import FormOf
from ._import_files import ABSENT
from ._references import Reference, references_of
from ._sheets import interval_in

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from wholestack.crud import Attribute

    from ._access import Access
    from ._resource import Resource

Fault = tuple[str, str]
"""The title of a column, and what is wrong with it."""
_OF_TEXTS = frozenset({"too_short", "too_long", "string_too_short", "string_pattern_mismatch"})
_WORD = re.compile(r"[\W_]+")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")
_YES, _NO = {"yes", "true", "1", "x", "on"}, {"no", "false", "0", "off"}
NOTHING: Any = object()
_MOST_KINDS = 100


def importable(access: Access) -> list[str]:
    """The attributes that a person may import: those of the form that they may change, but files."""
    resource = access.resource
    return [name for name in access.editable(resource.fields) if name not in resource.files]


def key_names(access: Access) -> list[str]:
    """The attributes by which a row may be found: the key, and what can be compared and they may see."""
    resource = access.resource
    found = [*resource.keys.names, *(name for name in importable(access) if name in resource.attributes)]
    unfit = {"json", "array", "bytes", "other", "secret"}
    return [name for name in dict.fromkeys(access.visible(found)) if resource.attributes[name].family not in unfit]


def guessed(access: Access, headings: Sequence[str]) -> list[str]:
    """The attribute that each column of a file is for, by its name; empty where none is."""
    resource = access.resource
    names: dict[str, str] = {}
    for name in dict.fromkeys([*importable(access), *key_names(access)]):
        relation = resource.foreign_keys.get(name)
        own = (name, str(resource.label(name)), words_of(name))
        for word in (*own, *([relation, words_of(relation)] if relation else [])):
            names.setdefault(_plain(word), name)
    found: list[str] = []
    for heading in headings:
        name = names.get(_plain(heading), "")
        found.append("" if name in found else name)
    return found


def _plain(word: str) -> str:
    return _WORD.sub("", word).casefold()


@dataclasses.dataclass
class RowPlan:
    """What a row of a file is to become.

    Attributes:
        line: its number in the file, from 1; the headings are not counted.
        values: by attribute, as they are read.
        keys: the values of the columns by which a row is found.
        faults: what is wrong with it.
    """

    line: int
    values: dict[str, Any]
    keys: tuple[Any, ...]
    faults: list[Fault] = dataclasses.field(default_factory=list)


class Plan:
    """Reads the rows of a file.

    Arguments:
        access: what the person may.
        headings: of the file.
        columns: the attribute of each column; empty for one that is left out.
        keys: the attributes by which a row is found that is there already; with none every row is new.
    """

    def __init__(self, access: Access, headings: Sequence[str], columns: Sequence[str], keys: Sequence[str]) -> None:
        resource: Resource = access.resource
        self._resource = resource
        allowed, known = importable(access), key_names(access)
        self.keys = tuple(name for name in keys if name in known and name in columns)
        pairs = list(zip(range(len(headings)), columns, strict=False))
        self.names: list[str] = [name for _, name in pairs if name in allowed]
        self._titles = {name: headings[index] for index, name in pairs if name}
        self.references: Mapping[str, Reference] = {
            name: each for name, each in references_of(resource).items() if name in self.names
        }
        self._form = FormOf(resource, allowed)
        self._partials: dict[tuple[str, ...], Any] = {}
        self._cells = [(index, name, _reader(resource, name)) for index, name in pairs if name in self.names]
        #: Nothing in a cell is a value of these; else it is as if the column were not there.
        self._optional = {
            name for name in self.names if name in resource.attributes and resource.attributes[name].nullable
        }
        self._keys = [
            (next(index for index, each in pairs if each == name), resource.attributes[name]) for name in self.keys
        ]

    def title(self, name: str) -> str:
        """The heading of an attribute's column; its words where the file has none."""
        title = self._titles.get(name)
        if not title:
            title = self._titles[name] = self._resource.heading(name)
        return title

    def key_of(self, line: int, cells: Sequence[Any]) -> RowPlan:
        """A row with the values by which it is found."""
        plan = RowPlan(line, {}, ())
        found = []
        for index, attribute in self._keys:
            cell = _stripped(cells[index])
            if attribute.family in {"interval", "moment"}:
                cell = _reader(self._resource, attribute.name)(cell)
            try:
                found.append(None if cell is None else attribute.reader.validate_python(_as_key(attribute, cell)))
            except pydantic.ValidationError as error:
                plan.faults += self._faults(error, attribute.name)
                found.append(None)
        plan.keys = () if all(each is None for each in found) else tuple(found)
        return plan

    def read(self, plan: RowPlan, cells: Sequence[Any], *, new: bool) -> None:
        """Read the values of a row: all that a new one needs, or those that the file has."""
        given, said = {}, []
        for index, name, reader in self._cells:
            if cells[index] is ABSENT:
                continue
            said.append(name)
            value = reader(cells[index])
            if value is not NOTHING and not (new and value is None and name not in self._optional):
                given[name] = value
        kind: Any = self._form.values if new else self._partial(tuple(said))
        try:
            model = kind.model_validate(given)
        except pydantic.ValidationError as error:
            plan.faults += self._faults(error)
            return
        fields = self._form.fields
        sent = model.model_fields_set
        plan.values = {name: getattr(model, fields[name]) for name in self.names if fields[name] in sent}

    def _partial(self, names: tuple[str, ...]) -> Any:
        """What reads some attributes of a row that is there; made once, as most rows of a file have the same."""
        found = self._partials.get(names)
        if found is None:
            if len(self._partials) >= _MOST_KINDS:
                self._partials.clear()
            found = self._partials[names] = self._form.reader(names)
        return found

    def _faults(self, error: pydantic.ValidationError, name: str = "") -> list[Fault]:
        found = []
        for fault in error.errors(include_url=False):
            at = name or str(fault["loc"][0] if fault["loc"] else "")
            told = translated_fault(_kind(fault), fault.get("ctx"), fault["msg"])
            found.append((self.title(at) if at else gettext("Row"), told))
        return found


def _kind(fault: ErrorDetails) -> str:
    """A fault as a form tells it: an empty text where something must be is missing, and a text has characters."""
    kind, given = fault["type"], fault["input"]
    if not isinstance(given, str) or kind not in _OF_TEXTS:
        return kind
    if given == "":
        return "missing"
    return kind if kind.startswith("string") else f"string_{kind}"


# -- cells -----------------------------------------------------------------------------------------------------------


def _stripped(cell: Any) -> Any:
    if isinstance(cell, str):
        cell = cell.strip()
    return None if cell == "" or cell is ABSENT else cell


def _as_key(attribute: Attribute, cell: Any) -> Any:
    return str(cell) if attribute.family == "text" and not isinstance(cell, str) else cell


def _reader(resource: Resource, name: str) -> Callable[[Any], Any]:
    """What makes the value that validation reads of a cell."""
    attribute = resource.attributes.get(name)
    if attribute is None:
        return _several
    if attribute.family == "text":
        return _text_or_none if attribute.nullable else _text
    if attribute.family == "enum":
        return _choice(attribute.compared)
    if attribute.family == "moment" and not has_zone(attribute.column.type):
        return _stripped
    by_family: dict[str, Callable[[Any], Any]] = {
        "bool": _yes_or_no,
        "moment": _moment,
        "interval": _interval,
        "array": _array,
        "json": lambda cell: NOTHING if cell == "" else cell,
    }
    return by_family.get(attribute.family, _stripped)


def _several(cell: Any) -> Any:
    """The keys of related rows."""
    if isinstance(cell, list):
        return cell
    cell = _stripped(cell)
    return [] if cell is None else [each.strip() for each in str(cell).split(",") if each.strip()]


def _text(cell: Any) -> Any:
    return cell if isinstance(cell, str) else "" if cell is None else word_of(cell)


def _text_or_none(cell: Any) -> Any:
    return _text(cell) or None


def _yes_or_no(cell: Any) -> Any:
    word = str(cell).strip().casefold()
    if word in _YES or word == gettext("Yes").casefold():
        return True
    return False if word in _NO or word == gettext("No").casefold() else _stripped(cell)


def _moment(cell: Any) -> Any:
    """A moment; without a zone it is taken to be of UTC, as exports of spreadsheets are."""
    cell = _stripped(cell)
    return f"{cell}Z" if isinstance(cell, str) and _LOCAL.fullmatch(cell) else cell


def _interval(cell: Any) -> Any:
    """An interval as our exports write it, those of earlier versions too; all else is as a form has it."""
    cell = _stripped(cell)
    found = interval_in(cell) if isinstance(cell, str) else None
    return cell if found is None else found


def _array(cell: Any) -> Any:
    """The values of an array: as JSON, or with commas between."""
    cell = _stripped(cell)
    if not isinstance(cell, str):
        return cell
    if not cell.startswith("["):
        return _several(cell)
    try:
        return pydantic_core.from_json(cell)
    except ValueError:
        return cell


def _choice(kind: Any) -> Callable[[Any], Any]:
    """The members of an enumeration by the words that exports and pages have for them."""
    from ._cells import text_of

    args = get_args(kind)
    members = list(kind) if isinstance(kind, type) and issubclass(kind, enum.Enum) else list(args)
    words: dict[str, Any] = {}
    for each in members:
        for word in (word_of(each), text_of(each), getattr(each, "name", "")):
            words.setdefault(word.casefold(), each)

    def read(cell: Any) -> Any:
        cell = _stripped(cell)
        return words.get(str(cell).casefold(), cell)

    return read
