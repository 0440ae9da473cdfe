"""The search of a list: words in texts, of the model and of its relations; on PostgreSQL its full text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pydantic
from sqlalchemy import Select, and_, false, func, literal_column, or_

from ._paths import Path, path_of
from ._resource import Resource

if TYPE_CHECKING:
    from ._access import Access

LONGEST = 200
"""Characters of a search."""
_WORDS = 8
"""Words of a search that count."""
_LANGUAGE = re.compile(r"[a-z][a-z_]*")
_TEXTS: Mapping[str, Callable[[Any, str], Any]] = {
    "contains": lambda column, word: column.icontains(word, autoescape=True),
    "begins": lambda column, word: column.istartswith(word, autoescape=True),
    "is": lambda column, word: column == word,
}


class Search:
    """What a model's search looks at.

    Arguments:
        resource: the model; its view says where: ``search``, ``search_text``, ``search_language``.

    Raises:
        SetupError: it names what there is not, or what is no text.
    """

    def __init__(self, resource: Resource) -> None:
        view = resource.view
        self._fields = [_field(resource, each) for each in resource.search]
        self._texts = [_text(resource, each) for each in view.search_text]
        if not _LANGUAGE.fullmatch(view.search_language):
            raise resource.fault(
                f"{view.search_language!r} is no language of a search.", ["simple", "english", "german"]
            )
        self._language = view.search_language
        self.names: list[str] = [each.partition("__")[0] for each in (*resource.search, *view.search_text)]

    def __bool__(self) -> bool:
        return bool(self._fields or self._texts)

    def where(self, statement: Select[Any], text: str, dialect: str, access: Access) -> Select[Any]:
        """The rows in which a text is found: each of its words in one of the fields, or all in the full text.

        Arguments:
            statement: a select of the model.
            text: what is looked for.
            dialect: of the database.
            access: what the person may with the model; fields that they do not see are not searched, nor are rows of
                other models.
        """
        words = text.split()[:_WORDS]
        if not words:
            return statement
        visible = set(access.visible(self.names))
        fields = [each for name, each in zip(self.names, self._fields, strict=False) if name in visible]
        texts = [each for each in self._texts if each.name in visible]
        ways: list[Any] = []
        if texts and dialect == "postgresql":
            ways.append(self._full(texts, " ".join(words)))
            texts = []
        every = [*fields, *((each, "contains") for each in texts)]
        if every:
            ways.append(and_(*(or_(*(_holds(path, way, word, access) for path, way in every)) for word in words)))
        return statement.where(or_(*ways) if ways else false())

    def _full(self, texts: list[Path], text: str) -> Any:
        """PostgreSQL's full text; written out, not bound, as the index has it."""
        language: Any = literal_column(f"'{self._language}'")
        whole: Any = None
        for each in texts:
            part = func.coalesce(each.column, literal_column("''"))
            whole = part if whole is None else whole.op("||")(literal_column("' '")).op("||")(part)
        return func.to_tsvector(language, whole).op("@@")(func.websearch_to_tsquery(language, text))


def _field(resource: Resource, asked: str) -> tuple[Path, str]:
    """Where a field of a search is, and how it is compared."""
    text, _, way = asked.partition("__")
    path = path_of(resource, text)
    family = path.attribute.family if path.attribute is not None else "relation"
    if family in {"relation", "secret", "bytes", "json", "array", "other"} or way not in {"", *_TEXTS}:
        raise resource.fault(f"{resource.model.__name__} cannot be searched by {asked!r}.", _ways(text))
    if family != "text" and way in {"contains", "begins"}:
        raise resource.fault(f"{text!r} is no text: {asked!r} cannot be.", [f"{text}__is"])
    return path, way or ("contains" if family == "text" else "is")


def _ways(text: str) -> list[str]:
    return [text, *(f"{text}__{way}" for way in _TEXTS)]


def _text(resource: Resource, name: str) -> Path:
    path = path_of(resource, name)
    if path.relations or path.attribute is None or path.attribute.family != "text":
        raise resource.fault(
            f"search_text takes texts of {resource.model.__name__} itself, not {name!r}.", _own_texts(resource)
        )
    return path


def _own_texts(resource: Resource) -> list[str]:
    return [each.name for each in resource.attributes.values() if each.family == "text"]


def _holds(path: Path, way: str, word: str, access: Access) -> Any:
    attribute = path.attribute
    if attribute is None or attribute.family == "text":
        return path.holds(_TEXTS[way](path.column, word), access)
    try:
        value = pydantic.TypeAdapter[Any](attribute.compared).validate_strings(word)
    except pydantic.ValidationError:
        return false()
    return path.holds(path.column == value, access)
