"""What a planned sweep is: everything a worker needs, in one folder, without the files it was made from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import RequestError
from abm.record.sweep_layout import ID_BYTES, SweepDeclaration
from abm.record.sweep_manifest import MANIFEST, read_manifest, write_manifest
from abm.record.sweep_merge import CaseTable
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Mark, Node, Origin, ScalarNode
from abm.sweep.axes import Axis, Spread
from abm.sweep.design import Design, own_seed
from abm.sweep.expand import Scenarios

SHARDS, INDEX, FILES = "shards", "index.h5", "runs"
BASE, SWEEP = "base.yaml", "sweep.yaml"
_NOWHERE = Mark(Origin(""))


@dataclass(frozen=True)
class Limits:
    """When a run is given up.

    Attributes
    ----------
    seconds : float
        Wall time of one run; infinite when it may take what it takes.
    memory : float [bytes]
        Of one worker; infinite likewise.
    retries : int
        Further attempts after a lost worker or an unexpected error.
    """

    seconds: float = math.inf
    memory: float = math.inf
    retries: int = 1


@dataclass(frozen=True)
class Manifest:
    """A planned sweep.

    Attributes
    ----------
    folder : Path
    title : str
    sweep_text, base_text : str
        The sweep file as it was given; the scenario with its settings, resolved.
    design : Design
    arms : tuple of str
    scenarios : Scenarios
    replicates, seed : int
    shared_noise : bool
        Whether replicates of the same number share their noise in all cases.
    declaration : SweepDeclaration
    files : bool
        Whether every run also leaves a whole result file.
    limits : Limits
    chunk : int
        Runs of one job on a cluster.
    sample : dict
        How axes that are distributions were sampled; empty when none is.
    predicted : dict
        ``seconds`` of one run, ``memory`` of one worker [bytes].
    """

    folder: Path
    title: str
    sweep_text: str
    base_text: str
    design: Design
    arms: tuple[str, ...]
    scenarios: Scenarios
    replicates: int
    seed: int
    shared_noise: bool
    declaration: SweepDeclaration
    files: bool
    limits: Limits
    chunk: int
    sample: Mapping[str, Any]
    predicted: Mapping[str, float]

    @property
    def n_run(self) -> int:
        """Distinct runs: scenarios times replicates."""
        return len(self.scenarios) * self.replicates

    @property
    def n_case(self) -> int:
        """Points times arms times replicates; several cases may be the same run."""
        return len(self.scenarios.of_case) * self.replicates

    @cached_property
    def ids(self) -> NDArray[np.bytes_]:
        """Names of the runs, (n_run,) S16, the replicate fastest."""
        found = bytearray()
        for number, digest in enumerate(map(bytes, self.scenarios.digests)):
            seed = self.seed_of(number * self.replicates).to_bytes(8, "little")
            for replicate in range(self.replicates):
                what = digest + seed + replicate.to_bytes(4, "little")
                found += blake2b(what, digest_size=ID_BYTES).digest()
        return np.frombuffer(bytes(found), f"S{ID_BYTES}")

    def seed_of(self, run: int) -> int:
        """Seed of the experiment that a run belongs to."""
        if self.shared_noise:
            return self.seed
        return own_seed(self.seed, bytes(self.scenarios.digests[run // self.replicates]))

    def where(self, run: int) -> tuple[int, str, int]:
        """Point, arm and replicate of a run."""
        number, replicate = divmod(run, self.replicates)
        return int(self.scenarios.point[number]), self.arms[int(self.scenarios.arm[number])], replicate

    def text_of(self, run: int) -> str:
        """A run in words."""
        point, arm, replicate = self.where(run)
        return f"arm {arm}, {self.design.text(point)}, replicate {replicate}"

    def parameters_of(self, run: int) -> NDArray[np.float64]:
        """Values of a run as tables have them, (n_axis,) float64."""
        values = self.design.values[self.where(run)[0]]
        pairs = zip(self.design.axes, values, strict=True)
        return np.array([float(axis.of_table(np.array([value]))[0]) for axis, value in pairs])

    def run_named(self, name: str) -> int:
        """Number of the run whose name begins with some hexadecimal digits.

        Raises
        ------
        RecordError
            There is none, or more than one.
        """
        found = [i for i, ident in enumerate(self.names) if name and ident.startswith(name.lower())]
        if len(found) != 1:
            how_many = "no run" if not found else f"{len(found)} runs"
            raise RequestError(f"{self.folder}: {how_many} with a name that begins with '{name}'")
        return found[0]

    @cached_property
    def names(self) -> list[str]:
        """Names of the runs in hexadecimal."""
        return [bytes(row).hex() for row in self.ids.view(np.uint8).reshape(-1, ID_BYTES)]

    def cases(self) -> CaseTable:
        """All cases, the replicate fastest, then the arm."""
        replicate = np.tile(np.arange(self.replicates), len(self.scenarios.of_case))
        pairs = np.repeat(np.arange(len(self.scenarios.of_case)), self.replicates)
        point, arm = np.divmod(pairs, len(self.arms))
        columns = dict(zip(self.declaration.parameters, self.design.values.T, strict=True))
        axes = self.design.axes
        return CaseTable(
            ids=self.ids,
            run=self.scenarios.of_case[pairs] * self.replicates + replicate,
            replicate=replicate,
            arm=arm,
            arms=self.arms,
            parameters={
                column: axis.of_table(values)[point]
                for axis, (column, values) in zip(axes, columns.items(), strict=True)
            },
            texts={
                axis.name: [axis.text(i) for i in range(len(axis.nodes))]
                for axis in axes
                if axis.spread is None and axis.numbers is None
            },
        )

    def save(self) -> None:
        """Write the manifest and its two texts into the folder, which exists."""
        kept = {"title": self.title, "arms": self.arms, "replicates": self.replicates, "seed": self.seed}
        plan = {
            **kept,
            "shared_noise": self.shared_noise,
            "files": self.files,
            "limits": asdict(self.limits),
            "chunk": self.chunk,
            "sample": dict(self.sample),
            "predicted": dict(self.predicted),
            "axes": [_axis_as_json(axis) for axis in self.design.axes],
        }
        arrays: dict[str, NDArray[Any]] = {
            "values": self.design.values,
            "digests": self.scenarios.digests,
            "point": self.scenarios.point,
            "arm": self.scenarios.arm,
            "of_case": self.scenarios.of_case,
        }
        texts = {"plan": json.dumps(plan), "declaration": self.declaration.to_json()}
        texts |= {"sweep": self.sweep_text, "base": self.base_text}
        (self.folder / BASE).write_text(self.base_text, encoding="utf-8")
        (self.folder / SWEEP).write_text(self.sweep_text, encoding="utf-8")
        write_manifest(self.folder / MANIFEST, arrays, texts)

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """Read the manifest of a folder.

        Raises
        ------
        RecordError
            There is none.
        """
        folder = Path(folder)
        arrays, texts = read_manifest(folder / MANIFEST)
        plan = json.loads(texts["plan"])
        axes = tuple(_axis_from_json(one) for one in plan["axes"])
        return cls(
            folder=folder,
            title=plan["title"],
            sweep_text=texts["sweep"],
            base_text=texts["base"],
            design=Design(axes, arrays["values"]),
            arms=tuple(plan["arms"]),
            scenarios=Scenarios(arrays["digests"], arrays["point"], arrays["arm"], arrays["of_case"]),
            replicates=plan["replicates"],
            seed=plan["seed"],
            shared_noise=plan["shared_noise"],
            declaration=SweepDeclaration.from_json(texts["declaration"]),
            files=plan["files"],
            limits=Limits(**plan["limits"]),
            chunk=plan["chunk"],
            sample=plan["sample"],
            predicted=plan["predicted"],
        )


def _axis_as_json(axis: Axis) -> dict[str, Any]:
    return {
        "name": axis.name,
        "label": axis.label,
        "paths": axis.paths,
        "unit": axis.unit,
        "nodes": [_node_as_json(node) for node in axis.nodes],
        "numbers": None if axis.numbers is None else axis.numbers.tolist(),
        "spread": None if axis.spread is None else asdict(axis.spread),
    }


def _axis_from_json(given: Mapping[str, Any]) -> Axis:
    spread = given["spread"]
    if spread is not None:
        spread = Spread(**{**spread, "bell": spread["bell"] and tuple(spread["bell"])})
    paths: list[KeyPath] = [tuple(path) for path in given["paths"]]
    return Axis(
        name=given["name"],
        label=given["label"],
        paths=tuple(paths),
        unit=given["unit"],
        mark=_NOWHERE,
        nodes=tuple(_node_from_json(node) for node in given["nodes"]),
        numbers=None if given["numbers"] is None else np.array(given["numbers"]),
        spread=spread,
    )


def _node_as_json(node: Node) -> Any:
    """Leaves keep their text beside their value: 1e5 stays what was written."""
    if isinstance(node, ScalarNode):
        return [node.value, node.text]
    if isinstance(node, ListNode):
        return {"list": [_node_as_json(item) for item in node.items]}
    return {"map": {key: _node_as_json(below) for key, below in node.entries.items()}}


def _node_from_json(given: Any) -> Node:
    if isinstance(given, list):
        return ScalarNode(given[0], given[1], _NOWHERE)
    if "list" in given:
        return ListNode(tuple(_node_from_json(item) for item in given["list"]), _NOWHERE)
    entries = {key: _node_from_json(below) for key, below in given["map"].items()}
    return MapNode(entries, dict.fromkeys(entries, _NOWHERE), _NOWHERE)
