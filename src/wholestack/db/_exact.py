"""Decimals on SQLite, which keeps each as a whole number of its smallest unit: its statements reckon with the scale.

A statement is looked at when it is compiled: what is compared or added gets one scale, a product has the digits of both
sides, and what cannot be right is an error (`NotExact`), so that nothing is wrong in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Float, Function, Integer, Numeric, String
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    Case,
    Cast,
    ClauseList,
    ColumnClause,
    ColumnElement,
    ExpressionClauseList,
    FunctionFilter,
    Grouping,
    Label,
    Null,
    Over,
    Tuple,
    UnaryExpression,
)
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import ScalarSelect, SelectBase
from sqlalchemy.types import NullType, TypeDecorator

from ._errors import NotExact
from ._types import MOST, QUOTIENT, Exact

_ALIKE = {operators.add, operators.sub, operators.mod}
_PRODUCTS = {operators.mul, operators.truediv}
_CALLED = {
    operators.add: "exact_plus",
    operators.sub: "exact_minus",
    operators.mul: "exact_times",
    operators.truediv: "exact_over",
}
_COMPARED = {
    operators.eq, operators.ne, operators.lt, operators.le, operators.gt, operators.ge, operators.is_, operators.is_not,
    operators.is_distinct_from, operators.is_not_distinct_from,
}  # fmt: skip
_WITHIN = {operators.in_op, operators.not_in_op}
_BETWEEN = {operators.between_op, operators.not_between_op}

_OF_ONE_SCALE = {"sum", "min", "max", "abs", "coalesce", "ifnull", "nullif", "distinct", "first_value", "last_value"}
_OF_THE_FIRST = {"nth_value": (0,), "lag": (0, 2), "lead": (0, 2)}
_ROUNDED = {"round": "exact_round", "floor": "exact_floor", "ceil": "exact_ceiling", "ceiling": "exact_ceiling"}
_COUNTED = {"count", "sign"}


# -- how many digits there are ---------------------------------------------------------------------------------------


def scale_of(element: Any) -> int | None:
    """How many digits behind the point lie in the number that SQLite has for an expression; None for none of ours."""
    match element:
        case Label() | Grouping() | Over():
            return scale_of(element.element)
        case FunctionFilter():
            return scale_of(element.func)
        case ScalarSelect():
            return scale_of(_first(element.element))
        case UnaryExpression() if element.operator is operators.neg or element.operator is None:
            return scale_of(element.element)
        case UnaryExpression() if element.operator is operators.distinct_op:
            return scale_of(element.element)
        case ExpressionClauseList() | BinaryExpression() if element.operator in {*_ALIKE, *_PRODUCTS}:
            return _of_sides(element.operator, _sides(element))
        case Case():
            return _highest([result for _, result in element.whens] + [element.else_])
        case FunctionElement():
            return _of_function(element)
        case ColumnClause() if element._proxies:
            return next((found for each in element._proxies if (found := scale_of(each)) is not None), None)
        case _:
            return _scale(element.type) if isinstance(element, ColumnElement) else None


def _sides(element: Any) -> list[Any]:
    return list(element.clauses) if isinstance(element, ExpressionClauseList) else [element.left, element.right]


def _of_sides(operator: Any, sides: Sequence[Any]) -> int | None:
    highest = _highest(sides)
    if highest is None or operator in _ALIKE:
        return highest
    scales = [_own(each, highest) for each in sides]
    return sum(scales) if operator is operators.mul else max(scales) + QUOTIENT


def _of_function(function: Any) -> int | None:
    name, arguments = _name(function), _arguments(function)
    highest = _highest(arguments)
    if highest is None:
        return None if name in _COUNTED else _scale(function.type)
    if name in _OF_ONE_SCALE:
        return highest
    if name in _OF_THE_FIRST or name in _ROUNDED:
        return _highest([arguments[place] for place in _OF_THE_FIRST.get(name, (0,)) if place < len(arguments)])
    return highest + QUOTIENT if name == "avg" else None


def _scale(kind: Any) -> int | None:
    """The scale of a type, also of one that is made of ours."""
    while isinstance(kind, TypeDecorator):
        if isinstance(kind, Exact):
            return kind.scale
        kind = kind.impl_instance
    return None


def _highest(elements: Iterable[Any]) -> int | None:
    return max((found for each in elements if (found := scale_of(each)) is not None), default=None)


def _own(element: Any, other: int) -> int:
    """The scale at which a factor is taken: an integer as it is, a number that was given without a scale as others."""
    found = scale_of(element)
    return found if found is not None else 0 if _is_whole(element) else other


def _is_whole(element: Any) -> bool:
    return isinstance(element, ColumnElement) and element.type._type_affinity is Integer


def _is_given(element: Any) -> bool:
    """Whether a number is a parameter, which is bound with any scale."""
    if not isinstance(element, BindParameter):
        return False
    kind = element.type
    return isinstance(kind, (NullType, Exact, Integer)) or (isinstance(kind, Numeric) and not isinstance(kind, Float))


def _first(statement: Any) -> Any:
    return next(iter(_columns(statement)))


def _columns(statement: Any) -> Any:
    return statement.selected_columns


def _name(function: Any) -> str:
    return str(getattr(function, "name", "")).lower()


def _arguments(function: Any) -> list[Any]:
    return list(function.clauses)


def _is_mean(element: Any) -> bool:
    while isinstance(element, (Over, FunctionFilter)):
        element = element.element if isinstance(element, Over) else element.func
    return isinstance(element, FunctionElement) and _name(element) == "avg" and scale_of(element) is not None


def _instead(element: Any, name: str) -> Any:
    """An aggregate with another in its place, over the same rows."""
    if isinstance(element, (Over, FunctionFilter)):
        clone: Any = element._clone()
        place = "element" if isinstance(element, Over) else "func"
        setattr(clone, place, _instead(getattr(element, place), name))
        return clone
    return Function(name, *_arguments(element))


# -- one scale for what belongs together -----------------------------------------------------------------------------


class _Call(ColumnElement[Any]):
    """A call of one of our functions of SQLite."""

    __visit_name__ = "exact_call"
    inherit_cache = False

    def __init__(self, name: str, element: Any, *rest: int) -> None:
        self.name = name
        self.element = element
        self.rest = rest
        self.type = NullType()

    @property
    def _from_objects(self) -> Any:
        return self.element._from_objects


def at_scale(element: Any, scale: int) -> Any:
    """An expression of the number that has so many digits behind the point."""
    if isinstance(element, Null):
        return element
    if isinstance(element, Grouping) and _is_given(element.element):
        element = element.element
    own = scale_of(element)
    if _is_given(element) and (own is None or own <= scale):
        return element if own == scale else element._with_binary_element_type(Exact(MOST, scale))
    if own is None:
        if not _is_whole(element):
            raise NotExact(f"SQLite cannot tell how many digits {_told(element)} has beside a decimal.")
        own = 0
    return element if own == scale else _Call("exact_moved", element, scale - own)


def _told(element: Any) -> str:
    """What is wrong, in words that hold no value."""
    return repr(str(element))[:80]


def _changed(element: Any, /, **parts: Any) -> Any:
    clone = element._clone()
    for name, part in parts.items():
        setattr(clone, name, part)
    return clone


def _refused(element: Any) -> NotExact:
    return NotExact(f"SQLite keeps decimals as whole numbers, of which {_told(element)} would make another number.")


_Compiler: Any = SQLiteCompiler  # Most of its methods have no types.


class ExactCompiler(_Compiler):  # type: ignore[misc]  # derived from what has no types, as said above
    """SQLAlchemy's compiler for SQLite, which reckons with the scales of decimals."""

    _scales: tuple[int | None, ...] = ()

    def visit_exact_call(self, call: _Call, add_to_result_map: Any = None, **kw: Any) -> Any:
        """A call of one of our functions."""
        return f"{call.name}({', '.join([self.process(call.element, **kw), *map(str, call.rest)])})"

    # -- results -----------------------------------------------------------------------------------------------------

    def _label_select_column(self, select: Any, column: Any, *rest: Any, **kw: Any) -> Any:
        before, self._scales = self._scales, (*self._scales, scale_of(column))
        try:
            return super()._label_select_column(select, column, *rest, **kw)
        finally:
            self._scales = before

    def _add_to_result_map(self, keyname: Any, name: Any, objects: Any, type_: Any) -> None:
        scale = self._scales[-1] if self._scales else None
        kind = type_ if scale is None or _scale(type_) == scale else Exact(MOST, scale)
        super()._add_to_result_map(keyname, name, objects, kind)

    def visit_compound_select(self, cs: Any, *rest: Any, **kw: Any) -> Any:
        """Each column has one scale in all selects."""
        for place in zip(*(select.selected_columns for select in cs.selects), strict=False):
            values = [each for each in place if not isinstance(each, Null)]
            if len({scale_of(each) for each in values}) > 1:
                raise _refused(values[-1])
        return super().visit_compound_select(cs, *rest, **kw)

    # -- operators ---------------------------------------------------------------------------------------------------

    def visit_binary(self, binary: Any, *rest: Any, **kw: Any) -> Any:
        """What is added or compared has one scale; a product has the digits of both sides."""
        left, right, operator = binary.left, binary.right, binary.operator
        if operator in _WITHIN:
            binary = self._within(binary)
        elif operator in _BETWEEN:
            binary = self._between(binary)
        elif isinstance(left, Tuple) and isinstance(right, Tuple):
            binary = self._pairs(binary)
        elif (highest := _highest([left, right])) is not None:
            if operator in _CALLED:
                return self._reckoned(operator, [left, right], highest, kw)
            if operator is not operators.mod and operator not in _COMPARED:
                raise _refused(binary)
            binary = _changed(binary, left=at_scale(left, highest), right=at_scale(right, highest))
        return super().visit_binary(binary, *rest, **kw)

    def visit_expression_clauselist(self, clauselist: Any, **kw: Any) -> Any:
        """The same for several in a row: ``a + b + c``."""
        highest = _highest(clauselist.clauses)
        if highest is None or clauselist.operator in {operators.and_, operators.or_, operators.comma_op}:
            return super().visit_expression_clauselist(clauselist, **kw)
        if clauselist.operator not in _CALLED:
            raise _refused(clauselist)
        return self._reckoned(clauselist.operator, clauselist.clauses, highest, kw)

    def _reckoned(self, operator: Any, sides: Sequence[Any], highest: int, kw: dict[str, Any]) -> str:
        """A call, since what is too large for a whole number SQLite's own operators would make a float."""
        kw = {name: each for name, each in kw.items() if name not in {"eager_grouping", "add_to_result_map"}}
        scales = [_own(each, highest) if operator in _PRODUCTS else highest for each in sides]
        texts = [self.process(at_scale(each, scale), **kw) for each, scale in zip(sides, scales, strict=True)]
        if operator is operators.truediv:
            return f"exact_over({texts[0]}, {texts[1]}, {max(scales) + QUOTIENT - scales[0] + scales[1]})"
        text = str(texts[0])
        for each in texts[1:]:
            text = f"{_CALLED[operator]}({text}, {each})"
        return text

    def _between(self, binary: Any) -> Any:
        sides = [binary.left, *binary.right.clauses]
        highest = _highest(sides)
        if highest is None:
            return binary
        left, *ends = (at_scale(each, highest) for each in sides)
        return _changed(binary, left=left, right=_changed(binary.right, clauses=tuple(ends)))

    def _pairs(self, binary: Any) -> Any:
        ones, others = list(binary.left.clauses), list(binary.right.clauses)
        for place, both in enumerate(zip(ones, others, strict=False)):
            if (highest := _highest(both)) is not None:
                ones[place], others[place] = (at_scale(each, highest) for each in both)
        return _changed(binary, left=_changed(binary.left, clauses=ones), right=_changed(binary.right, clauses=others))

    def _within(self, binary: Any) -> Any:
        left, right = binary.left, binary.right
        among: Any = right.element if isinstance(right, Grouping) else right
        if isinstance(left, Tuple):
            if isinstance(among, (SelectBase, ScalarSelect)):
                self._same_scales(binary, left.clauses, _columns(among))
            return binary
        scale = scale_of(left)
        if isinstance(among, BindParameter):
            return binary if scale is None else _changed(binary, right=at_scale(among, scale))
        if isinstance(among, (SelectBase, ScalarSelect)):
            self._same_scales(binary, [left], _columns(among))
            return binary
        if isinstance(among, (ClauseList, ExpressionClauseList)) and not isinstance(among, Tuple):
            highest = _highest([left, *among.clauses])
            if highest is not None:
                moved: Any = _changed(among, clauses=[at_scale(each, highest) for each in among.clauses])
                return _changed(binary, left=at_scale(left, highest), right=_changed(right, element=moved))
        return binary

    def _same_scales(self, binary: Any, ones: Iterable[Any], others: Iterable[Any]) -> None:
        if any(scale_of(one) != scale_of(other) for one, other in zip(ones, others, strict=False)):
            raise _refused(binary)

    def visit_unary(self, unary: Any, *rest: Any, **kw: Any) -> Any:
        """Bits of a decimal are none."""
        if unary.operator is operators.bitwise_not_op and scale_of(unary.element) is not None:
            raise _refused(unary)
        return super().visit_unary(unary, *rest, **kw)

    # -- functions ---------------------------------------------------------------------------------------------------

    def visit_function(self, func: Any, add_to_result_map: Any = None, **kw: Any) -> Any:
        """Those of which we know what they do with a decimal."""
        arguments, name = _arguments(func), _name(func)
        highest = _highest(arguments)
        if highest is None or name in _COUNTED:
            return super().visit_function(func, add_to_result_map=add_to_result_map, **kw)
        if add_to_result_map is not None:
            add_to_result_map(func.name, func.name, (func.name,), func.type)
        kw["within_aggregate_function"] = True
        if name == "avg":
            return self._mean(func, kw)
        if name in _ROUNDED:
            scale = _own(arguments[0], highest)
            places = [self.process(arguments[1], **kw) if arguments[1:] else "0"] if name == "round" else []
            return f"{_ROUNDED[name]}({', '.join([self.process(arguments[0], **kw), str(scale), *places])})"
        if name in _OF_THE_FIRST:
            chosen = [each for each in _OF_THE_FIRST[name] if each < len(arguments)]
            highest = _highest([arguments[each] for each in chosen]) or 0
            moved = [at_scale(each, highest) if place in chosen else each for place, each in enumerate(arguments)]
        elif name in _OF_ONE_SCALE:
            moved = [at_scale(each, highest) for each in arguments] if len(arguments) > 1 else arguments
        else:
            raise _refused(func)
        return f"{name}({', '.join(self.process(each, **kw) for each in moved)})"

    def _mean(self, element: Any, kw: dict[str, Any]) -> Any:
        total, count = (self.process(_instead(element, name), **kw) for name in ("sum", "count"))
        return f"exact_over({total}, {count}, {QUOTIENT})"

    def visit_over(self, over: Any, **kw: Any) -> Any:
        """A mean over a window is a quotient of two windows."""
        return self._mean(over, kw) if _is_mean(over) else super().visit_over(over, **kw)

    def visit_funcfilter(self, funcfilter: Any, **kw: Any) -> Any:
        """A mean of some rows is a quotient of two aggregates of them."""
        return self._mean(funcfilter, kw) if _is_mean(funcfilter) else super().visit_funcfilter(funcfilter, **kw)

    def visit_case(self, clause: Any, **kw: Any) -> Any:
        """Its results have one scale, and so has what is compared."""
        whens, otherwise, value = list(clause.whens), clause.else_, clause.value
        highest = scale_of(clause)
        if highest is not None:
            whens = [(each, at_scale(result, highest)) for each, result in whens]
            otherwise = None if otherwise is None else at_scale(otherwise, highest)
        if value is not None and (compared := _highest([value, *(each for each, _ in whens)])) is not None:
            whens = [(at_scale(each, compared), result) for each, result in whens]
            value = at_scale(value, compared)
        return super().visit_case(_changed(clause, whens=whens, else_=otherwise, value=value), **kw)

    def visit_cast(self, cast: Any, **kw: Any) -> Any:
        """From one scale to another, and between a decimal and other types."""
        inner, scale, wanted = cast.clause, scale_of(cast.clause), _scale(cast.type)
        if wanted is not None:
            known = scale is not None or _is_whole(inner) or _is_given(inner) or isinstance(inner, Null)
            return self.process(at_scale(inner, wanted) if known else _Call("exact_read", inner, wanted), **kw)
        if scale is None:
            return super().visit_cast(cast, **kw)
        if isinstance(cast.type, Integer):
            return self.process(at_scale(inner, 0), **kw)
        if isinstance(cast.type, String):
            return self.process(_Call("exact_text", inner, scale), **kw)
        if isinstance(cast.type, Float):
            return f"({self.process(inner, **kw)} / 1e{scale})"
        raise _refused(cast)

    def visit_type_coerce(self, type_coerce: Any, **kw: Any) -> Any:
        """A decimal stays one; with fewer digits it would have to be rounded, which is a cast."""
        inner, wanted = type_coerce.clause, _scale(type_coerce.type)
        scale = scale_of(inner)
        if scale is not None and (wanted is None or wanted < scale):
            raise _refused(type_coerce)
        if wanted is not None and (scale is not None or _is_whole(inner)):
            return self.process(at_scale(inner, wanted), **kw)
        return super().visit_type_coerce(type_coerce, **kw)

    # -- what is written ---------------------------------------------------------------------------------------------

    def visit_update(self, update_stmt: Any, *rest: Any, **kw: Any) -> Any:
        """What a column is set to has its scale."""
        return super().visit_update(_assigning(update_stmt), *rest, **kw)

    def visit_insert(self, insert_stmt: Any, *rest: Any, **kw: Any) -> Any:
        """The same for new rows; those of a query have it already, or are refused."""
        if insert_stmt.select is not None and insert_stmt._select_names:
            columns = [insert_stmt.table.c[getattr(each, "key", each)] for each in insert_stmt._select_names]
            for column, each in zip(columns, insert_stmt.select.selected_columns, strict=False):
                if scale_of(column) != scale_of(each) and not isinstance(each, (Null, BindParameter)):
                    raise _refused(each)
        return super().visit_insert(_assigning(insert_stmt), *rest, **kw)

    def visit_on_conflict_do_update(self, on_conflict: Any, **kw: Any) -> Any:
        """The same for rows that are there already."""
        columns = self.stack[-1]["selectable"].table.c
        values = _assigned(columns, dict(on_conflict.update_values_to_set))
        return super().visit_on_conflict_do_update(_changed(on_conflict, update_values_to_set=values), **kw)


def _assigning(statement: Any) -> Any:
    """A statement whose values have the scales of their columns, once it is known what the values are."""
    make = statement._compile_state_factory

    def with_scales(given: Any, compiler: Any, **kw: Any) -> Any:
        state: Any = make(given, compiler, **kw)
        columns = state.statement.table.c
        if state._dict_parameters:
            state._dict_parameters = _assigned(columns, state._dict_parameters)
        if getattr(state, "_multi_parameters", None):
            state._multi_parameters = [_assigned(columns, each) for each in state._multi_parameters]
            state._dict_parameters = state._multi_parameters[0]
        return state

    return _changed(statement, _compile_state_factory=with_scales)


def _assigned(columns: Any, values: dict[Any, Any]) -> dict[Any, Any]:
    found = {}
    for key, value in values.items():
        column = columns.get(key) if isinstance(key, str) else key
        scale = None if column is None else _scale(column.type)
        if isinstance(value, ColumnElement) and not (isinstance(value, BindParameter) and value.type._isnull):
            if scale is not None:
                is_float = isinstance(value.type, Float) and scale_of(value) is None
                value = _Call("exact_read", value, scale) if is_float else at_scale(value, scale)
            elif scale_of(value) is not None:
                value = Cast(value, NullType() if column is None else column.type)
        found[key] = value
    return found
