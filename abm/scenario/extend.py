"""Reading a file together with everything it extends."""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path

from abm.errors import Fault, LibraryError
from abm.library.catalogue import PREFIX, module_text
from abm.scenario.form import well_formed
from abm.scenario.merge import merge, settled
from abm.scenario.nodes import ListNode, MapNode, Mark, Node, ScalarNode
from abm.scenario.read import UnreadableError, decode, parse_text, read_bytes
from abm.scenario.schema.scenario import SCHEMA_VERSION, ExperimentFile

MAX_FILES = 100
MAX_IMAGE_BYTES = 2_000_000
DATA_URI = "data:image/png;base64,"
_PNG = b"\x89PNG\r\n\x1a\n"


@lru_cache(maxsize=64)
def _library_nodes(name: str, text: str) -> tuple[MapNode, tuple[Fault, ...]]:
    """Nodes of a library module; parsed once per process and text."""
    faults: list[Fault] = []
    return parse_text(text, f"{name}.yaml", None, faults), tuple(faults)


def _top(document: MapNode) -> MapNode:
    """A document that inherits nothing more; its arms still do, from the rest of it."""
    rest = {key: node for key, node in document.entries.items() if key != "arms"}
    done = settled(MapNode(rest, document.keys, document.mark))
    assert isinstance(done, MapNode)
    if "arms" not in document.entries:
        return done
    arms, mark = document.entries["arms"], document.keys["arms"]
    return MapNode({**done.entries, "arms": arms}, {**done.keys, "arms": mark}, document.mark)


class Loader:
    """Collects files, their order and their faults while one experiment is read.

    Attributes
    ----------
    faults : list of Fault
    names : list of str
        Files in the order in which they were read.
    incomplete : bool
        Something that is extended could not be read.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.names: list[str] = []
        self.incomplete = False
        self._open: list[tuple[str, str]] = []
        self._seen = 0

    def file(self, path: Path, shown: str) -> MapNode:
        """Resolved document of a file; raises `UnreadableError`."""
        text = decode(read_bytes(path, shown), shown)
        return _top(self._within(str(path.resolve()), shown, text, path.parent))

    def text(self, text: str, name: str, folder: Path | None) -> MapNode:
        """Resolved document of a text; raises `UnreadableError`."""
        return _top(self._within(name, name, decode(text.encode("utf-8", "surrogatepass"), name), folder))

    def _within(self, identity: str, shown: str, text: str, folder: Path | None) -> MapNode:
        self.names.append(shown)
        own = parse_text(text, shown, folder, self.faults)
        return self._extended(identity, shown, own)

    def _extended(self, identity: str, shown: str, own: MapNode) -> MapNode:
        """`own` laid over everything it extends."""
        self._check_version(own)
        self._open.append((identity, shown))
        merged: Node = MapNode({}, {}, own.mark)
        for name in self._parents(own):
            parent = self._parent(name)
            if parent is None:
                self.incomplete = True
            else:
                merged = merge(merged, parent)
        self._open.pop()
        entries = {key: node for key, node in own.entries.items() if key != "extends"}
        formed = well_formed(MapNode(entries, own.keys, own.mark), ExperimentFile, self.faults)
        merged = merge(merged, formed)
        assert isinstance(merged, MapNode)
        return MapNode(merged.entries, merged.keys, own.mark)

    def _check_version(self, document: MapNode) -> None:
        version = document.entries.get("schema_version")
        wanted = f"this program reads schema_version {SCHEMA_VERSION}"
        if version is None:
            message = f"'schema_version' is missing; write 'schema_version: {SCHEMA_VERSION}'"
            self.faults.append(Mark(document.mark.origin, 1, 1).fault(message, "schema_version"))
        elif not isinstance(version, ScalarNode) or version.value != SCHEMA_VERSION or version.value is True:
            given = version.text if isinstance(version, ScalarNode) else "a list or mapping"
            self.faults.append(version.mark.fault(f"given '{given}'; {wanted}", "schema_version"))

    def _parents(self, document: MapNode) -> list[ScalarNode]:
        node = document.entries.get("extends")
        if node is None:
            return []
        items: tuple[Node, ...] = node.items if isinstance(node, ListNode) else (node,)
        names = [item for item in items if isinstance(item, ScalarNode) and isinstance(item.value, str)]
        self.faults += [
            item.mark.fault(
                "expected the name of a file or of a library module, e.g. library/dorsal_horn", "extends"
            )
            for item in items
            if item not in names
        ]
        return names

    def _parent(self, name: ScalarNode) -> MapNode | None:
        self._seen += 1
        if self._seen > MAX_FILES:
            raise UnreadableError(name.mark.fault(f"more than {MAX_FILES} files are extended", "extends"))
        try:
            if name.text.startswith(PREFIX):
                return self._library(name)
            return self._neighbour(name)
        except UnreadableError as error:
            # A fault of a file that was named here and cannot be opened is shown here.
            fault = error.fault
            if fault.line == 0:
                fault = name.mark.fault(f"'{name.text}': {fault.message}", "extends")
            self.faults.append(fault)
            return None

    def _library(self, name: ScalarNode) -> MapNode | None:
        module = name.text.removesuffix(".yaml")
        try:
            nodes, faults = _library_nodes(module, module_text(module))
        except LibraryError as error:
            self.faults.append(name.mark.fault(str(error), "extends"))
            return None
        self.faults += faults
        shown = f"{module}.yaml"
        if self._is_open(module, shown, name.mark):
            return None
        if shown not in self.names:
            self.names.append(shown)
        # The title of a module says nothing about the experiment that uses it.
        keys = [key for key in nodes.entries if key != "title"]
        own = MapNode({k: nodes.entries[k] for k in keys}, nodes.keys, nodes.mark)
        return self._extended(module, shown, own)

    def _neighbour(self, name: ScalarNode) -> MapNode | None:
        folder = name.mark.origin.folder
        if folder is None:
            message = f"'{name.text}' cannot be found: this text has no folder of its own"
            raise UnreadableError(name.mark.fault(message, "extends"))
        path = folder / name.text
        shown = str(path)
        if self._is_open(str(path.resolve()), shown, name.mark):
            return None
        return self.file(path, shown)

    def _is_open(self, identity: str, shown: str, mark: Mark) -> bool:
        open_identities = [one for one, _ in self._open]
        if identity not in open_identities:
            return False
        start = open_identities.index(identity)
        circle = " -> ".join([*(name for _, name in self._open[start:]), shown])
        self.faults.append(mark.fault(f"files extend each other in a circle: {circle}", "extends"))
        return True

    def embed_images(self, node: MapNode) -> MapNode:
        """Images become part of the text, so that a stored scenario needs no other file."""
        entries = {key: self._embed(key, below) for key, below in node.entries.items()}
        return MapNode(entries, node.keys, node.mark)

    def _embed(self, key: str, node: Node) -> Node:
        match node:
            case MapNode():
                file = node.entries.get("file")
                if key == "image" and isinstance(file, ScalarNode) and isinstance(file.value, str):
                    return MapNode({**node.entries, "file": self._image(file)}, node.keys, node.mark)
                return self.embed_images(node)
            case ListNode():
                return ListNode(tuple(self._embed("", item) for item in node.items), node.mark)
            case _:
                return node

    def _image(self, node: ScalarNode) -> ScalarNode:
        if node.text.startswith(DATA_URI):
            return node
        try:
            content = _read_image(node)
        except UnreadableError as error:
            self.faults.append(node.mark.fault(f"image '{node.text}': {error.fault.message}"))
            return node
        uri = DATA_URI + base64.b64encode(content).decode("ascii")
        return ScalarNode(uri, uri, node.mark)


def _read_image(node: ScalarNode) -> bytes:
    folder = node.mark.origin.folder
    if folder is None:
        raise UnreadableError(node.mark.fault("cannot be found: this text has no folder of its own"))
    content = read_bytes(folder / node.text, node.text)
    if len(content) > MAX_IMAGE_BYTES:
        raise UnreadableError(
            node.mark.fault(f"has {len(content)} bytes; at most {MAX_IMAGE_BYTES} are read")
        )
    if not content.startswith(_PNG):
        raise UnreadableError(node.mark.fault("is no PNG image"))
    return content
