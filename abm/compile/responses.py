"""Turn the responses of a scenario into the flat tables that the kernels evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Labels
from abm.compile.modifiers import Changes
from abm.scenario.schema import CellType, Response, Scenario
from abm.scenario.signals import Signal, parse_signal
from abm.scenario.vocabulary import vocabulary_of
from abm.state.kinds import SignalKind
from abm.state.tables import Responses, Role, Shape, Signals, Target

FIELD_SIGNALS = {
    SignalKind.CONCENTRATION,
    SignalKind.EXCESS,
    SignalKind.GRADIENT,
    SignalKind.RELATIVE_GRADIENT,
}
NEIGHBOURHOOD_SIGNALS = {
    SignalKind.DENSITY,
    SignalKind.RELATIVE_DENSITY,
    SignalKind.SURPLUS,
    SignalKind.MEAN,
    SignalKind.LOAD,
}
PLACELESS_SIGNALS = {SignalKind.LEVEL, SignalKind.TIME, SignalKind.DRUG}


@dataclass
class ResponseTables:
    """Grows the tables row by row; `finish` freezes them.

    Parameters
    ----------
    scenario : Scenario
    names : Labels
        Index order of everything a signal may name.
    changes : Changes
        Factors of the interventions; each becomes one more term.
    """

    scenario: Scenario
    names: Labels
    changes: Changes
    rows: list[tuple[float, ...]] = field(default_factory=list)
    terms: list[tuple[float, ...]] = field(default_factory=list)
    term_first: list[int] = field(default_factory=lambda: [0])
    signals: list[tuple[int, int, int]] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    group_first: list[int] = field(default_factory=lambda: [0])
    _sensed_by: str | None = None
    _in_tissue: bool = True

    def __post_init__(self) -> None:
        self.vocabulary = vocabulary_of(self.scenario)

    def close_group(self) -> int:
        """Mark the end of the rows of one cell type or site; returns the index of the group."""
        self.group_first.append(len(self.rows))
        return len(self.group_first) - 2

    def add_site(
        self,
        response: Response,
        factors: Sequence[int] = (),
        sensed_by: str | None = None,
        in_tissue: bool = True,
    ) -> int:
        """Append the response of a site as a group of its own and return the index of the group.

        Parameters
        ----------
        factors : sequence of int
            Modifiers that multiply the value.
        sensed_by : str or None
            Cell type whose changed sensitivities count.
        in_tissue : bool
            False in a compartment, which no region reaches.
        """
        self._in_tissue = in_tissue
        self.add(response, Target.BEHAVIOUR, 0, None, factors, sensed_by)
        self._in_tissue = True
        return self.close_group()

    def add(
        self,
        response: Response,
        target: Target,
        slot: int,
        owner: str | None,
        factors: Sequence[int] = (),
        sensed_by: str | None = None,
    ) -> int:
        """Append one response and return its row.

        Parameters
        ----------
        response : Response
        target : Target
            Where the value goes.
        slot : int
            Column of the behaviours or slot of the variable.
        owner : str or None
            Cell type whose cells evaluate it; None for a place without a cell.
        factors : sequence of int
            Modifiers that multiply the value.
        sensed_by : str or None
            Cell type whose changed sensitivities count; `owner` when omitted.
        """
        self._sensed_by = sensed_by or owner
        joint = float(response.joint_power or 0.0)
        for add in response.adds:
            self._term(Role.ADD, add, owner, amount=float(add.amount))
        for role, terms in (
            (Role.TIMES, response.times),
            (Role.DIVIDE, response.divided_by),
            (Role.BRAKE, response.brakes),
            (Role.INCREASE, response.increases),
            (Role.DECREASE, response.decreases),
        ):
            for term in terms:
                self._term(role, term, owner)
        for m in factors:
            row = self._row(SignalKind.MODIFIER, m, 0)
            self.terms.append((float(Role.TIMES), float(Shape.LINEAR), float(row), 1.0, 1.0, 0.0, 0.0))
        base = float(response.base)
        self.rows.append(
            (
                float(target),
                float(slot),
                base,
                max((float(term.to) for term in response.increases), default=base),
                min((float(term.to) for term in response.decreases), default=base),
                joint,
                self._rest(response.increases, owner, joint),
                self._rest(response.decreases, owner, joint),
            )
        )
        self.term_first.append(len(self.terms))
        return len(self.rows) - 1

    def reads_only_neighbourhood(
        self, response: Response, factors: Sequence[int] = (), sensed_by: str | None = None
    ) -> bool:
        """Whether a response has the same value throughout a neighbourhood block."""
        signals = [parse_signal(term.signal, self.vocabulary) for term in _all_terms(response)]
        used = [*factors, *(m for s in signals for m in self.changes.of_signal(sensed_by, s))]
        if any(self.changes.is_local(m) for m in used):
            return False
        return self._kinds(response) <= NEIGHBOURHOOD_SIGNALS | PLACELESS_SIGNALS

    def senses_tissue(self, response: Response) -> bool:
        """Whether the value of a response depends on the place."""
        return not self._kinds(response) <= PLACELESS_SIGNALS

    def _kinds(self, response: Response) -> set[SignalKind]:
        return {parse_signal(term.signal, self.vocabulary).kind for term in _all_terms(response)}

    def _term(self, role: Role, term: Any, owner: str | None, amount: float = 0.0) -> None:
        shape, scale = _shape_of(term)
        power = float(getattr(term, "hill_power", None) or 1.0)
        rest = self._hill_at_baseline(term, owner) if role is Role.ADD else 0.0
        row = self._signal(parse_signal(term.signal, self.vocabulary.of(owner)), owner)
        self.terms.append((float(role), float(shape), float(row), scale, power, amount, rest))

    def _rest(self, side: Sequence[Any], owner: str | None, joint: float) -> float:
        """Hill value at baseline of the terms of one side that ask for `above_baseline`."""
        total = sum(self._ratio_at_baseline(term, owner) for term in side if term.above_baseline)
        total = total**joint if joint else total
        return total / (1.0 + total)

    def _hill_at_baseline(self, term: Any, owner: str | None) -> float:
        if not getattr(term, "above_baseline", False):
            return 0.0
        ratio = self._ratio_at_baseline(term, owner)
        return ratio / (1.0 + ratio)

    def _ratio_at_baseline(self, term: Any, owner: str | None) -> float:
        signal = parse_signal(term.signal, self.vocabulary.of(owner))
        if signal.kind is not SignalKind.CONCENTRATION or signal.field is None:
            return 0.0
        baseline = float(self.scenario.cytokines[signal.field].baseline)
        return float((baseline / float(term.half_max)) ** float(term.hill_power or 1.0))

    def _signal(self, signal: Signal, owner: str | None) -> int:
        """Row of a signal, with the factors on how the cell senses it."""
        row = self._row(signal.kind, *self._indices(signal, owner))
        for m in self.changes.of_signal(self._sensed_by, signal, self._in_tissue):
            row = self._row(SignalKind.MODIFIED, row, m)
        return row

    def _row(self, kind: SignalKind, first: int, second: int) -> int:
        """Row of the signal table, shared by every term that reads the same."""
        key = (int(kind), first, second)
        if key not in self.signals:
            self.signals.append(key)
        return self.signals.index(key)

    def _indices(self, signal: Signal, owner: str | None) -> tuple[int, int]:
        names, kind = self.names, signal.kind
        if kind in FIELD_SIGNALS:
            return names.cytokines.index(signal.field), 0
        if kind is SignalKind.OWN:
            return self._slot(owner, signal.variable), 0
        if kind is SignalKind.PHENOTYPE:
            return names.phenotypes[names.cell_types.index(owner or "")].index(signal.phenotype), 0
        if kind is SignalKind.CONTACT:
            return names.cell_types.index(signal.cell_type), int(signal.cell_type == owner)
        if kind is SignalKind.CONTACT_LIVE:
            return len(names.cell_types), int(owner is not None)
        if kind is SignalKind.CONTACT_DEAD:
            return len(names.cell_types) + 1, 0
        if kind in (SignalKind.MEAN, SignalKind.LOAD):
            return names.cell_types.index(signal.cell_type), self._pair(signal)
        if kind in (SignalKind.DENSITY, SignalKind.RELATIVE_DENSITY, SignalKind.SURPLUS):
            return names.cell_types.index(signal.cell_type), 0
        if kind is SignalKind.DRIVE:
            return names.drives.index(signal.drive), 0
        if kind is SignalKind.REGION:
            return names.regions.index(signal.region), 0
        if kind is SignalKind.DRUG:
            return names.drugs.index(signal.drug or ""), 0
        if kind is SignalKind.LEVEL:
            return names.cytokines.index(signal.field), names.compartments.index(signal.compartment)
        return 0, 0

    def _slot(self, cell_type: str | None, variable: str | None) -> int:
        return self.names.variables[self.names.cell_types.index(cell_type or "")].index(variable or "")

    def _pair(self, signal: Signal) -> int:
        pair = (
            self.names.cell_types.index(signal.cell_type or ""),
            self._slot(signal.cell_type, signal.variable),
        )
        if pair not in self.pairs:
            self.pairs.append(pair)
        return self.pairs.index(pair)

    def _wanted(self) -> NDArray[np.uint8]:
        """Which group reads which signal, (n_group, n_signal)."""
        wanted = np.zeros((len(self.group_first) - 1, len(self.signals)), np.uint8)
        for group, (low, high) in enumerate(pairwise(self.group_first)):
            for term in self.terms[self.term_first[low] : self.term_first[high]]:
                row = int(term[2])
                wanted[group, row] = 1
                while self.signals[row][0] == SignalKind.MODIFIED:  # and what it scales
                    row = self.signals[row][1]
                    wanted[group, row] = 1
        return wanted

    def finish(self) -> tuple[Responses, Signals]:
        """The frozen tables."""
        rows = np.array(self.rows, np.float64).reshape(-1, 8)
        terms = np.array(self.terms, np.float64).reshape(-1, 7)
        signals = np.array(self.signals, np.int64).reshape(-1, 3)

        def whole(column: Any) -> Any:
            return np.ascontiguousarray(column).astype(np.int64)

        def real(column: Any) -> Any:
            return np.ascontiguousarray(column)

        responses = Responses(
            group_first=np.array(self.group_first, np.int64),
            wanted=self._wanted(),
            target=whole(rows[:, 0]),
            slot=whole(rows[:, 1]),
            base=real(rows[:, 2]),
            up_to=real(rows[:, 3]),
            down_to=real(rows[:, 4]),
            joint_power=real(rows[:, 5]),
            up_rest=real(rows[:, 6]),
            down_rest=real(rows[:, 7]),
            term_first=np.array(self.term_first, np.int64),
            role=whole(terms[:, 0]),
            shape=whole(terms[:, 1]),
            signal=whole(terms[:, 2]),
            scale=real(terms[:, 3]),
            power=real(terms[:, 4]),
            amount=real(terms[:, 5]),
            rest=real(terms[:, 6]),
        )
        return responses, Signals(*(np.ascontiguousarray(signals[:, j]) for j in range(3)))


def _shape_of(term: Any) -> tuple[Shape, float]:
    """Shape of a term and its scale, from which of the keys it gives."""
    for key, shape in (
        ("half_max", Shape.HILL),
        ("full", Shape.FULL),
        ("limit", Shape.LIMIT),
        ("per", Shape.LINEAR),
    ):
        value = getattr(term, key, None)
        if value is not None:
            return shape, float(value)
    return Shape.LINEAR, 1.0


def _all_terms(response: Response) -> Iterable[Any]:
    return (
        *response.adds,
        *response.increases,
        *response.decreases,
        *response.brakes,
        *response.times,
        *response.divided_by,
    )


def variable_order(name: str, cell_type: CellType, tables: ResponseTables) -> list[str]:
    """Variables of a type in the order of evaluation: instant ones first, each after those it reads."""
    instant = {key: v.equals for key, v in cell_type.variables.items() if v.equals is not None}
    sorter: TopologicalSorter[str] = TopologicalSorter({key: set() for key in instant})
    for key, equals in instant.items():
        for term in _all_terms(equals):
            signal = parse_signal(term.signal, tables.vocabulary.of(name))
            if signal.kind is SignalKind.OWN and signal.variable in instant:
                sorter.add(key, signal.variable)
    ordered = list(sorter.static_order())
    return ordered + [key for key in cell_type.variables if key not in ordered]
