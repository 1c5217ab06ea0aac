"""The scenario of one case, and its name, fast: only what a case changes is looked at again.

A case is named by a hash over what its scenario says.  The hash is that of a tree (every part is hashed from
the hashes of its parts), so that a case costs the hashes along the paths that it changes, some tenths of a
millisecond, where writing its text out would cost 15 ms and loading it 80.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from hashlib import blake2b

from abm.errors import Fault
from abm.scenario.check import check
from abm.scenario.load import Experiment, arm_document
from abm.scenario.merge import merge
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Mark, Node, Origin, ScalarNode
from abm.scenario.physicell import with_rules
from abm.scenario.schema.scenario import Scenario
from abm.scenario.settings import put
from abm.scenario.validate import validate

DIGEST_BYTES = 16
#: Keys that change nothing of what is simulated or recorded.
UNNAMED = ("title",)

#: What a case changes: path as `--set` takes it -> value.
Settings = Mapping[KeyPath, Node]


class _Reach(Enum):
    """How a path acts in one arm."""

    NOT = "the arm does not follow it"
    SAME = "at the same place inside the arm"
    WHOLE = "only by laying the arm over the changed file"


class Digests:
    """Hashes of trees of nodes; those of the trees given at first are kept."""

    def __init__(self, *roots: Node) -> None:
        # The node is kept beside its hash, or another one could get its id.
        self._known: dict[int, tuple[Node, bytes]] = {}
        for root in roots:
            self._learn(root)

    def of(self, node: Node) -> bytes:
        """Hash over keys in their order and values; 2 and 2.0 are the same number."""
        known = self._known.get(id(node))
        if known is not None:
            return known[1]
        if isinstance(node, ScalarNode):
            return _hash(_word(node))
        if isinstance(node, ListNode):
            return _hash(b"l" + b"".join(map(self.of, node.items)))
        parts = [part for key, below in node.entries.items() for part in (_key(key), self.of(below))]
        return _hash(b"m" + b"".join(parts))

    def _learn(self, node: Node) -> None:
        if isinstance(node, ScalarNode) or id(node) in self._known:
            return
        for below in node.items if isinstance(node, ListNode) else node.entries.values():
            self._learn(below)
        self._known[id(node)] = node, self.of(node)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def _key(key: str) -> bytes:
    text = key.encode()
    return b"%d:%s" % (len(text), text)


def _word(node: ScalarNode) -> bytes:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        value = float(value)
    return f"{type(value).__name__}:{value!r}".encode()


def scalar(text: str) -> ScalarNode:
    """A value as it is written in a file, without a place in one."""
    from abm.scenario.read import resolve

    return ScalarNode(resolve(text), text, Mark(Origin("")))


class Resolver:
    """Scenarios of an experiment with some values changed, as ``--set`` would change them.

    Parameters
    ----------
    experiment : Experiment
    arms : sequence of str
        Those that are asked for.
    """

    def __init__(self, experiment: Experiment, arms: Sequence[str]) -> None:
        self.experiment = experiment
        self.arms = tuple(arms)
        self._documents = {arm: arm_document(experiment.document, arm) for arm in arms}
        self._digests = Digests(experiment.document, *self._documents.values())
        self._reach: dict[tuple[str, KeyPath], _Reach] = {}

    def learn(self, paths: Mapping[KeyPath, Sequence[Node]]) -> None:
        """Find out how paths act in every arm, by trying some values of each in both ways.

        Paths of which one lies inside another have to be laid over the file every time.

        Parameters
        ----------
        paths : mapping of path to sequence of node
            A few of the values that each will get.

        Raises
        ------
        SettingError
            A path leads nowhere.
        """
        nested = {a for a in paths for b in paths if a != b and _overlap(_inside(a), _inside(b))}
        for arm in self.arms:
            for path, values in paths.items():
                self._reach[arm, path] = self._tried(arm, path, [_PROBE, *values])
                if path in nested and self.follows(arm, path):
                    self._reach[arm, path] = _Reach.WHOLE

    def follows(self, arm: str, path: KeyPath) -> bool:
        """Whether an arm changes with what is at a path."""
        return self._reach[arm, path] is not _Reach.NOT

    def document(self, arm: str, settings: Settings) -> MapNode:
        """What one arm of a case is made from."""
        if any(self._reach.get((arm, path), _Reach.WHOLE) is _Reach.WHOLE for path in settings):
            return self._laid_over(arm, settings)
        document: Node = self._documents[arm]
        for path, value in settings.items():
            if self._reach[arm, path] is _Reach.SAME:
                document = _replaced(document, _inside(path), value)
        assert isinstance(document, MapNode)
        return document

    def digest(self, document: MapNode) -> bytes:
        """Name of a scenario: 16 bytes over everything but its title and the order of its sections."""
        entries = {key: document.entries[key] for key in sorted(document.entries) if key not in UNNAMED}
        return self._digests.of(MapNode(entries, {}, document.mark))

    def _laid_over(self, arm: str, settings: Settings) -> MapNode:
        document = self.experiment.document
        for path, value in settings.items():
            document = put(document, path, value)
        return arm_document(document, arm)

    def _tried(self, arm: str, path: KeyPath, values: Sequence[Node]) -> _Reach:
        before = self._documents[arm]
        whole = [self.digest(self._laid_over(arm, {path: value})) for value in values]
        if all(digest == self.digest(before) for digest in whole):
            return _Reach.NOT
        try:
            inside = [self.digest(_replaced(before, _inside(path), value)) for value in values]
        except LookupError:
            return _Reach.WHOLE
        return _Reach.SAME if inside == whole else _Reach.WHOLE


#: Differs from everything that can be at a place.
_PROBE = ScalarNode("\0", "\0", Mark(Origin("")))


def _inside(path: KeyPath) -> KeyPath:
    """A path of the file as one inside an arm."""
    return path[2:] if path[0] == "arms" else path


def _overlap(a: KeyPath, b: KeyPath) -> bool:
    return a[: len(b)] == b or b[: len(a)] == a


def _replaced(node: Node, path: KeyPath, value: Node) -> MapNode:
    """`put` for a place that exists, without looking at the schema.

    Raises
    ------
    LookupError
        Something is to be added or removed.
    """
    changed = _merged(node, path, value)
    assert isinstance(changed, MapNode)
    return changed


def _merged(node: Node, path: KeyPath, value: Node) -> Node:
    if not path:
        if isinstance(value, ScalarNode) and value.value is None:
            raise LookupError
        return merge(node, value)
    if isinstance(node, MapNode):
        entries = dict(node.entries)
        entries[str(path[0])] = _merged(node.entries[str(path[0])], path[1:], value)
        return MapNode(entries, node.keys, node.mark)
    if isinstance(node, ListNode):
        items = list(node.items)
        items[int(path[0])] = _merged(items[int(path[0])], path[1:], value)
        return ListNode(tuple(items), node.mark)
    raise LookupError


def checked(document: MapNode) -> tuple[Scenario | None, list[Fault]]:
    """The scenario of one arm, checked as ``abm check`` does, or every fault of it.

    Parameters
    ----------
    document : MapNode
        Of :meth:`Resolver.document`.
    """
    faults: list[Fault] = []
    ruled, _ = with_rules(document, faults)
    scenario, found = validate(Scenario, ruled)
    faults += found
    if scenario is not None:
        more, _ = check(scenario, ruled)
        faults += more
    return (None if faults else scenario), faults
