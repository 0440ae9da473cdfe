"""How our operations are written into a migration's file: as lines of plain Alembic."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.operations import ops

from ._safety_operations import Backfill, Mirror, Nothing, On, Operation, Outside, Statement


def _lines(context: AutogenContext, operations: Iterable[Operation]) -> list[str]:
    return [line for each in operations for line in render_op(context, each)]


@renderers.dispatch_for(Outside)
def _outside(context: AutogenContext, operation: Outside) -> list[str]:
    lines = _lines(context, operation.ops)
    # The printer takes an empty line for the end of a block.
    return ["with op.get_context().autocommit_block():", *lines, ""] if lines else []


@renderers.dispatch_for(On)
def _on(context: AutogenContext, operation: On) -> list[str]:
    then, otherwise = _lines(context, operation.ops), _lines(context, operation.otherwise)
    name = f'op.get_context().dialect.name == "{operation.dialect}"'
    if not then:
        return [f"if not {name}:", *otherwise, ""] if otherwise else []
    lines = [f"if {name}:", *then]
    return [*lines, "else:", *otherwise, ""] if otherwise else [*lines, ""]


@renderers.dispatch_for(Nothing)
def _nothing(context: AutogenContext, operation: Nothing) -> list[str]:
    return []


@renderers.dispatch_for(ops.RenameTableOp)
def _rename_table(context: AutogenContext, operation: ops.RenameTableOp) -> list[str]:
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    return [f"op.rename_table({operation.table_name!r}, {operation.new_table_name!r}{schema})"]


@renderers.dispatch_for(Statement)
def _statement(context: AutogenContext, operation: Statement) -> list[str]:
    return [f"op.execute({str(operation.sqltext)!r})"]


@renderers.dispatch_for(Backfill)
def _backfill(context: AutogenContext, operation: Backfill) -> list[str]:
    context.imports.add("from wholestack.migrations import backfill")
    if operation.elsewhere:
        here: Operation = copy.copy(operation)
        vars(here)["elsewhere"] = {}
        for dialect, other in operation.elsewhere.items():
            here = On(dialect, [other], [here])
        return _lines(context, [here])
    where = f", where={operation.where!r}" if operation.where else ""
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    return [f"backfill(op, {operation.table_name!r}, set={operation.set!r}{where}{schema})"]


@renderers.dispatch_for(Mirror)
def _mirror(context: AutogenContext, operation: Mirror) -> list[str]:
    name = "end_mirror" if operation.ends else "mirror"
    context.imports.add(f"from wholestack.migrations import {name}")
    return [f"{name}(op, {operation.table_name!r}, forward={operation.forward!r}, backward={operation.backward!r})"]
