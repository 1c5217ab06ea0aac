"""Which targets of a targets file are fitted to, and with which weight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abm.analysis.target_files import Target, TargetSet, read_targets
from abm.calibrate.schema import Choice, TargetPart
from abm.errors import Fault, ScenarioError
from abm.library.catalogue import PREFIX
from abm.scenario.nodes import MapNode, Mark, listed, nearest, value_mark

_LIBRARY = Path(__file__).resolve().parents[1] / "library" / "data"
MINUTES_PER_DAY = 1440.0


@dataclass(frozen=True)
class Aim:
    """One target that is fitted to.

    Attributes
    ----------
    target : Target
    weight : float
        Factor of its squared deviation in the sum.
    """

    target: Target
    weight: float = 1.0

    @property
    def name(self) -> str:
        """Short unique text, e.g. ``D.1 cci threshold / baseline day 7``."""
        t = self.target
        return " ".join(filter(None, (t.id, t.arm, t.quantity, f"day {t.day:.4g}")))


def target_file(text: str, folder: Path) -> Path:
    """The file that a fit file names: one of the library, or one beside it."""
    if text.startswith(PREFIX):
        return _LIBRARY / f"{text.removeprefix(PREFIX).removesuffix('.yaml')}.yaml"
    return folder / text


def read_target_set(part: TargetPart, folder: Path, mark: Mark, faults: list[Fault]) -> TargetSet | None:
    """The targets file of a fit, or None and its faults."""
    path = target_file(part.file, folder)
    if not path.is_file():
        others = [f"{PREFIX}targets/{p.stem}" for p in sorted((_LIBRARY / "targets").glob("*.yaml"))]
        message = (
            f"no targets file '{part.file}'{nearest(part.file, others)}; in the library: {listed(others)}"
        )
        faults.append(mark.fault(message, "targets.file"))
        return None
    try:
        return read_targets(path)
    except ScenarioError as error:
        faults += error.faults
        return None


def chosen(
    targets: TargetSet,
    choices: Sequence[tuple[int, Choice, MapNode]],
    arms: Iterable[str],
    faults: list[Fault],
) -> list[Aim]:
    """The targets of all choices with their weights, in the order of the file.

    Without choices: every target whose arm is among `arms`, with the weight 1.  A choice that meets no
    target, names what does not exist, or takes a target once more is a fault.

    Parameters
    ----------
    choices : sequence of (int, Choice, MapNode)
        With their places in the list of the fit file.
    """
    arms = list(arms)
    if not choices:
        return [Aim(target) for target in targets.targets if target.arm in arms]
    taken: dict[int, tuple[float, Mark]] = {}
    for i, choice, node in choices:
        where = f"targets.choose.{i}"
        if not _names_exist(choice, node, targets, arms, faults, where):
            continue
        met = [n for n, target in enumerate(targets.targets) if _meets(choice, target) and target.arm in arms]
        if not met:
            faults.append(node.mark.fault("no target meets all of this", where))
        for n in met:
            if n in taken:
                name = Aim(targets.targets[n]).name
                line = taken[n][1].line
                faults.append(node.mark.fault(f"takes '{name}' once more: line {line} has it already", where))
                break
            taken[n] = float(choice.weight), node.mark
    return [Aim(targets.targets[n], taken[n][0]) for n in sorted(taken)]


def _meets(choice: Choice, target: Target) -> bool:
    return (
        choice.id in (None, target.id)
        and choice.arm in (None, target.arm)
        and choice.quantity in (None, target.quantity)
        and (choice.until is None or target.day * MINUTES_PER_DAY <= choice.until * (1.0 + 1e-12))
    )


def _names_exist(
    choice: Choice, node: MapNode, targets: TargetSet, arms: list[str], faults: list[Fault], where: str
) -> bool:
    """Whether everything a choice names exists, in the targets file and among the arms."""
    known = {
        "id": list(dict.fromkeys(target.id for target in targets.targets if target.id)),
        "arm": targets.arms,
        "quantity": list(targets.quantities),
    }
    sound = True
    for key, names in known.items():
        given = getattr(choice, key)
        if given is None:
            continue
        if given not in names:
            message = (
                f"no target has the {key} '{given}'{nearest(given, names)}; there are {listed(names, 24)}"
            )
        elif key == "arm" and given not in arms:
            message = f"the scenario has no arm '{given}'{nearest(given, arms)}; arms: {listed(arms, 24)}"
        else:
            continue
        faults.append(value_mark(node, (key,)).fault(message, f"{where}.{key}"))
        sound = False
    return sound
