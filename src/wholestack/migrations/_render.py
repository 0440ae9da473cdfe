"""How a migration's file writes types and defaults: so that one file serves each kind of database."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import Boolean, DefaultClause, Enum, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import BindParameter, False_, True_
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from wholestack.db import Encrypted, Exact, Moment

from . import _safety_render  # noqa: F401  (it tells Alembic how our operations are written)
from ._context import Context
from ._safety_types import as_read

_PLAIN = {"now", "current_timestamp", "current_date", "current_time", "localtimestamp"}


def python_code(operations: Any, here: Context, imports: set[str]) -> str:
    """Operations as the indented body of a function; what it has to import is added to `imports`."""
    options = {
        "sqlalchemy_module_prefix": "sa.",
        "alembic_module_prefix": "op.",
        "render_item": render_item,
        "render_as_batch": True,
        "user_module_prefix": None,
    }
    here = copy.copy(here)
    here.impl = copy.copy(here.impl)
    here.dialect = here.impl.dialect = as_read(here.dialect)
    wrote = AutogenContext(here, opts=options, autogenerate=False)
    wrote.imports = imports
    body = render._render_cmd_body(operations, wrote)
    lines = [line.rstrip() for line in body.split("\n") if not line.lstrip().startswith("# ###")]
    lines = list(_tables_indented(lines))
    return textwrap.indent("\n".join(lines).strip("\n") or "pass", "    ")


def _tables_indented(lines: Iterable[str]) -> Iterator[str]:
    """Columns stand under their table, one more step to the right."""
    inside = False
    for line in lines:
        if line.startswith("op.create_table("):
            name, _, rest = line.partition("(")
            yield f"{name}("
            yield f"    {rest}"
            inside = True
        elif inside and line.startswith(")"):
            yield line
            inside = False
        else:
            yield f"    {line}" if inside else line


def render_item(kind: str, item: Any, context: Any) -> Any:
    """Alembic's hook: how a type or a default is written; False leaves it to Alembic."""
    if kind == "type":
        return _type(item, context)
    if kind == "server_default" and isinstance(item, DefaultClause):
        return _default(item.arg, context)
    return False


def _type(kind: TypeEngine[Any], context: AutogenContext) -> Any:
    if isinstance(kind, Moment):
        return _ours(context, "db.Moment()")
    if isinstance(kind, Exact):
        return _ours(context, f"db.Exact({kind.precision}, {kind.scale})")
    if isinstance(kind, Encrypted):
        return "sa.LargeBinary()"  # Its keys are none of the schema's.
    if kind._variant_mapping:
        return _with_variants(kind, context)
    if isinstance(kind, JSONB):
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return "postgresql.JSONB()"
    if isinstance(kind, Enum):
        return _enum(kind)
    if type(kind) is Boolean:
        return "sa.Boolean()"
    if isinstance(kind, TypeDecorator) and not type(kind).__module__.startswith("sqlalchemy."):
        return _of_the_app(kind, context)
    return False


def _enum(kind: Enum) -> str:
    """Without what it brings along, which steps of their own make: PostgreSQL's type, and the check of its values.

    Alembic makes the type with each table, or with none, and knows no name for the check.
    """
    words = [*(repr(str(each)) for each in kind.enums), f"name={kind.name!r}"]
    words += [f"schema={kind.schema!r}"] if kind.schema else []
    words.append("create_type=False" if kind.native_enum else f"native_enum=False, length={kind.length}")
    return f"sa.Enum({', '.join(words)})"


def _ours(context: AutogenContext, text: str) -> str:
    context.imports.add("from wholestack import db")
    return text


def _with_variants(kind: TypeEngine[Any], context: AutogenContext) -> str:
    """One `with_variant` for all databases with the same variant."""
    plain = kind.copy() if hasattr(kind, "copy") else kind.adapt(type(kind))
    plain._variant_mapping = type(kind._variant_mapping)()
    text, by_variant = render._repr_type(plain, context), dict[str, list[str]]()
    for dialect, variant in sorted(kind._variant_mapping.items()):
        by_variant.setdefault(render._repr_type(variant, context), []).append(dialect)
    return text + "".join(f".with_variant({name}, {', '.join(map(repr, of))})" for name, of in by_variant.items())


def _of_the_app(kind: TypeDecorator[Any], context: AutogenContext) -> str:
    """A type of the app's is written as what it is in the table; the class itself may be renamed one day."""
    if type(kind).load_dialect_impl is TypeDecorator.load_dialect_impl:
        return render._repr_type(kind.impl_instance, context)
    module = type(kind).__module__
    context.imports.add(f"import {module}")
    return f"{module}.{kind!r}"


def _default(value: Any, context: AutogenContext) -> Any:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, True_ | False_):
        return "sa.true()" if isinstance(value, True_) else "sa.false()"
    if isinstance(value, FunctionElement) and not list(value.clauses) and getattr(value, "name", "") in _PLAIN:
        return f"sa.func.{value.name}()"
    if isinstance(value, BindParameter):
        return f"sa.literal({_value(value.value, context)}, {render._repr_type(value.type, context)})"
    return False


def _value(value: Any, context: AutogenContext) -> str:
    """A value as Python writes it, with its module."""
    module = type(value).__module__
    if module == "builtins":
        return repr(value)
    context.imports.add(f"import {module}")
    text = repr(value)
    return text if text.startswith(f"{module}.") else f"{module}.{text}"


@render.renderers.dispatch_for(ops.AlterColumnOp, replace=True)
def _alter_column(context: AutogenContext, operation: ops.AlterColumnOp) -> str:
    """As Alembic writes it, with the cast that PostgreSQL needs, and how a column was numbered before."""
    text = render._alter_column(context, operation)
    before: Any = operation.existing_server_default
    if operation.modify_server_default is not False and isinstance(before, Identity):
        text = f"{text[:-1]},\n           existing_server_default={render._render_server_default(before, context)})"
    using = operation.kw.get("postgresql_using")
    return f"{text[:-1]},\n           postgresql_using={using!r})" if using else text


def flattened(operations: Iterable[Any]) -> list[Any]:
    """Indexes alone need no batch: every database makes and drops them by statements of their own."""
    found: list[Any] = []
    for each in operations:
        inner = each.ops if isinstance(each, ops.ModifyTableOps) else [each]
        plain = all(isinstance(one, ops.CreateIndexOp | ops.DropIndexOp) for one in inner)
        found += inner if plain else [each]
    return found
