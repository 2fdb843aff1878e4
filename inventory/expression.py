"""Small arithmetic over named readings, for profiles: ``(total - free) / total``, ``when(admin == 1, oper)``.

Numbers, names, ``+ - * /``, comparisons and a few functions; nothing else parses. What is missing stays
missing: an expression with a missing name has no value, and neither has a division by zero.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache

MAX_LENGTH = 300
MAX_NODES = 100
MAX_EXPONENT = 60

Number = float | None
Evaluate = Callable[[Mapping[str, Number]], Number]

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Expression:
    """A parsed expression; `names` are those it reads. Raises `ValueError` with what is wrong, for people."""

    __slots__ = ("_evaluate", "names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        tree = _parse(text)
        self.names = (
            frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - _CALLS.keys()
        )
        self._evaluate = _build(tree)

    def __call__(self, values: Mapping[str, Number]) -> Number:
        """Return the value, None when something it needs is missing or the result is not finite."""
        try:
            value = self._evaluate(values)
        except (ZeroDivisionError, OverflowError):
            return None
        return float(value) if value is not None and math.isfinite(value) else None

    @property
    def only_name(self) -> str | None:
        """The name, when the expression is nothing but a name."""
        return self.text.strip() if self.text.strip() in self.names else None


@lru_cache(maxsize=4096)
def parsed(text: str) -> Expression:
    """Return the expression, one and the same for every device. Raises `ValueError`."""
    return Expression(text)


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise ValueError(f"an expression has at most {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} is no expression") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ValueError("the expression is too long")
    return tree


def _build(node: ast.expr) -> Evaluate:
    if isinstance(node, ast.Name):
        return _name(node.id)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _constant(float(node.value))  # type: ignore[arg-type]  # the line before says so
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return _pair(_ARITHMETIC[type(node.op)], _build(node.left), _build(node.right))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        name, number = node.left, node.comparators[0]
        if isinstance(name, ast.Name) and isinstance(number, ast.Constant) and type(number.value) is int:
            return _name_with_number(_COMPARISONS[type(node.ops[0])], name.id, float(number.value))
        return _pair(_COMPARISONS[type(node.ops[0])], _build(node.left), _build(node.comparators[0]))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _call(node.func.id, [_build(argument) for argument in node.args])
    raise ValueError(f"{ast.unparse(node)[:60]!r} is not arithmetic that profiles know")


def _name(name: str) -> Evaluate:
    return lambda values: values.get(name)


def _constant(number: float) -> Evaluate:
    return lambda _: number


def _pair(operation: Callable[[float, float], float], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Mapping[str, Number]) -> Number:
        a = left(values)
        b = None if a is None else right(values)
        return None if a is None or b is None else operation(a, b)

    return evaluate


def _name_with_number(operation: Callable[[float, float], float], name: str, number: float) -> Evaluate:
    """``admin == 1`` of every interface at every poll: one call instead of three."""

    def evaluate(values: Mapping[str, Number]) -> Number:
        value = values.get(name)
        return None if value is None else operation(value, number)

    return evaluate


def _call(name: str, arguments: list[Evaluate]) -> Evaluate:
    if name not in _CALLS:
        raise ValueError(f"unknown function {name!r}; there are: {', '.join(sorted(_CALLS))}")
    function, least, most = _CALLS[name]
    if not least <= len(arguments) <= most:
        raise ValueError(f"{name} wants {least} to {most} arguments, has {len(arguments)}")
    return function(*arguments)


def _over_present(reduce: Callable[[list[float]], float]) -> Callable[..., Evaluate]:
    def call(*arguments: Evaluate) -> Evaluate:
        def evaluate(values: Mapping[str, Number]) -> Number:
            present = [value for argument in arguments if (value := argument(values)) is not None]
            return reduce(present) if present else None

        return evaluate

    return call


def _when(condition: Evaluate, then: Evaluate) -> Evaluate:
    return lambda values: then(values) if condition(values) else None


def _ratio(part: Evaluate, whole: Evaluate) -> Evaluate:
    def evaluate(values: Mapping[str, Number]) -> Number:
        a, b = part(values), whole(values)
        return None if a is None or not b or b < 0 else min(1.0, max(0.0, a / b))

    return evaluate


def _power_of_ten(exponent: Evaluate) -> Evaluate:
    def evaluate(values: Mapping[str, Number]) -> Number:
        value = exponent(values)
        return None if value is None or abs(value) > MAX_EXPONENT else 10.0**value

    return evaluate


_CALLS: dict[str, tuple[Callable[..., Evaluate], int, int]] = {
    "first": (_over_present(operator.itemgetter(0)), 2, 8),
    "max": (_over_present(max), 2, 8),
    "min": (_over_present(min), 2, 8),
    "sum": (_over_present(math.fsum), 2, 16),
    "when": (_when, 2, 2),
    "ratio": (_ratio, 2, 2),
    "exp10": (_power_of_ten, 1, 1),
}
"""The function, the fewest and the most arguments. All but `when` and `ratio` pass over what is missing."""
