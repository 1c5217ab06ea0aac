"""The library's modules: where they are, what they hold, and every value with its provenance.

A module is one YAML file of the package, named as scenarios name it: ``library/cells/msc``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from abm.citations import Source, parse_sources
from abm.errors import LibraryError

PREFIX = "library/"
SOURCES = "library/sources"
#: Folders of data beside the biology, which no scenario extends.
_NOT_MODULES = ("targets",)


@dataclass(frozen=True)
class Module:
    """One module of the library.

    Attributes
    ----------
    name : str
        ``library/cells/msc``.
    title : str
    summary : str
        The comment that opens the file, as one line; may be empty.
    """

    name: str
    title: str
    summary: str


@dataclass(frozen=True)
class CitedValue:
    """One value of the library as it is written, units included.

    Attributes
    ----------
    module : str
    path : tuple of str or int
        Keys and indices from the top of the module.
    value, low, high : str
        As written; low and high are empty when no range is cited.
    kind : str
        measured, fitted, assumed; empty for a value that is structure, not biology.
    source : tuple of str
        Keys of sources.
    note : str
    """

    module: str
    path: tuple[str | int, ...]
    value: str
    low: str = ""
    high: str = ""
    kind: str = ""
    source: tuple[str, ...] = ()
    note: str = ""

    @property
    def dotted(self) -> str:
        """Path as text."""
        return ".".join(str(part) for part in self.path)


def _root() -> Traversable:
    return files("abm.library") / "data"


@lru_cache(maxsize=1)
def module_names() -> tuple[str, ...]:
    """Every module, sorted; ``library/sources`` is the list of sources, not a module."""

    def walk(folder: Traversable, prefix: str) -> Iterator[str]:
        for entry in folder.iterdir():
            if entry.is_dir() and entry.name not in _NOT_MODULES:
                yield from walk(entry, f"{prefix}{entry.name}/")
            elif entry.is_file() and entry.name.endswith(".yaml"):
                yield f"{prefix}{entry.name.removesuffix('.yaml')}"

    return tuple(sorted(name for name in walk(_root(), PREFIX) if name != SOURCES))


def module_text(name: str) -> str:
    """YAML text of a module.

    Raises
    ------
    abm.errors.LibraryError
        If there is no such module; names the nearest one.
    """
    if name not in module_names():
        near = get_close_matches(name, module_names(), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise LibraryError(f"the library has no module '{name}'{hint}; it has {', '.join(module_names())}")
    return _read(name)


def _read(name: str) -> str:
    entry = _root()
    *folders, last = name.removeprefix(PREFIX).split("/")
    for folder in folders:
        entry = entry / folder
    return (entry / f"{last}.yaml").read_text(encoding="utf-8")


def _parse(name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(_read(name))
    return loaded


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """Every source that the library cites, by key."""
    return parse_sources(_parse(SOURCES)["sources"])


def module(name: str) -> Module:
    """Title and opening comment of a module; raises `LibraryError` like `module_text`."""
    opening = []
    for line in module_text(name).splitlines():
        if not line.startswith("#"):
            break
        opening.append(line.lstrip("# ").rstrip())
    return Module(name, str(_parse(name).get("title", "")), " ".join(opening))


def values(name: str) -> list[CitedValue]:
    """Every annotated value of a module in the order of the file; raises like `module_text`."""
    module_text(name)
    return list(_values_in(name, _parse(name), ()))


def _values_in(name: str, node: object, path: tuple[str | int, ...]) -> Iterator[CitedValue]:
    if isinstance(node, dict):
        if "value" in node and not isinstance(node["value"], dict):
            yield _cited(name, node, path)
            return
        for key, below in node.items():
            yield from _values_in(name, below, (*path, key))
    elif isinstance(node, list):
        for i, below in enumerate(node):
            yield from _values_in(name, below, (*path, i))


def _cited(name: str, node: dict[str, Any], path: tuple[str | int, ...]) -> CitedValue:
    source = node.get("source", ())
    return CitedValue(
        module=name,
        path=path,
        value=str(node["value"]),
        low=str(node.get("low", "")),
        high=str(node.get("high", "")),
        kind=str(node.get("kind", "")),
        source=tuple(source) if isinstance(source, list) else (source,) if source else (),
        note=str(node.get("note", "")),
    )
