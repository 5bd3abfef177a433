import math
import time

import pytest

from skills import SkillError
from skills.builtin.calculate import calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * (4 - 1)", 11),
        ("-2 ** 2", -4),
        ("10 // 3", 3),
        ("7 % 3", 1),
        ("84 / 2", 42),
        ("1 / 4", 0.25),
        ("2 ** 100", 2**100),
        ("3 x 24", 72),
        ("3 × 24 ÷ 6", 12),
        ("2^10", 1024),
        ("5² + √16 + √(9 + 7)", 33),
        ("2(3 + 4)", 14),
        ("1,234,567 + 1", 1234568),
        ("max(1,200)", 200),
        ("sqrt(1,600)", 40),
        ("15% of 80", 12),
        ("20% of 1,500", 300),
        ("10%", 0.1),
        ("80 + 15%", 92),
        ("200 - 15%", 170),
        ("100 * (1 + 5%)", 105),
        ("$12.50 + $3.25 =", 15.75),
        ("007 + 1", 8),
        ("min(3, 1, 2) + abs(-5)", 6),
        ("round(2.567, 2)", 2.57),
        ("sin(90°) + cos(0) + tan(0)", 2),
        ("log(8, 2) + log(e) + exp(0)", 5),
        ("2 * PI", 2 * math.pi),
    ],
)
def test_values(expression: str, value: float) -> None:
    assert calculate(expression).value == pytest.approx(value, rel=1e-12)


def test_whole_numbers_stay_exact() -> None:
    assert calculate("3 ** 200 + 1").value == 3**200 + 1
    assert calculate("10 ** 30 / 10 ** 10").value == 10**20
    assert isinstance(calculate("84 / 2").value, int)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "'1 / 0' divides by zero; change the divisor"),
        ("5 % 0", "divides by zero"),
        ("9**9**9", r"9\*\*387420489 is too large to calculate; use a smaller exponent"),
        ("9.0 ** 999", "cannot be calculated"),
        ("1e400", "the result is too large"),
        ("(-8) ** 0.5", r"\(-8\)\*\*0.5 has no real value"),
        ("sqrt(-1)", "cannot be calculated"),
        ("__import__('os')", "'__import__' is no known function; there is abs, cos"),
        ("(1).real", "is no arithmetic; expected numbers"),
        ("a + 1", "'a' is no arithmetic"),
        ("True + 1", "is no arithmetic"),
        ("'a' * 3", "is no arithmetic"),
        ("5 > 3", "is no arithmetic"),
        ("1 << 9999999", "uses an operator that is no arithmetic"),
        ("3,5 + 1", "is no arithmetic"),
        ("sqrt(1, 2)", "'sqrt' cannot take 2 arguments"),
        ("min()", "cannot be calculated"),
        ("round(5, -999999999)", "round takes at most"),
        ("", "'' is no arithmetic; write it like"),
        ("(" * 200 + "1", "is no arithmetic; write it like"),
        ("-" * 100 + "1", "nested deeper than 60"),
        ("1+" * 300 + "1", "has 601 characters, at most 500 are read"),
    ],
)
def test_errors_name_the_reason_at_once(expression: str, reason: str) -> None:
    started = time.monotonic()
    with pytest.raises(SkillError, match=reason):
        calculate(expression)
    assert time.monotonic() - started < 0.5


def test_long_products_end() -> None:
    with pytest.raises(SkillError, match="the result is too large"):
        calculate("*".join(["9**90"] * 20))
