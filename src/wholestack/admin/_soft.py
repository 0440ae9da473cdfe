"""Rows that are marked as deleted, and can be had back."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from wholestack.db import Mapped, Moment, mapped_column

if TYPE_CHECKING:
    from ._resource import Resource


class SoftDeletes:
    """Mixed into a model: the admin marks its rows as deleted, hides them, and can have them back.

    Only the admin hides them: what else reads the table says ``where(Model.deleted_at.is_(None))``.

    Example:
        >>> from wholestack.db import Model
        >>> class Satchel(SoftDeletes, Model):
        ...     to: Mapped[str]
        >>> "deleted_at" in Satchel.__table__.columns
        True
    """

    deleted_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None, index=True, sort_order=102)


def mark_of(resource: Resource) -> str | None:
    """The attribute that marks a row of a model as deleted; None where they are deleted for good."""
    name = type(resource.view).deleted_at
    found = resource.attributes.get(name)
    return name if found is not None and found.nullable and found.family == "moment" else None


def is_deleted(resource: Resource, row: Any) -> bool:
    """Whether a row is marked as deleted."""
    mark = mark_of(resource)
    return mark is not None and getattr(row, mark) is not None


def mark(resource: Resource, row: Any, at: datetime.datetime | None) -> None:
    """Mark a row as deleted; with None, take the mark away."""
    name = mark_of(resource)
    if name is not None:
        setattr(row, name, at)
