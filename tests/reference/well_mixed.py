"""The rules of the default tissue without space: what the engine must approach when everything mixes.

Ordinary differential equations for the mean of every cell variable, the number of cells per volume, the
concentrations and the cells that wait in the CSF, written out by hand.  Every number is read from the
scenario, so a change of the library changes both sides; the structure of the rules is repeated here on
purpose.  Units as inside the engine: minutes, um, pg/ml, fg.

What is exact: cells of a type that sense the same carry the same values, so means follow the equations of
one cell.  What is not: numbers of cells are means, and a mean of a nonlinear response is not the response
of the mean; both vanish with many cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

from abm.compile.fields import decay_rate
from abm.scenario.schema.responses import Response
from abm.scenario.schema.scenario import Scenario

FG = 1e-9  # fg in 1 um^3 at 1 pg/ml

# The unknowns, in order; cells of a type as number per um^3.
CYTOKINES = ("IL-1b", "TNF-a", "IL-10", "TGF-b1", "IFN-g")
CELLS = ("microglia", "t_cell", "msc_naive", "msc_primed", "activation", "late", "reactivity", "fast", "slow")
CSF = ("csf_TGF-b1", "csf_IL-10", "csf_homing", "csf_pool")
NAMES = (*CELLS, *CSF, *CYTOKINES)


def hill(signal: float, half_max: float, power: float = 1.0) -> float:
    """s^n / (s^n + h^n)."""
    ratio = (max(signal, 0.0) / half_max) ** power
    return ratio / (1.0 + ratio)


def half_max(response: Response, signal: str) -> float:
    """Half-max of the only term of a response that reads a signal."""
    (found,) = {float(term.half_max) for _, _, term in response.terms() if term.signal == signal}
    return found


def amount(response: Response, signal: str) -> float:
    """Height of the added term of a signal."""
    (found,) = [float(term.amount) for term in response.adds if term.signal == signal]
    return found


def scale(response: Response, signal: str, key: str) -> float:
    """`per` or `limit` of the only term that reads a signal."""
    (found,) = [float(getattr(term, key)) for _, _, term in response.terms() if term.signal == signal]
    return found


@dataclass(frozen=True)
class Course:
    """Time courses of a run; every array is (n,)."""

    day: np.ndarray
    values: dict[str, np.ndarray]

    def at(self, name: str, day: float) -> float:
        """Value at a day, linear in between."""
        return float(np.interp(day, self.day, self.values[name]))


class WellMixed:
    """The equations of one arm.

    Parameters
    ----------
    scenario : Scenario
        `tests/data/well_mixed.yaml` or a variant of it.
    exchange : float [1/min]
        Rate at which the tissue would fill from the CSF: area x permeability / volume.
    """

    def __init__(self, scenario: Scenario, exchange: float) -> None:
        self.s, self.exchange = scenario, exchange
        self.alpha = float(scenario.tissue.extracellular_fraction)
        self.naive = {name: float(kind.density) for name, kind in scenario.cell_types.items()}
        self.decay = {c: decay_rate(float(scenario.cytokines[c].half_life)) for c in CYTOKINES}
        self.base = {c: float(scenario.cytokines[c].baseline) for c in CYTOKINES}
        csf = scenario.compartments["csf"]
        self.csf_volume, self.csf_clearance = float(csf.volume), decay_rate(float(csf.half_life))
        self.waiting = scenario.cell_types["msc"].compartments["csf"]
        self.represents = float(scenario.domain.represents)

    # ------------------------------------------------------------------------------- the equations

    def drive(self, name: str, t: float) -> float:
        """Drive of the injuries; the whole tissue is the site."""
        total = 0.0
        for injury in self.s.injuries:
            course = self.s.injury_kinds[injury.kind].drives.get(name)
            if course is None or t < injury.at:
                continue
            since = t - float(injury.at)
            rise = 1.0 - math.exp(-since / course.rise) if course.rise else 1.0
            decay = math.exp(-since / course.decay) if course.decay else 1.0
            off = 1.0 / (1.0 + math.exp((since - course.off) / course.off_width)) if course.off_width else 1.0
            total += float(course.amplitude) * rise * decay * off
        return total

    def rates(self, t: float, y: np.ndarray) -> np.ndarray:
        """Time derivative of all unknowns [1/min]."""
        v = dict(zip(NAMES, y, strict=True))
        acute, chronic = self.drive("acute", t), self.drive("chronic", t)
        x = {c: max(v[c] - self.base[c], 0.0) for c in CYTOKINES}
        change = {
            **self._microglia(v, x, acute, chronic),
            **self._astrocytes(v, x),
            **self._t_cells(v),
            **self._neurons(v, x, chronic),
            **self._stromal_cells(v, chronic),
            **self._cytokines(v),
        }
        return np.array([change[name] for name in NAMES])

    def _microglia(self, v: dict, x: dict, acute: float, chronic: float) -> dict[str, float]:
        kind = self.s.cell_types["microglia"]
        activation, late = kind.variables["activation"], kind.variables["late_programme"]
        rule = activation.target
        stimulus = acute / half_max(rule, "acute drive") + chronic / half_max(rule, "chronic drive")
        stimulus += sum(x[c] / half_max(rule, f"excess {c}") for c in ("IL-1b", "TNF-a", "IFN-g"))
        brake = 1.0 + sum(x[c] / half_max(rule, f"excess {c}") for c in ("TGF-b1", "IL-10"))
        p = float(rule.joint_power)
        target = stimulus**p / (stimulus**p + brake**p)
        a, m = v["activation"], v["microglia"] / self.naive["microglia"]
        division = kind.behaviours["division"]
        cap = scale(division, "relative density of microglia", "limit")
        born = float(division.base) * acute * a * max(1.0 - m / cap, 0.0)
        removed = float(kind.behaviours["clearance"].base) * max(1.0 - 1.0 / m, 0.0)
        return {
            "activation": (target - a) / float(activation.rise if target > a else activation.fall),
            # A daughter inherits what its mother carries, so division leaves the means alone.
            "late": (a - v["late"]) / float(late.time_constant),
            "microglia": (born - removed) * v["microglia"],
        }

    def _astrocytes(self, v: dict, x: dict) -> dict[str, float]:
        reactivity = self.s.cell_types["astrocyte"].variables["reactivity"]
        rule = reactivity.gain
        stimulus = sum(x[c] / half_max(rule, f"excess {c}") for c in ("IL-1b", "TNF-a", "IFN-g"))
        stimulus **= float(rule.joint_power)
        gain = float(rule.increases[0].to) * stimulus / (1.0 + stimulus)
        gain /= 1.0 + x["TGF-b1"] / half_max(rule, "excess TGF-b1")
        return {"reactivity": gain * (1.0 - v["reactivity"]) - v["reactivity"] / float(reactivity.loss_time)}

    def _t_cells(self, v: dict) -> dict[str, float]:
        behaviours = self.s.cell_types["t_cell"].behaviours
        arrival = behaviours["arrival"]
        load = v["microglia"] * v["activation"] / self.naive["microglia"]
        (chemokine,) = [f for f in arrival.times if f.signal == "activation load of microglia"]
        room = 1.0 - v["t_cell"] / scale(arrival, "density of t_cell", "limit")
        enter = float(arrival.base) * hill(load, float(chemokine.half_max), float(chemokine.hill_power))
        return {"t_cell": enter * max(room, 0.0) - float(behaviours["clearance"].base) * v["t_cell"]}

    def _neurons(self, v: dict, x: dict, chronic: float) -> dict[str, float]:
        variables = self.s.cell_types["neuron"].variables
        fast, slow = variables["fast"], variables["slow"]
        target = amount(fast.target, "chronic drive") * chronic
        for c in ("IL-1b", "TNF-a"):
            (term,) = [t for t in fast.target.adds if t.signal == f"excess {c}"]
            target += float(term.amount) * hill(x[c], float(term.half_max), float(term.hill_power))
        gain = amount(slow.gain, "own gated_drive") * v["fast"] * self.gate(v["TGF-b1"])
        gain += amount(slow.gain, "mean reactivity of astrocyte") * v["reactivity"]
        return {
            "fast": (target - v["fast"]) / float(fast.time_constant),
            "slow": gain * (1.0 - v["slow"]) - v["slow"] / float(slow.loss_time),
        }

    def gate(self, tgf: float) -> float:
        """Share of nociception that TGF-b1 lets pass; 1 at the baseline."""
        (term,) = self.s.cell_types["neuron"].variables["gate"].equals.decreases
        rest, now = (
            hill(c, float(term.half_max), float(term.hill_power)) for c in (self.base["TGF-b1"], tgf)
        )
        return 1.0 - (1.0 - float(term.to)) * max(now - rest, 0.0) / (1.0 - rest)

    def _stromal_cells(self, v: dict, chronic: float) -> dict[str, float]:
        behaviours = self.s.cell_types["msc"].behaviours
        prime_rule = behaviours["transition to primed"]
        prime = amount(prime_rule, "TNF-a") * v["TNF-a"] / scale(prime_rule, "TNF-a", "per")
        back, gone = (float(behaviours[b].base) for b in ("transition to naive", "clearance"))
        entry = self.waiting.behaviours["entry"]
        enter = float(entry.base) + amount(entry, "chronic drive") * chronic
        naive, primed = v["msc_naive"], v["msc_primed"]
        lost = 1.0 / float(self.waiting.lifetime)
        return {
            # In cells of the animal: those that can home, and those that cannot.
            "csf_homing": -(enter + lost) * v["csf_homing"],
            "csf_pool": -lost * v["csf_pool"],
            "msc_naive": enter * v["csf_homing"] / self.represents + back * primed - (prime + gone) * naive,
            "msc_primed": prime * naive - (back + gone) * primed,
        }

    # ------------------------------------------------------------------------------------ cytokines

    def release(self, response: Response, v: dict) -> float:
        """Base of a secretion, divided by what inhibits it."""
        inhibition = sum(v[d.signal] / float(d.half_max) for d in response.divided_by)
        return float(response.base) / (1.0 + inhibition)

    def _cytokines(self, v: dict) -> dict[str, float]:
        types = self.s.cell_types
        glia, astro, t_cell, msc = (types[k].behaviours for k in ("microglia", "astrocyte", "t_cell", "msc"))
        active = v["microglia"] * v["activation"]
        reactive = self.naive["astrocyte"] * v["reactivity"]
        stromal = v["msc_naive"] + v["msc_primed"]
        secreted = {c: active * self.release(glia[f"secretion of {c}"], v) for c in ("IL-1b", "TNF-a")}
        for c in ("IL-1b", "TNF-a"):
            secreted[c] += reactive * self.release(astro[f"secretion of {c}"], v)
        secreted["TNF-a"] += v["t_cell"] * self.release(t_cell["secretion of TNF-a"], v)
        secreted["IFN-g"] = v["t_cell"] * self.release(t_cell["secretion of IFN-g"], v)
        secreted["IL-10"] = v["microglia"] * v["late"] * self.release(glia["secretion of IL-10"], v)
        secreted["IL-10"] += stromal * self.release(msc["secretion of IL-10"], v)
        tgf = msc["secretion of TGF-b1"]
        secreted["TGF-b1"] = stromal * float(tgf.base) + v["msc_primed"] * amount(tgf, "phenotype primed")

        (fall,) = self.s.tissue.behaviours["production of TGF-b1"].decreases
        production = dict.fromkeys(CYTOKINES, 1.0)
        production["TGF-b1"] += (float(fall.to) - 1.0) * min(v["activation"] / float(fall.full), 1.0)
        change = {}
        for c in CYTOKINES:
            csf = v.get(f"csf_{c}", self.base[c])
            change[c] = self.decay[c] * (self.base[c] * production[c] - v[c])
            change[c] += secreted[c] / (self.alpha * FG) + self.exchange * (csf - v[c])
        waiting = self.waiting.behaviours
        alive = v["csf_homing"] + v["csf_pool"]
        for c in ("TGF-b1", "IL-10"):
            rule = waiting[f"secretion of {c}"]
            each = float(rule.base) + sum(
                float(a.amount) * hill(v[a.signal], float(a.half_max)) for a in rule.adds
            )
            change[f"csf_{c}"] = self.csf_clearance * (self.base[c] - v[f"csf_{c}"])
            change[f"csf_{c}"] += alive * each / (self.csf_volume * FG)
        return change

    # ---------------------------------------------------------------------------------------- a run

    def run(self, days: float) -> Course:
        """Integrate from naive tissue; doses are jumps."""
        end, doses = days * 1440.0, self._doses()
        y = np.array([self._naive(name) for name in NAMES])
        stops = sorted({0.0, end, *(t for t in doses if t < end)})
        times, found = [], []
        for start, stop in pairwise(stops):
            y = y + doses.get(start, 0.0)
            piece = solve_ivp(self.rates, (start, stop), y, "LSODA", rtol=1e-7, atol=1e-13, max_step=360.0)
            y = piece.y[:, -1]
            times.append(piece.t)
            found.append(piece.y)
        values = dict(zip(NAMES, np.concatenate(found, axis=1), strict=True))
        return Course(np.concatenate(times) / 1440.0, {**values, **self._read_out(values)})

    def _naive(self, name: str) -> float:
        """Value of an unknown in naive tissue."""
        if name in ("microglia", "t_cell"):
            return self.naive[name]
        return self.base.get(name.removeprefix("csf_"), 0.0)

    def _doses(self) -> dict[float, np.ndarray]:
        """Jump of the unknowns at the time of each dose."""
        jumps: dict[float, np.ndarray] = {}
        for given in self.s.interventions:
            cells, protein = given.inject_cells, given.infuse
            for t in (cells or protein).times:
                jump = jumps.setdefault(float(t), np.zeros(len(NAMES)))
                if cells is not None:
                    homing = float(self.waiting.homing_fraction)
                    living = float(cells.dose) * float(cells.viability)
                    jump[NAMES.index("csf_homing")] += living * homing
                    jump[NAMES.index("csf_pool")] += living * (1.0 - homing)
                else:
                    active = float(self.s.cytokines[protein.cytokine].active_fraction)
                    level = float(protein.dose) * active / (self.csf_volume * FG)
                    jump[NAMES.index(f"csf_{protein.cytokine}")] += level
        return jumps

    def _read_out(self, v: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a laboratory would see: withdrawal threshold and folds over naive tissue."""
        types, threshold = self.s.cell_types, self.s.readout.withdrawal_threshold
        weights = types["neuron"].variables["nociception"].equals
        gate = np.array([self.gate(c) for c in v["TGF-b1"]])
        pain = (amount(weights, "own fast") * v["fast"] + amount(weights, "own slow") * v["slow"]) * gate
        floor, power = float(threshold.floor), float(threshold.power)
        relative = floor + (1.0 - floor) / (1.0 + (pain / float(threshold.half_signal)) ** power)
        return {
            "threshold": relative,
            "microglia_fold": v["microglia"] / self.naive["microglia"],
            "il1_fold": v["IL-1b"] / self.base["IL-1b"],
            "tnf_fold": v["TNF-a"] / self.base["TNF-a"],
            "msc": v["msc_naive"] + v["msc_primed"],
            "csf_cells": v["csf_homing"] + v["csf_pool"],
        }
