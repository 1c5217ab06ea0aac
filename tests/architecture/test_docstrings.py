"""Everything public says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "abm").rglob("*.py"))


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Names of the public functions, classes and methods without a docstring; the module itself is ''."""
    if ast.get_docstring(tree) is None:
        yield ""

    def walk(node: ast.AST, prefix: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from walk(child, prefix) if isinstance(child, ast.If | ast.Try) else ()
                continue
            if child.name.startswith("_"):
                continue
            if ast.get_docstring(child) is None and not is_overload(child):
                yield prefix + child.name
            if isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")

    yield from walk(tree, "")


def is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Variants of a signature and setters share the docstring of their fellow."""
    return any(
        (isinstance(mark, ast.Name) and mark.id == "overload")
        or (isinstance(mark, ast.Attribute) and mark.attr in {"setter", "deleter", "overload"})
        for mark in node.decorator_list
    )


def test_everything_public_has_a_docstring() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name or 'the module'}"
        for path in SOURCES
        for name in undocumented(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert len(SOURCES) > 3
    assert missing == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""M."""\ndef f():\n    """F."""\n', []),
        ("def f():\n    return 1\n", ["", "f"]),
        ('"""M."""\nif True:\n    def f(): ...\n', ["f"]),
        ('"""M."""\nclass C:\n    """C."""\n    def m(self): ...\n    def _p(self): ...\n', ["C.m"]),
        ('"""M."""\nclass C:\n    """C."""\n    @x.setter\n    def x(self, v): ...\n', []),
    ],
)
def test_finder(source: str, expected: list[str]) -> None:
    assert list(undocumented(ast.parse(source))) == expected
