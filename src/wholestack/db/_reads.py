"""Whether a stream reads from a session: then it has its connection before its answer begins."""

from __future__ import annotations

import types
from collections.abc import AsyncIterable, Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ._session import Session


def reads_from(stream: Any, session: Session) -> bool:
    """Whether a stream that has not begun has a session at hand, so that it will want a connection.

    Looked at are the names of a generator, its own and those of the functions around it, the attributes of an iterable,
    and the same of what they go through: not everything by which one may come to a session, yet what is found does.

    Example:
        >>> session = Session()
        >>> reads_from((db for db in [session]), session), reads_from((name for name in ["Ann"]), session)
        (False, False)
        >>> def rows(db):
        ...     yield db.connection()
        >>> reads_from((str(row) for row in rows(session)), session)
        True
    """
    seen: set[int] = set()
    found = [stream]
    while found:
        each = found.pop()
        if each is session or (isinstance(each, AsyncSession) and each.sync_session is session):
            return True
        if id(each) not in seen:
            seen.add(id(each))
            found += _at_hand(each)
    return False


def _at_hand(value: Any) -> Iterable[Any]:
    """What a generator, an iterable or an inner function has at hand."""
    if isinstance(value, types.GeneratorType | types.AsyncGeneratorType):
        frame = value.gi_frame if isinstance(value, types.GeneratorType) else value.ag_frame
        return () if frame is None else list(frame.f_locals.values())
    if isinstance(value, types.FunctionType):
        return _of_cells(value.__closure__ or ())
    if isinstance(value, Iterable | AsyncIterable):
        return list(getattr(value, "__dict__", {}).values())
    return ()


def _of_cells(cells: Iterable[types.CellType]) -> list[Any]:
    found = []
    for cell in cells:
        try:
            found.append(cell.cell_contents)
        except ValueError:  # Nothing is in it yet.
            continue
    return found
