"""Whether new rows of an import may be written many at once: whether anything looks at each of them on its way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from wholestack.auth import OfTenant
from wholestack.db import NewRows

from ._view import AdminView

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._resource import Resource

_BY_SESSIONS = (
    "before_flush",
    "after_flush",
    "after_flush_postexec",
    "before_attach",
    "after_attach",
    "transient_to_pending",
    "pending_to_persistent",
)
"""Events of a session in which a program may look at rows that are added."""

_OWN = ("wholestack.", "sqlalchemy.orm.mapper")
"""Modules whose listeners make no difference; SQLAlchemy puts those of a program into functions of another."""


def takes_many(db: Session, resource: Resource, names: Collection[str]) -> bool:
    """Whether new rows may be written without being made one by one: nothing looks at them on their way, neither the
    view's `before_save` nor the model's own constructor, validators and events, nor a session's.

    Arguments:
        db: the session.
        resource: their model: one table, and no tenant's.
        names: the attributes that they are given; none of the key, whose values a type may write in another way.
    """
    mapper, model = resource.mapper, resource.model
    return (
        type(resource.view).before_save is AdminView.before_save
        and mapper.class_manager.original_init is mapper.registry.constructor
        and not (mapper.validators or mapper.inherits or mapper.polymorphic_on is not None)
        and not issubclass(model, OfTenant)
        and resource.attributes.keys() - set(resource.keys.names) >= set(names)
        and not any(getattr(model, name).dispatch.set for name in names)
        and not (mapper.dispatch.before_insert or mapper.dispatch.after_insert)
        and not _is_heard(mapper.class_manager.dispatch.init)
        and not any(_is_heard(getattr(db.dispatch, name)) for name in _BY_SESSIONS)
        and NewRows.fit(db)
    )


def _is_heard(listeners: Iterable[Any]) -> bool:
    """Whether somebody listens but this framework, and SQLAlchemy itself."""
    return any(not str(getattr(each, "__module__", "")).startswith(_OWN) for each in listeners)
