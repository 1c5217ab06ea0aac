"""Every test can fail, and every mark it carries is a known one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests").rglob("*.py"))

# pytest.raises, np.testing.assert_allclose, benchmark_check.fail ...
CHECKS = ("assert", "raises", "warns", "fail", "deprecated_call")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def called(node: ast.AST) -> set[str]:
    """Last part of the name of everything called below a node."""
    names = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Call):
            function = child.func
            names.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return names


def checks(node: ast.AST) -> bool:
    """Whether something below this node can make a test fail on purpose."""
    has_assert = any(isinstance(child, ast.Assert) for child in ast.walk(node))
    return has_assert or any(name.lstrip("_").startswith(CHECKS) for name in called(node))


def toothless(tree: ast.Module) -> list[str]:
    """Tests in which no check is in sight: a helper that checks is named for it, like ``assert_same``."""
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, Function) and node.name.startswith("test_") and not checks(node)
    ]


def test_every_test_asserts_something() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in FILES
        if (names := toothless(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_a():\n    f()\n", ["test_a"]),
        ("def test_a():\n    assert f()\n", []),
        ("def test_a():\n    with pytest.raises(E):\n        f()\n", []),
        ("def test_a():\n    np.testing.assert_array_equal(a, b)\n", []),
        ("def test_a():\n    assert_same(a, b)\n", []),
        ("def look(x):\n    assert x\ndef test_a():\n    look(1)\n", ["test_a"]),
        ("class TestX:\n    def test_a(self):\n        pass\n", ["test_a"]),
    ],
)
def test_finder(source: str, expected: list[str]) -> None:
    assert toothless(ast.parse(source)) == expected


def test_test_files_are_collected() -> None:
    """A file with tests is called test_*.py: any other name is never run."""
    strays = [
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if not path.name.startswith("test_")
        and any(
            isinstance(node, Function) and node.name.startswith("test_")
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    ]
    assert strays == []
