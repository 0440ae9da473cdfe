"""The bases of models: SQLAlchemy's declarative classes, with names and types decided."""

from __future__ import annotations

import datetime
import re
import sys
import uuid
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from sqlalchemy import Computed, MetaData, event, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, RelationshipProperty, declared_attr, mapped_column, registry

from ._computed import in_own_unit
from ._types import TYPES, Moment

# Each constraint has a name, since one without cannot be dropped (Alembic's documentation, "Naming Constraints").
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@dataclass_transform(kw_only_default=True, eq_default=False)
class Table(DeclarativeBase):
    """A table without a key of its own choosing; its name is the class's, in snake case.

    A relationship's class is looked up by name in the module of the model first, and then among all models:
    `blog.Author` and `shop.Author` may stand in one app. A base with a `metadata` of its own has its names to itself:
    the models of two databases know nothing of each other.

    To a type checker the constructor takes what the class declares: a bare ``title: Mapped[str]`` must be given, what
    has a value (``= mapped_column(…)``, ``= relationship()``) may be.

    Example:
        >>> class CountryCode(Table):
        ...     code: Mapped[str] = mapped_column(primary_key=True)
        >>> CountryCode.__tablename__
        'country_code'
    """

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = TYPES

    if not TYPE_CHECKING:  # A type checker sees SQLAlchemy's plain name, so that a subclass may say its own.

        @declared_attr.directive
        def __tablename__(cls) -> str:  # noqa: N805  (SQLAlchemy's way: a class is asked)
            return table_name(cls.__name__)

    def __init_subclass__(cls, **arguments: Any) -> None:
        base: Any = cls  # SQLAlchemy's own attributes, whose types are its own.
        if isinstance(base.__dict__.get("metadata"), MetaData):  # A column of that name is SQLAlchemy's to refuse.
            base._sa_registry = _registry_of(base.metadata)
            if base.__dict__.get("__abstract__"):  # A mapped class may not say it: SQLAlchemy warns.
                base.registry = base._sa_registry
        super().__init_subclass__(**arguments)

    def __repr__(self) -> str:
        # Its key only: other columns may hold what is private, or would have to be loaded.
        state: Any = vars(self).get("_sa_instance_state")
        key = ", ".join(map(repr, state.key[1])) if state is not None and state.key else "new"
        return f"<{type(self).__name__} {key}>"


def _registry_of(metadata: MetaData) -> registry:
    """The registry of the models whose tables these are: one each, with the types that `Table` knows."""
    own: registry | None = metadata.info.get(_OWN)
    if own is None:
        own = metadata.info[_OWN] = registry(metadata=metadata)
        own.type_annotation_map = Table.registry.type_annotation_map  # the same: a later addition counts for both
        _REGISTRIES.add(own)
    return own


_OWN = "wholestack_registry"
Table.metadata.info[_OWN] = Table.registry
_REGISTRIES: weakref.WeakSet[registry] = weakref.WeakSet((Table.registry,))


event.listen(Computed, "after_parent_attach", in_own_unit)


@event.listens_for(Mapper, "before_configured")
def near_names_first() -> None:
    """Let a relationship mean the class of its own module, where other modules have one of that name, too.

    SQLAlchemy knows classes by their bare names, and refuses one that two have.
    """
    for mapper in (mapper for each in list(_REGISTRIES) for mapper in each.mappers):
        for each in mapper._init_properties.values():  # `relationships`, the public way, would configure the mapper.
            if isinstance(each, RelationshipProperty) and isinstance(each.argument, str):
                near = getattr(sys.modules.get(mapper.class_.__module__), each.argument, None)
                if isinstance(near, type) and issubclass(near, Table):
                    each.argument = near


class Model(Table):
    """A table with a whole number as its key, `id`."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-100)


class UUIDModel(Table):
    """A table with a UUID as its key, `id`: unguessable, and made before the row is written."""

    __abstract__ = True

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4, sort_order=-100)


def now() -> datetime.datetime:
    """The present moment, in UTC."""
    return datetime.datetime.now(datetime.UTC)


class Timestamps:
    """Mixed into a model: when a row was made, and when it was last changed.

    Example:
        >>> class Leaflet(Timestamps, Model):
        ...     title: Mapped[str]
        >>> sorted(Leaflet.__table__.columns.keys())
        ['created_at', 'id', 'title', 'updated_at']
    """

    created_at: Mapped[datetime.datetime] = mapped_column(
        Moment(), default=now, server_default=func.current_timestamp(), sort_order=100
    )
    updated_at: Mapped[datetime.datetime] = mapped_column(
        Moment(), default=now, onupdate=now, server_default=func.current_timestamp(), sort_order=101
    )


def table_name(name: str) -> str:
    """A class's name in snake case.

    Example:
        >>> table_name("HTTPRequestLog")
        'http_request_log'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
