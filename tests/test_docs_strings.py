"""Every public function, class, method and field is typed and documented."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("agent", "skills", "tool_data", "training", "demo")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(name: str) -> bool:
    return not name.startswith("_") or name == "__init__"


def problems(path: Path) -> Iterator[str]:
    where = path.relative_to(ROOT)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not ast.get_docstring(tree):
        yield f"{where}: no docstring"
    for node in tree.body:
        yield from (f"{where}:{line} {what}" for line, what in checked(node, owner=""))


def checked(node: ast.stmt, owner: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what is missing) for one definition and, for a class, for its members."""
    if isinstance(node, Function) and public(node.name):
        yield from function(node, owner)
    if isinstance(node, ast.ClassDef) and public(node.name):
        if not ast.get_docstring(node):
            yield node.lineno, f"class {node.name} has no docstring"
        for at, member in enumerate(node.body):
            yield from checked(member, f"{node.name}.")
            if isinstance(member, ast.AnnAssign) and not documented(node.body, at):
                yield member.lineno, f"field {node.name}.{ast.unparse(member.target)} has no docstring"


def documented(body: list[ast.stmt], at: int) -> bool:
    """Return whether a string stands behind a field; private fields need none."""
    target = ast.unparse(body[at].target)  # type: ignore[attr-defined]
    after = body[at + 1] if at + 1 < len(body) else None
    string = (
        isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)
    )
    return target.startswith("_") or string


def function(node: Function, owner: str) -> Iterator[tuple[int, str]]:
    decorators = [ast.unparse(item) for item in node.decorator_list]
    exempt = node.name == "__init__" or any(name.endswith(("overload", ".setter")) for name in decorators)
    if not exempt and not ast.get_docstring(node):
        yield node.lineno, f"{owner}{node.name} has no docstring"
    if node.returns is None:
        yield node.lineno, f"{owner}{node.name} has no return type"
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    for item in args:
        if item is not None and item.annotation is None and item.arg not in ("self", "cls"):
            yield node.lineno, f"{owner}{node.name}: argument {item.arg} has no type"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_definition_is_typed_and_documented(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = [problem for path in files for problem in problems(path)]
    assert found == []


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f(a) -> int:\n    'doc'", "f: argument a has no type"),
        ("def f(a: int):\n    'doc'", "f has no return type"),
        ("def f(a: int) -> int: ...", "f has no docstring"),
        ("class C:\n    'doc'\n    x: int = 0", "field C.x has no docstring"),
        ("class C:\n    x: int = 0\n    'doc'", "class C has no docstring"),
        ("class C:\n    'doc'\n    def m(self) -> int: ...", "C.m has no docstring"),
    ],
)
def test_the_check_finds_what_is_missing(source: str, missing: str) -> None:
    assert missing in [what for node in ast.parse(source).body for _, what in checked(node, "")]
