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

from sqlalchemy import BinaryExpression, ColumnClause, Table, TableClause, TextClause, inspect
from sqlalchemy.sql import operators, visitors

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
_COLUMNS = re.compile(r"\AINSERT INTO \S+ (?:\([^)]*\))?| RETURNING (?:(?!\bSELECT\b).)*\Z", re.DOTALL)
"""What an `INSERT` names beside its rows: the table, which was looked at, and columns, which may be called like it; but
no query whose rows it gives back.
"""
_QUERIES = re.compile(
    r"""\"[^"]*\"|`[^`]*`|(?P<begins>\((?=\s*(?:SELECT|WITH)\b))|(?P<opens>\()|(?P<closes>\))"""
    r"""|(?P<next>\b(?:UNION|INTERSECT|EXCEPT)\b)"""
)
"""Where a query begins and ends: in brackets of its own, or beside another one."""
_NAME = r"""(?:"[^"]*"|`[^`]*`|\w+)"""
_COLUMN = rf"({_NAME}(?:\.{_NAME})*)\.({_NAME})"
_JOINED = re.compile(rf"{_COLUMN} = {_COLUMN}(?![\w.\"`])(?! *[-+*/%|(])")
"""Two columns that are the same, each by the name of its table."""
_CLAUSE = re.compile(
    r" (?:(?:LEFT|FULL) OUTER JOIN|JOIN|ON|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|RETURNING|FOR UPDATE|UNION)\b"
)
"""Where the condition that stands there has ended."""
_LAST_CLAUSE = re.compile(r".*\b(ON|WHERE)\b", re.DOTALL)
_UNSURE = re.compile(r"\b(?:OR|CASE)\b")
_BRACKETS = re.compile(r"\([^()]*\)")
_OUTER = re.compile(
    rf"\b(?P<way>LEFT|FULL) OUTER JOIN (?P<name>{_NAME}(?:\.{_NAME})*)(?: AS (?P<alias>{_NAME}))? ON"
    r" (?:(?! JOIN | WHERE ).)*\Z",
    re.DOTALL,
)
"""The outer join whose condition has not ended."""
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
        if written and scope.flushing is not None and scope.flushing._flushing:
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
    named, quoted, pairs = compiled.preparer.format_table, compiled.preparer.quote, _pairs()
    for table, column in tables().items():
        above = _column_of(table)
        for query, mine in found:
            held = {each for each in _places(query, named(above.table)) if f"{each}.{quoted(above.name)}" in mine}
            if column is None:
                held = _joined(query, held, pairs)  # Its rows go with those of the table above it.
            places = Counter(_places(query, named(table)))
            if any(count > (alias in held) for alias, count in places.items()):
                raise _unfiltered(table)


def _conditions(query: str) -> set[str]:
    """The columns that a query holds to the tenant, each once.

    A loader brings its condition along beside that of the statement, with others between the two: counted twice, the
    second would stand for a table that has none.
    """
    return set(re.findall(rf"([\w.\"`]+) = :{_BIND}\w*", query))


def _joined(query: str, held: set[str], pairs: set[tuple[str, str]]) -> set[str]:
    """Those tables of a query, and all whose rows go with theirs, by the names that they have in it.

    That is so where the keys of the two are the same in each row there is: a condition beside others of which one is
    enough, or that of an outer join for the table outside of it, leaves rows with any other.
    """
    ways: list[tuple[str, str]] = []
    for match in _JOINED.finditer(query):
        one, another = match[1], match[3]
        if (_bare(match[2]), _bare(match[4])) not in pairs or not _is_certain(query, match):
            continue
        outer = _OUTER.search(query, 0, match.start())
        for inside, outside in ((one, another), (another, one)):
            if outer is None or (outer["way"] == "LEFT" and outside in {outer["name"], outer["alias"]}):
                ways.append((inside, outside))
    while more := {another for one, another in ways if one in held} - held:
        held = held | more
    return held


def _is_certain(query: str, match: re.Match[str]) -> bool:
    """Whether an equality holds in each row: one of several that must, in a `WHERE` or after an `ON`."""
    before, after = query[: match.start()], query[match.end() :]
    if not before.endswith((" ON ", " WHERE ", " AND ")):
        return False
    rest = _CLAUSE.split(after, 1)[0]
    own = _LAST_CLAUSE.search(before)
    whole = before[own.end() :] + rest if own is not None else ""
    if own is None or _UNSURE.search(_outermost(whole)):
        return False
    return own[1] == "ON" or before.count("(") == before.count(")")


def _outermost(condition: str) -> str:
    """A condition without what stands in brackets of its own."""
    while (inner := _BRACKETS.sub("", condition)) != condition:
        condition = inner
    return condition


def _bare(column: str) -> str:
    return column.strip('"`')


def _pairs() -> set[tuple[str, str]]:
    """The columns by which a row of a subclass has the key of the one above it, both ways round."""
    found: set[tuple[str, str]] = set()
    for model in models():
        condition = inspect(model).inherit_condition
        for each in () if condition is None else visitors.iterate(condition):
            if isinstance(each, BinaryExpression) and each.operator is operators.eq:
                left, right = getattr(each.left, "name", ""), getattr(each.right, "name", "")
                found |= {(left, right), (right, left)}
    return found


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
                waiting[-1].append(")")
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
