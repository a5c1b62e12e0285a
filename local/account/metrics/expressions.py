"""CloudWatch metric math: a small grammar, evaluated over time series without ``eval``.

A value is a number, a series (time → number) or a list of series. An operation on two series has values only at times
that both have. A division by zero has no value at that time, as on CloudWatch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

Series = dict[int, float]
Value = float | Series | list[Series]

GRAMMAR = r"""
?start: or_
?or_: and_ | or_ "||" and_ -> or_op
?and_: comparison | and_ "&&" comparison -> and_op
?comparison: sum | sum COMPARE sum -> compare
?sum: product | sum ADD product -> arithmetic
?product: unary | product MULTIPLY unary -> arithmetic
?unary: power | "-" unary -> negate
?power: atom | atom POWER unary -> arithmetic
?atom: NUMBER -> number | NAME "(" [or_ ("," or_)*] ")" -> call | NAME -> name
     | "(" or_ ")" | "[" or_ ("," or_)* "]" -> array
COMPARE: "<=" | ">=" | "==" | "!=" | "<" | ">"
ADD: "+" | "-"
MULTIPLY: "*" | "/"
POWER: "^"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
%import common.NUMBER
%import common.WS
%ignore WS
"""

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: float(a**b),
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "||": lambda a, b: float(bool(a) or bool(b)),
    "&&": lambda a, b: float(bool(a) and bool(b)),
}


class ExpressionError(ValueError):
    """An expression CloudWatch would refuse, or one this account doesn't know."""


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to: series by id, and the times (period starts) it is evaluated at."""

    series: dict[str, Value]
    times: tuple[int, ...]
    period: int


@lru_cache(maxsize=1)
def _make_parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


@lru_cache(maxsize=512)
def parse_expression(text: str) -> Tree[Token] | Token:
    """The expression as a tree, or ``ExpressionError`` with the position."""
    try:
        return _make_parser().parse(text)
    except UnexpectedInput as error:
        raise ExpressionError(f"invalid expression at position {error.pos_in_stream}: {text}") from error


def find_references(text: str) -> set[str]:
    """The ids that an expression refers to."""
    tree = parse_expression(text)
    if not isinstance(tree, Tree):
        return set()
    return {str(node.children[0]) for node in tree.iter_subtrees() if node.data == "name"} - {"REPEAT", "LINEAR"}


def evaluate_expression(text: str, scope: Scope) -> Series:
    """The expression as one series; a number becomes a constant series, as on a graph."""
    value = _evaluate_node(parse_expression(text), scope)
    if isinstance(value, list):
        raise ExpressionError(f"{text} gives several series, one is needed")
    return value if isinstance(value, dict) else dict.fromkeys(scope.times, value)


def _evaluate_node(node: Tree[Token] | Token, scope: Scope) -> Value:
    if isinstance(node, Token):
        raise ExpressionError(f"unexpected {node}")
    match str(node.data):
        case "number":
            return float(str(node.children[0]))
        case "name":
            return _find_value(str(node.children[0]), scope)
        case "negate":
            return combine_values("-", 0.0, _evaluate_node(node.children[0], scope))
        case "array":
            return [_as_series(_evaluate_node(child, scope), scope) for child in node.children]
        case "call":
            return _call_function(str(node.children[0]), node.children[1:], scope)
        case kind:
            *_, right = node.children
            sign = {"or_op": "||", "and_op": "&&"}.get(kind) or str(node.children[1])
            return combine_values(sign, _evaluate_node(node.children[0], scope), _evaluate_node(right, scope))


def _find_value(name: str, scope: Scope) -> Value:
    if name not in scope.series:
        raise ExpressionError(f"{name} is not defined")
    return scope.series[name]


def combine_values(sign: str, left: Value, right: Value) -> Value:
    """The result of one operation; of series, time by time, and of lists of series, series by series."""
    if isinstance(left, list):
        return [_one_series(combine_values(sign, item, right)) for item in left]
    if isinstance(right, list):
        return [_one_series(combine_values(sign, left, item)) for item in right]
    operation = _ARITHMETIC[sign]
    if isinstance(left, dict) or isinstance(right, dict):
        result: Series = {}
        for time in _common_times(left, right):
            value = _apply_operation(operation, _value_at(left, time), _value_at(right, time))
            if value is not None:
                result[time] = value
        return result
    value = _apply_operation(operation, left, right)
    if value is None:
        raise ExpressionError("division by zero between constants")
    return value


def _apply_operation(operation: Callable[[float, float], float], a: float, b: float) -> float | None:
    try:
        value = operation(a, b)
    except (ZeroDivisionError, OverflowError, TypeError):
        return None
    return value if math.isfinite(value) else None


def _common_times(*values: Value) -> list[int]:
    series = [set(value) for value in values if isinstance(value, dict)]
    return sorted(set.intersection(*series)) if series else []


def _value_at(value: Value, time: int) -> float:
    if isinstance(value, dict):
        return value[time]
    if isinstance(value, list):
        raise ExpressionError("a list where one series is needed")
    return value


def _one_series(value: Value) -> Series:
    if not isinstance(value, dict):
        raise ExpressionError("a series is needed")
    return value


def _as_series(value: Value, scope: Scope) -> Series:
    return dict.fromkeys(scope.times, value) if isinstance(value, float) else _one_series(value)


# --- functions ----------------------------------------------------------------------------------------------------


def _call_function(name: str, arguments: list[Any], scope: Scope) -> Value:
    function = name.upper()
    if function == "FILL":
        return _fill_gaps(arguments, scope)
    values = [_evaluate_node(argument, scope) for argument in arguments]
    if function == "IF":
        return _evaluate_if(values)
    if function in _AGGREGATES:
        return _aggregate_values(function, values)
    if function in _ELEMENTWISE and len(values) == 1:
        return _map_values(_ELEMENTWISE[function], values[0])
    if function == "PERIOD" and len(values) == 1:
        return float(scope.period)
    if function == "METRICS" and not values:
        return [value for value in scope.series.values() if isinstance(value, dict)]
    raise ExpressionError(f"function {name} with {len(values)} arguments is not known here")


_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
_ELEMENTWISE: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": lambda value: float(math.ceil(value)),
    "FLOOR": lambda value: float(math.floor(value)),
}


def _map_values(function: Callable[[float], float], value: Value) -> Value:
    if isinstance(value, list):
        return [{time: function(v) for time, v in item.items()} for item in value]
    return {time: function(v) for time, v in value.items()} if isinstance(value, dict) else function(value)


def _aggregate_values(name: str, values: list[Value]) -> Value:
    """An aggregation.

    For one series it is a number. For a list of series it is a series over all times that any of them has.
    """
    if len(values) != 1:
        raise ExpressionError(f"{name} takes one series or one list")
    function, value = _AGGREGATES[name], values[0]
    if isinstance(value, list):
        times = sorted(set().union(*value)) if value else []
        return {time: function([item[time] for item in value if time in item]) for time in times}
    if isinstance(value, dict):
        if not value:
            return {}
        return function(list(value.values()))
    return value


def _evaluate_if(values: list[Value]) -> Value:
    if len(values) not in (2, 3):
        raise ExpressionError("IF takes a condition and one or two values")
    condition, then = values[0], values[1]
    otherwise: Value | None = values[2] if len(values) == 3 else None
    if isinstance(condition, float) and not any(isinstance(v, dict) for v in values):
        return then if condition else (otherwise if otherwise is not None else {})
    if isinstance(condition, list):
        raise ExpressionError("IF takes one series as its condition")
    times = sorted(condition) if isinstance(condition, dict) else _common_times(*(v for v in values if isinstance(v, dict)))
    result: Series = {}
    for time in times:
        chosen = then if _value_at(condition, time) else otherwise
        if chosen is None or (isinstance(chosen, dict) and time not in chosen):
            continue
        result[time] = _value_at(chosen, time)
    return result


def _fill_gaps(arguments: list[Any], scope: Scope) -> Value:
    if len(arguments) != 2:
        raise ExpressionError("FILL takes a series and a filling")
    value = _evaluate_node(arguments[0], scope)
    mode = _fill_mode(arguments[1])
    filling = None if mode else _evaluate_node(arguments[1], scope)
    if isinstance(value, list):
        return [_fill_one(item, mode, filling, scope) for item in value]
    return _fill_one(_as_series(value, scope), mode, filling, scope)


def _fill_mode(argument: Any) -> str | None:
    if isinstance(argument, Tree) and argument.data == "name" and str(argument.children[0]) in ("REPEAT", "LINEAR"):
        return str(argument.children[0])
    return None


def _fill_one(series: Series, mode: str | None, filling: Value | None, scope: Scope) -> Series:
    result: Series = {}
    known = sorted(series)
    for time in scope.times:
        if time in series:
            result[time] = series[time]
        elif mode is None:
            if isinstance(filling, float):
                result[time] = filling
            elif isinstance(filling, dict) and time in filling:
                result[time] = filling[time]
        else:
            before = [t for t in known if t < time]
            after = [t for t in known if t > time]
            if mode == "REPEAT" and before:
                result[time] = series[before[-1]]
            elif mode == "LINEAR" and before and after:
                left, right = before[-1], after[0]
                share = (time - left) / (right - left)
                result[time] = series[left] + share * (series[right] - series[left])
    return result
