"""Numbers that a page computes from those of a table: ``12.11 − 11.87``, ``mean(85.7, 87.2, 92.3)``."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from sanguinaria.core.errors import InputError
from sanguinaria.workflow.documented_numbers.written import exact, half_unit

_OPERATORS: dict[type, Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_OPERAND = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?|\.\d+)")


def operands(formula: str) -> list[str]:
    """Return the numbers that a formula is of, as written."""
    return _OPERAND.findall(formula)


def is_result(written: str, formula: str) -> bool:
    """Whether a number is a formula's value, as exactly as the operands' digits tell.

    Args:
        written: the number.
        formula: of sums, differences, products, quotients and ``mean(…)``.

    Returns:
        Whether they agree.

    Raises:
        InputError: the formula is none.
    """
    tree = _parsed(formula)
    numbers = operands(formula)
    values = [exact(number) for number in numbers]
    result = _value(tree, values)
    uncertainty = sum(
        (abs(_value(tree, _moved(values, i, half_unit(number))) - result) for i, number in enumerate(numbers)),
        Decimal(0),
    )
    return abs(exact(written) - result) <= half_unit(written) + uncertainty


def _parsed(formula: str) -> ast.expr:
    count = iter(range(len(formula)))
    text = _OPERAND.sub(lambda match: f"_{next(count)}", formula.replace("−", "-").replace("·", "*"))
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise InputError(f"numbers: '{formula}' is no formula of numbers, + − · / and mean(…).") from None


def _value(node: ast.expr, values: Sequence[Decimal]) -> Decimal:
    match node:
        case ast.Name(id=name):
            return values[int(name[1:])]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.Call(func=ast.Name(id="mean"), args=[*numbers]):
            return sum((_value(number, values) for number in numbers), Decimal(0)) / len(numbers)
    raise InputError(f"numbers: '{ast.unparse(node)}' is no formula of numbers, + − · / and mean(…).")


def _moved(values: Sequence[Decimal], index: int, step: Decimal) -> list[Decimal]:
    return [value + step * (i == index) for i, value in enumerate(values)]
