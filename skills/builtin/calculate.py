"""The skill `calculate`: arithmetic over a parsed expression, without eval."""

import ast
import math
import operator
import re
from collections.abc import Callable

from ..errors import SkillError
from ..spec import Expression, skill
from ..values import Number

LONGEST, DEEPEST, MOST_BITS = 500, 60, 3000
"""Limits: characters of an expression, nesting, and bits of an exact whole number (about 900 digits)."""

Num = int | float

_OPERATORS: dict[type[ast.operator], Callable[[Num, Num], Num]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_CONSTANTS: dict[str, Num] = {"pi": math.pi, "e": math.e}
_REWRITES: tuple[tuple[str, str], ...] = (
    (r"[$€£]", ""),
    (r"[−–]", "-"),
    (r"[×·∗]", "*"),
    (r"÷", "/"),
    (r"\^", "**"),
    (r"²", "**2"),
    (r"³", "**3"),
    (r"°", "*pi/180"),
    (r"√\s*(\d+(?:\.\d+)?|(?=\())", r"sqrt(\1)"),
    (r"sqrt\(\)\(", "sqrt("),
    (r"(?<=[\d)%])\s*[xX]\s*(?=[\d(.+-]|[a-z]+\()", "*"),
    (r"(\d+(?:\.\d+)?)\s*%\s*of\b", r"(\1/100)*"),
    (r"(\d+(?:\.\d+)?)\s*%(?=\s*(?:$|[)+*/,-]))", r"percent(\1)"),
    (r"(?<=[\d)])\s*\(", "*("),
    (r"(?<![\d.])0+(?=\d)", ""),
    (r"[\s=?]+$", ""),
)
"""What people write -> what Python's grammar reads, in this order."""


@skill(examples=["what is 15% of 80?", "add up 12.50 and 7.99", "3 x 24"])
def calculate(expression: Expression) -> Number:
    """Calculate arithmetic: sums, totals, percent, powers, roots, sin, log, rounding.

    Understands + - * / // % ** and parentheses, "x", "×", "÷", "^", thousands commas, "15% of 80", "80 + 15%"
    (92) and sqrt, abs, round, min, max, sin, cos, tan (radians, or "°"), log(x, base?), exp, pi, e. Whole numbers
    stay exact. Raises SkillError that names what cannot be calculated and why.
    """
    if len(expression) > LONGEST:
        raise SkillError(
            f"the expression has {len(expression)} characters, at most {LONGEST} are read; calculate it in parts"
        )
    try:
        tree = ast.parse(_python(expression), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SkillError(
            f"{expression!r} is no arithmetic; write it like '(12.5 + 3) * 4', decimals with a point"
        ) from None
    try:
        return Number(value=_value(tree.body, 0))
    except ZeroDivisionError:
        raise SkillError(f"{expression!r} divides by zero; change the divisor") from None
    except (OverflowError, ValueError) as error:
        raise SkillError(f"{expression!r} cannot be calculated: {error}") from None


def _python(expression: str) -> str:
    """Rewrite what people write into what Python's grammar reads."""
    written = _without_thousands(expression.strip().lower())
    for pattern, replacement in _REWRITES:
        written = re.sub(pattern, replacement, written)
    return written


def _without_thousands(written: str) -> str:
    """Drop thousands commas; inside a function of several arguments a comma separates them and stays."""
    kept: list[str] = []
    calls: list[bool] = []
    for at, char in enumerate(written):
        if char == "(":
            calls.append(bool(re.search(r"(min|max|log|round)\s*$", written[:at])))
        elif char == ")" and calls:
            calls.pop()
        thousands = re.match(r",\d{3}(?!\d)", written[at:]) and written[at - 1 : at].isdigit()
        if not (thousands and not any(calls)):
            kept.append(char)
    return "".join(kept)


def _value(node: ast.AST, depth: int) -> Num:
    """Calculate one node of the tree; raises SkillError for anything but arithmetic."""
    if depth > DEEPEST:
        raise SkillError(f"the expression is nested deeper than {DEEPEST}; calculate it in parts")
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return _checked(node.value)
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return _CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        value = _value(node.operand, depth + 1)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _binary(node, depth)
    if isinstance(node, ast.Call):
        return _call(node, depth)
    raise SkillError(f"{ast.unparse(node)!r} is no arithmetic; expected numbers and + - * / ** ( )")


def _binary(node: ast.BinOp, depth: int) -> Num:
    left, right = _value(node.left, depth + 1), _value(node.right, depth + 1)
    if isinstance(node.op, ast.Add | ast.Sub) and _is_percent(node.right):
        right = left * right
    if isinstance(node.op, ast.Div):
        exact = isinstance(left, int) and isinstance(right, int) and right and left % right == 0
        return _checked(left // right if exact else left / right)
    if isinstance(node.op, ast.Pow):
        return _power(left, right)
    if type(node.op) not in _OPERATORS:
        raise SkillError(f"{ast.unparse(node)!r} uses an operator that is no arithmetic")
    return _checked(_OPERATORS[type(node.op)](left, right))


def _is_percent(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "percent"


def _power(base: Num, exponent: Num) -> Num:
    if isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1:
        bits = base.bit_length() * abs(exponent)
        if bits > MOST_BITS:
            raise SkillError(f"{base}**{exponent} is too large to calculate; use a smaller exponent")
    result = base**exponent
    if isinstance(result, complex):
        raise SkillError(f"({base})**{exponent} has no real value; use a base that is not negative")
    return _checked(result)


def _call(node: ast.Call, depth: int) -> Num:
    functions = _functions()
    name = ast.unparse(node.func)
    if name not in functions or node.keywords:
        known = ", ".join(sorted(set(functions) - {"percent"}))
        raise SkillError(f"{name!r} is no known function; there is {known}")
    values = [_value(argument, depth + 1) for argument in node.args]
    try:
        return _checked(functions[name](*values))
    except TypeError:
        raise SkillError(f"{name!r} cannot take {len(values)} arguments like that") from None


def _functions() -> dict[str, Callable[..., Num]]:
    return {
        "sqrt": _root,
        "abs": abs,
        "round": _round,
        "min": lambda *items: min(items),
        "max": lambda *items: max(items),
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "log": math.log,
        "exp": math.exp,
        "percent": lambda x: x / 100,
    }


def _root(value: Num) -> Num:
    if isinstance(value, int) and value >= 0 and math.isqrt(value) ** 2 == value:
        return math.isqrt(value)
    return math.sqrt(value)


def _round(value: Num, digits: int = 0) -> Num:
    if abs(digits) > MOST_BITS:
        raise OverflowError(f"round takes at most {MOST_BITS} digits")
    return round(value, digits) if digits else round(value)


def _checked(value: Num) -> Num:
    """Return the value where it can be shown; raises OverflowError for infinity and endless integers."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise OverflowError("the result is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError("the result is too large")
    return value
