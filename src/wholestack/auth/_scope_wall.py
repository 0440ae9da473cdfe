"""What leaves a session of one tenant for its database is counted: each scoped table has its condition, or is refused.

It looks at the text that SQLAlchemy compiled, which is regular, and does so once for each compiled statement; the next
time it is known. Text of the app's own cannot be looked through, and is refused.
"""

from __future__ import annotations

import re
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnClause, Table, TableClause, TextClause, inspect
from sqlalchemy.sql import visitors

from ._errors import UnscopedStatement

if TYPE_CHECKING:
    from ._scopes import Scope

LOOKED_AT = "wholestack_looked_at"
"""An option of an `INSERT` whose rows were looked at."""
_BIND = "wholestack_tenant"
_PLAIN = re.compile(r"[\w.*]+|'[^']*'")
"""Literal columns that hold nothing to hide: a name, a number, a star, a text."""
_LITERALS = re.compile(r"'(?:[^']|'')*'")
_PLACES = re.compile(r"\?|%s|__\[POSTCOMPILE_[^\]]+\]")
_WORD = re.compile(r"\w+")
_COLUMNS = re.compile(r"\AINSERT INTO \S+ (?:\([^)]*\))?| RETURNING .*", re.DOTALL)
"""What an `INSERT` names beside its rows: the table, which was looked at, and columns, which may be called like it."""
_QUERIES = re.compile(
    r"""\"[^"]*\"|`[^`]*`|(?P<begins>\((?=\s*(?:SELECT|WITH)\b))|(?P<opens>\()|(?P<closes>\))"""
    r"""|(?P<next>\b(?:UNION|INTERSECT|EXCEPT)\b)"""
)
"""Where a query begins and ends: in brackets of its own, or beside another one."""
_COLUMN = r"""((?:"[^"]*"|`[^`]*`|\w+)(?:\.(?:"[^"]*"|`[^`]*`|\w+))*)\.(?:"[^"]*"|`[^`]*`|\w+)"""
_JOINED = re.compile(f"{_COLUMN} = {_COLUMN}")
"""Two columns that are the same in each row, each by the name of its table."""
_NAMED = re.compile(r"%\((\w+)\)s|:(\w+)")

_known: weakref.WeakSet[Any] = weakref.WeakSet()


def wall(scope: Scope) -> Callable[..., None]:
    """A listener for `before_cursor_execute` of a connection."""

    def look(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        compiled = getattr(context, "compiled", None)
        if scope.lifted or compiled in _known or getattr(context, "isddl", False):
            return
        if compiled is None:
            raise UnscopedStatement(f"What a text does cannot be looked through: {_short(statement)}")
        written = context.isinsert or context.isupdate or context.isdelete
        if written and scope.flushing:
            return
        inserted = context.isinsert and context.execution_options.get(LOOKED_AT, False)
        _no_text(compiled.statement)
        _no_stranger(compiled)
        _counted(compiled, inserted=inserted)
        if not inserted:
            _known.add(compiled)

    return look


def models() -> Iterator[Any]:
    """The mapped classes whose rows belong to tenants."""
    from ._scopes import OfTenant

    waiting: list[Any] = list(OfTenant.__subclasses__())
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if inspect(found, raiseerr=False) is not None:
            yield found


def tables() -> dict[Table, str | None]:
    """The tables of those models: the column that says whose a row is; None where that stands in the table above."""
    found: dict[Table, str | None] = {}
    for model in models():
        held: Any = getattr(model, model.__tenant__).property.columns[0]
        for table in inspect(model).tables:
            found.setdefault(table, held.name if held.table is table else None)
    return found


def _column_of(table: Table) -> Any:
    """The column that says whose the rows of a table are, which may stand in the table above it."""
    model: Any = next(each for each in models() if table in inspect(each).tables)
    return getattr(model, model.__tenant__).property.columns[0]


def _no_text(statement: Any) -> None:
    for each in visitors.iterate(statement):
        if isinstance(each, TextClause):
            raise UnscopedStatement(f"What a text does cannot be looked through: {_short(each.text)}")
        if getattr(each, "is_literal", False) and not _PLAIN.fullmatch(str(getattr(each, "name", ""))):
            raise UnscopedStatement(f"What a literal column does cannot be looked through: {_short(str(each))}")


def _no_stranger(compiled: Any) -> None:
    """No table that is called as a scoped one and is not the model's.

    With a schema, or in capitals that the database does not tell apart, it may be the same one by another name.
    """
    own = tables()
    names = {str.lower(table.name) for table in own}
    # As it was sent; and as the ORM has made it, with the columns that a model takes from elsewhere.
    for statement in (compiled.statement, getattr(compiled.compile_state, "statement", None)):
        for table in _named_tables(statement) if statement is not None else ():
            # A name that quotes itself keeps its capitals, and one that is never quoted may be several words.
            name = str.lower(table.name)
            if table not in own and not names.isdisjoint((name, *_WORD.findall(name))):
                raise UnscopedStatement(f"A statement names the table {table.name!r} past its model.")


def _named_tables(statement: Any) -> Iterator[TableClause]:
    """The tables of a statement, and those that it has by a column alone, as the `FROM` of an `UPDATE`."""
    for each in visitors.iterate(statement):
        held = each.table if isinstance(each, ColumnClause) else None
        for part in (each,) if held is None else visitors.iterate(held):
            if isinstance(part, TableClause):
                yield part


def _counted(compiled: Any, *, inserted: bool) -> None:
    sql = _with_names(compiled)
    if inserted:
        sql = _COLUMNS.sub("", sql)
    found = [(query, _conditions(query)) for query in _queries(sql)]
    named, quoted = compiled.preparer.format_table, compiled.preparer.quote
    for table, column in tables().items():
        above = _column_of(table)
        for query, mine in found:
            held = {each for each in _places(query, named(above.table)) if f"{each}.{quoted(above.name)}" in mine}
            if column is None:
                held = _joined(query, held)  # Its rows go with those of the table above it.
            places = Counter(_places(query, named(table)))
            if any(count > (alias in held) for alias, count in places.items()):
                raise _unfiltered(table)


def _conditions(query: str) -> set[str]:
    """The columns that a query holds to the tenant, each once.

    A loader brings its condition along beside that of the statement, with others between the two: counted twice, the
    second would stand for a table that has none.
    """
    return set(re.findall(rf"([\w.\"`]+) = :{_BIND}\w*", query))


def _joined(query: str, held: set[str]) -> set[str]:
    """Those tables of a query, and all whose rows go with theirs, by the names that they have in it."""
    pairs = [{match[1], match[2]} for match in _JOINED.finditer(query)]
    while more := {name for pair in pairs if pair & held for name in pair} - held:
        held = held | more
    return held


def _queries(sql: str) -> Iterator[str]:
    """Each query of a statement by itself, without those within it: what holds in one says nothing of another."""
    waiting: list[list[str]] = [[]]
    brackets: list[bool] = []
    begin = 0
    for match in _QUERIES.finditer(sql):
        kind = match.lastgroup
        if kind is None:
            continue
        waiting[-1].append(sql[begin : match.end()])
        begin = match.end()
        if kind == "next":
            yield "".join(waiting[-1])
            waiting[-1] = []
        elif kind == "closes" and brackets:
            if brackets.pop():
                yield "".join(waiting.pop())
        elif kind != "closes":
            brackets.append(kind == "begins")
            if kind == "begins":
                waiting.append([])
    waiting[-1].append(sql[begin:])
    yield from ("".join(each) for each in waiting)


def _with_names(compiled: Any) -> str:
    """The text with the names of bound values, and without texts in quotes."""
    sql = _LITERALS.sub("''", compiled.string)
    if compiled.positional:
        names = iter(compiled.positiontup or ())
        return _PLACES.sub(lambda _: f":{next(names, '')}", sql)
    return _NAMED.sub(lambda match: f":{match[1] or match[2]}", sql)


def _places(sql: str, name: str) -> Iterator[str]:
    """Where a table stands as a source of rows: the name by which its columns are called there."""
    for match in re.finditer(rf'(?<![\w.:"`]){re.escape(name)}(?![\w"`.])(?!\s*=)(?: AS ([\w"`]+))?', sql):
        if not sql.endswith(" AS ", 0, match.start()):
            yield match[1] or name


def _unfiltered(table: Table) -> UnscopedStatement:
    return UnscopedStatement(f"A statement takes rows of {table.name!r} from all tenants.")


def _short(text: str) -> str:
    """The beginning of a statement, without what stands in quotes there."""
    plain = " ".join(_LITERALS.sub("'…'", text).split())
    return f"{plain[:80]}…." if len(plain) > 80 else f"{plain}."
