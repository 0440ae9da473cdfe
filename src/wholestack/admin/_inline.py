"""Rows of another model in the form of the row that they belong to."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class Inline:
    """The rows of a relation to many, in their parent's form: added, changed, removed and put in order there.

    What may be done with them is said by the view of their own model where the admin has one, else by the permissions
    over it (``review.view``, ``review.add``, …). Rows that somebody may see and not change are shown beside the form.

    Attributes:
        model: of the rows: that at the other end of a relation to many, also one of an association with columns of
            its own.
        fields: attributes of their form, in this order; all that can be changed where empty.
        read_only: attributes that are shown and not taken.
        extra: empty rows at the end; those that stay empty are not saved.
        minimum: how many there must be when the form is saved, of those that the person sees. So many are shown, also
            for a new row. Who may neither add nor remove them is not asked for more.
        maximum: how many there may be when one has been added; rows that are too many already stay. None: any number.
            Both are rules of this form: what the database must never hold otherwise is said by the model.
        style: ``"rows"``: one below the other, each on a line; ``"stacked"``: each as a form of its own.
        order: a column of whole numbers that keeps the order of the rows; with it they can be moved. Without it they
            stand as the relation's own ``order_by`` says, else by their keys.
        title: what stands above them; the name of the relation where empty.
        relation: the relation of the parent that they are at the end of, where several lead to their model.
        autocomplete: relations of the rows that are searched whatever their number, beside those of their own view.
        inlines: rows that belong to each of them, once.
        most: rows that are shown with the form; more are left as they are.

    Raises:
        ValueError: no number of rows is at least `minimum` and at most `maximum`.

    Example:
        >>> from sqlalchemy import Integer
        >>> from wholestack.db import ForeignKey, Model, mapped_column, relationship
        >>> class MadrigalVerse(Model):
        ...     madrigal_id = mapped_column(ForeignKey("madrigal.id"))
        ...     place = mapped_column(Integer(), default=0)
        >>> class Madrigal(Model):
        ...     verses = relationship(MadrigalVerse, cascade="all, delete-orphan")
        >>> from wholestack.admin import AdminView
        >>> class Madrigals(AdminView[Madrigal]):
        ...     inlines = (Inline(MadrigalVerse, extra=1, order="place"),)
        >>> Madrigals.inlines[0].model.__name__
        'MadrigalVerse'
    """

    model: type[Any]
    fields: Sequence[str] = ()
    read_only: Sequence[str] = ()
    extra: int = 0
    style: Literal["rows", "stacked"] = "rows"
    order: str = ""
    title: str = ""
    relation: str = ""
    autocomplete: Sequence[str] = ()
    inlines: Sequence[Inline] = ()
    most: int = 100
    minimum: int = 0
    maximum: int | None = None

    def __post_init__(self) -> None:
        if self.minimum < 0 or (self.maximum is not None and self.maximum < self.minimum):
            raise ValueError(f"No number of rows is at least {self.minimum} and at most {self.maximum}.")
