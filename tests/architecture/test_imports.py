"""No cycles, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import grimp
import pytest

HEAVY = ("h5py", "llvmlite", "matplotlib", "mesa", "networkx", "numba", "numpy", "pandas", "scipy")


def in_cycles(imports: Mapping[str, set[str]]) -> set[str]:
    """Modules that lie on a cycle or between two: what is left when every loose end is cut off."""
    left = {module: set(targets) for module, targets in imports.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        loose = {module for module, targets in left.items() if not targets or module not in imported}
        if not loose:
            return set(left)
        left = {module: targets - loose for module, targets in left.items() if module not in loose}


def test_cycle_finder_finds_cycles() -> None:
    tree = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert in_cycles(tree) == set()
    assert in_cycles(tree | {"d": {"a", "e"}, "e": {"f"}, "f": {"e"}}) == {"e", "f"}


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("abm", exclude_type_checking_imports=True, cache_dir=None)
    imports = {
        module: graph.find_modules_directly_imported_by(module) - {module} for module in sorted(graph.modules)
    }
    assert len(imports) > 5
    assert in_cycles(imports) == set()


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("abm", ()),
        ("abm.errors", ()),
        ("abm.cli.main", ()),
        ("abm.kernels", ("numpy", "numba", "llvmlite", "scipy")),  # numba itself looks for scipy
    ],
)
def test_import_is_light(module: str, allowed: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(answer.stdout.split()) <= set(allowed)


def test_help_loads_nothing_heavy() -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "abm", "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "abm.cli.main" in loaded
    assert loaded & set(HEAVY) == set()
    assert "run" in answer.stdout


def test_public_names_are_there() -> None:
    import abm

    for name in abm.__all__:
        assert getattr(abm, name) is not None
    assert dir(abm) == sorted(abm.__all__)


def test_unknown_public_name_is_answered_with_the_known_ones() -> None:
    import abm

    with pytest.raises(AttributeError, match=r"'simulate'; it offers .*load_scenario"):
        abm.simulate  # noqa: B018
