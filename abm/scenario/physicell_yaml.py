"""Rules files written out as YAML: the responses that they become, to be changed one by one."""

from __future__ import annotations

from abm.scenario.emit import emit
from abm.scenario.load import Experiment, load_experiment_text
from abm.scenario.merge import APPEND, merge, settled
from abm.scenario.nodes import MapNode, Mark, Node, Origin, ScalarNode, find, plain
from abm.scenario.physicell import with_rules
from abm.scenario.physicell_translate import KEY
from abm.scenario.schema.scenario import FILE_KEYS, SCHEMA_VERSION

_NOWHERE = Mark(Origin(""))
_NULL = ScalarNode(None, "null", _NOWHERE)
#: Keys of a cell type under which rules stand.
_SECTIONS = ("behaviours", "variables")


def rules_as_yaml(experiment: Experiment, file: str) -> str:
    """A scenario file that extends another one and has its rules as responses instead of rules files.

    Both make the same experiment.

    Parameters
    ----------
    experiment : Experiment
        Of the other file.
    file : str
        Path of the other file as the new one names it.
    """
    document = experiment.document
    base = _mapping({k: v for k, v in document.entries.items() if k not in FILE_KEYS})
    ruled, _ = with_rules(base, [])
    changed: dict[str, Node] = {KEY: _NULL} if KEY in document.entries else {}
    changed.update(_changes(base, ruled))
    arms = document.entries.get("arms")
    patches: dict[str, Node] = {}
    for name, patch in (arms.entries if isinstance(arms, MapNode) else {}).items():
        if isinstance(patch, MapNode):
            mapping = _mapping(_changes_of_arm(base, ruled, patch))
            patches.update({name: mapping} if mapping.entries else {})
    if patches:
        changed["arms"] = _mapping(patches)
    overlay = _mapping(changed)
    written = merge(document, overlay)
    assert isinstance(written, MapNode)
    again = load_experiment_text(emit(written))
    assert all(again.arms.get(name, again.base) == arm for name, arm in experiment.arms.items()), (
        "rules differ"
    )
    head = {
        "schema_version": ScalarNode(SCHEMA_VERSION, str(SCHEMA_VERSION), _NOWHERE),
        "extends": ScalarNode(file, file, _NOWHERE),
    }
    return emit(_mapping({**head, **changed}))


def has_rules(experiment: Experiment) -> bool:
    """Whether any arm of an experiment names a rules file."""
    arms = experiment.document.entries.get("arms")
    patches = arms.entries.values() if isinstance(arms, MapNode) else ()
    parts = (experiment.document, *patches)
    return any(
        plain(part.entries.get(key, _NULL))
        for part in parts
        for key in (KEY, KEY + APPEND)
        if isinstance(part, MapNode)
    )


def _changes_of_arm(base: MapNode, ruled: MapNode, patch: MapNode) -> dict[str, Node]:
    """What an arm needs so that it has the same responses over written-out rules as over files."""
    wanted, _ = with_rules(_settled(merge(base, patch)), [])
    without_files = _mapping({k: v for k, v in patch.entries.items() if k not in (KEY, KEY + APPEND)})
    got = _settled(merge(ruled, without_files))
    changed = _changes(got, wanted)
    changed.update({key: _NULL for key in (KEY, KEY + APPEND) if key in patch.entries})
    return changed


def _settled(node: Node) -> MapNode:
    done = settled(node)
    assert isinstance(done, MapNode)
    return done


def _changes(old: MapNode, new: MapNode) -> dict[str, Node]:
    """A patch that makes the behaviours and variables of `new` out of those of `old`."""
    cell_types: dict[str, Node] = {}
    for cell_type in _names(new, "cell_types"):
        sections: dict[str, Node] = {}
        for section in _SECTIONS:
            path = ("cell_types", cell_type, section)
            names = dict.fromkeys((*_names(new, *path), *_names(old, *path)))
            entries = {
                name: _over(find(old, (*path, name)), find(new, (*path, name)))
                for name in names
                if _plain(find(old, (*path, name))) != _plain(find(new, (*path, name)))
            }
            if entries:
                sections[section] = _mapping(entries)
        if sections:
            cell_types[cell_type] = _mapping(sections)
    return {"cell_types": _mapping(cell_types)} if cell_types else {}


def _over(old: Node | None, new: Node | None) -> Node:
    """`new` as it has to be written to stand alone when it is laid over `old`."""
    if new is None:
        return _NULL
    if old is None or not isinstance(new, MapNode):
        return new
    laid = merge(old, new)
    left = (k for k in laid.entries if k not in new.entries) if isinstance(laid, MapNode) else ()
    return _mapping({**dict.fromkeys(left, _NULL), **new.entries})


def _plain(node: Node | None) -> object:
    return None if node is None else plain(node)


def _names(document: MapNode, *path: str) -> tuple[str, ...]:
    node = find(document, path)
    return tuple(node.entries) if isinstance(node, MapNode) else ()


def _mapping(entries: dict[str, Node]) -> MapNode:
    return MapNode(entries, dict.fromkeys(entries, _NOWHERE), _NOWHERE)
