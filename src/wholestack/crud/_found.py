"""`found(…)`: the row, or 404."""

from __future__ import annotations

import ast
import functools
import linecache
import re
import sys
import types
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import inspect as look_at
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper

from wholestack import NotFound

T = TypeVar("T")


def found(row: T | None, detail: str = "") -> T:
    """The row; where there is none, a 404 that names the model.

    The model is read from the call: the first one that is named in ``found(…)``.

    Arguments:
        row: what was looked for.
        detail: says what is missing in other words.

    Raises:
        NotFound: it is None.

    Example:
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, Session, mapped_column
        >>> class BlogPost(Model):
        ...     title = mapped_column(String())
        >>> def show(id: int, db: Session) -> BlogPost:
        ...     return found(db.get(BlogPost, id))
        >>> found("a row"), missing(BlogPost)
        ('a row', 'There is no such blog post.')
    """
    if row is None:
        raise NotFound(detail or missing(_model_in(sys._getframe(1))))
    return row


def missing(model: type | None) -> str:
    """The sentence of a 404.

    Example:
        >>> missing(None)
        'There is nothing here.'
    """
    return f"There is no such {words_of(model)}." if model is not None else "There is nothing here."


def words_of(model: type) -> str:
    """A class's name as words.

    Example:
        >>> words_of(type("BlogPost", (), {})), words_of(type("HTTPRequest", (), {}))
        ('blog post', 'HTTP request')
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+", model.__name__) or [model.__name__]
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


def _model_in(frame: types.FrameType) -> type | None:
    """The first model that the call in a frame names; None where its source cannot be read, or names none."""
    for name in _names(frame.f_code, frame.f_lasti):
        value: Any = frame.f_locals.get(name, frame.f_globals.get(name))
        try:
            inspected = look_at(value)
        except NoInspectionAvailable:
            continue
        if isinstance(inspected, Mapper) and inspected.class_ is value:
            found: type = inspected.class_
            return found
    return None


@functools.lru_cache(1024)
def _names(code: types.CodeType, instruction: int) -> tuple[str, ...]:
    """The names in the expression that an instruction of this code belongs to, in the order of the text."""
    line, last, start, end = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if line is None or last is None or start is None or end is None:
        return ()
    lines = [linecache.getline(code.co_filename, number).encode() for number in range(line, last + 1)]
    if len(lines) == 1:
        lines[0] = lines[0][start:end]
    else:
        lines[0], lines[-1] = lines[0][start:], lines[-1][:end]
    try:
        tree = ast.parse(b"(" + b"".join(lines) + b"\n)", mode="eval")
    except (SyntaxError, ValueError):
        return ()
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    return tuple(each.id for each in sorted(names, key=lambda each: (each.lineno, each.col_offset)))
