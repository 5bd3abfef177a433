"""Who may import whom, what may be imported only where it is used, and what `import agent, skills` costs."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ALLOWED = {
    "skills": set(),
    "agent": {"skills"},
    "tool_data": {"agent", "skills"},
    "training": {"tool_data", "agent", "skills"},
    "demo": {"agent", "skills"},
}
HEAVY = {
    "torch", "transformers", "diffusers", "segment_anything", "groundingdino", "gradio", "langchain_core", "cv2",
    "rapidocr", "bm25s", "datasets", "pyarrow", "onnxruntime", "torchvision", "accelerate", "timm", "scipy",
}  # fmt: skip
MODULES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield (top-level name, line) of every absolute import below a node; relative ones stay in the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0], node.lineno


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, without those for type checkers only."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(ALLOWED)


@pytest.mark.parametrize("package", ALLOWED)
def test_each_package_imports_only_what_lies_below_it(package: str) -> None:
    forbidden = {*ALLOWED, "tests", "examples", "benchmarks"} - ALLOWED[package]
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name, line in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name in forbidden
    ]
    assert found == [], "inside a package imports are relative; across, only downwards"


def test_heavy_packages_are_imported_only_where_they_are_used() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "training"
        for node in at_import(ast.parse(path.read_text(encoding="utf-8")))
        for name, line in imported(node)
        if name in HEAVY
    ]
    assert found == []


def test_importing_agent_and_skills_is_quick_and_loads_nothing_heavy() -> None:
    program = (
        "import json, sys, time; began = time.process_time(); import agent, skills; took = time.process_time() - began;"
        "print(json.dumps([took, sorted({name.split('.')[0] for name in sys.modules})]))"
    )
    runs: list[tuple[float, list[str]]] = []
    for _ in range(5):
        run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, timeout=60)
        runs.append(json.loads(run.stdout))
    assert HEAVY & set(runs[0][1]) == set()
    assert min(took for took, _ in runs) < 0.5


@pytest.mark.parametrize("package", ALLOWED)
def test_each_package_lies_in_this_checkout(package: str) -> None:
    module = __import__(package)
    assert Path(str(module.__file__)).resolve().parent == (ROOT / package).resolve()


def test_every_module_starts_with_what_it_is_for() -> None:
    bare = [str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert bare == []
