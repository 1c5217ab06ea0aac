"""Tables and sentences about a calibration."""

from __future__ import annotations

from abm.analysis.tables import Table
from abm.calibrate.calibration import Calibration
from abm.calibrate.identifiability import HELD, Verdict


def summary_lines(calibration: Calibration) -> list[str]:
    """What was fitted to what, and how well, a sentence each."""
    problem, start = calibration.problem, calibration.start_report
    file, report = problem.file, calibration.report
    weights = "" if (problem.weights == 1.0).all() else ", weighted"
    folds = calibration.identifiability
    before = f"{calibration.start.rms:.3g}, {start.met} met" if start is not None else "not simulated"
    noise = folds.noise_share
    known = "unknown with one replicate" if noise != noise else f"{noise:.0%}, taken out"
    return [
        f"{_counted(len(problem.parameters), 'free parameter')}, "
        f"{_counted(len(problem.aims), 'target')}{weights}, "
        f"{_counted(len(problem.plans), 'arm')} x {_counted(problem.replicates, 'replicate')}, "
        f"seed {problem.seed}.",
        f"Method {file.method}: {len(calibration.evaluations)} evaluations; {calibration.stopped}.",
        f"Root mean square of z: {calibration.best.rms:.3g}, {report.met} targets met (start: {before}).",
        f"The data hold {folds.n_held} of {len(problem.parameters)} directions of the parameters; "
        f"noise in JᵀJ: {known}.",
    ]


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def parameter_table(calibration: Calibration) -> Table:
    """One row per parameter: before, fitted, interval, range, how well it is held."""
    found, rows = calibration.identifiability, []
    posterior = calibration.posterior
    spread = None if posterior is None else posterior.covariance.diagonal() ** 0.5
    for i, (parameter, number) in enumerate(
        zip(calibration.problem.parameters, calibration.best.numbers, strict=True)
    ):
        low, high = found.interval(i, parameter, number)
        row = [
            parameter.name,
            parameter.text(parameter.start),
            parameter.text(number),
            f"{low:.3g} to {high:.3g}",
            f"{parameter.low:.3g} to {parameter.high:.3g}",
            f"{found.sd[i] / found.prior_sd[i]:.2f}",
            f"{found.sd_alone[i] / found.prior_sd[i]:.2f}",
        ]
        if spread is not None:
            row.append(f"{spread[i] / found.prior_sd[i]:.2f}")
        rows.append([*row, str(found.verdicts[i])])
    head = ["parameter", "start", "best", "95 % interval", "range", "sd/prior", "alone"]
    head += [*(["sampled"] if spread is not None else []), "verdict"]
    notes = [
        "sd/prior: standard deviation around the best point as a share of the prior's, the other parameters "
        "free; alone: the others known.",
        f"Held: sd/prior up to {HELD:g}; held only in combination: alone up to {HELD:g}.",
        "The interval is that of the linear model around the best point, the tolerances taken as standard "
        "deviations, cut at the range.",
    ]
    if posterior is not None:
        notes.append(
            f"sampled: that of the last of {len(posterior.generations)} generations, root mean square of z "
            f"up to {posterior.generations[-1].threshold:.3g}, {posterior.effective:.0f} effective particles."
        )
    return Table(head, rows, "<" + ">" * (len(head) - 2) + "<", notes)


def verdict_lines(calibration: Calibration) -> list[str]:
    """The plain list: which parameters the data hold, which only in combination, which not."""
    names = [parameter.name for parameter in calibration.problem.parameters]
    verdicts = calibration.identifiability.verdicts
    lines = []
    for verdict in Verdict:
        members = [name for name, its in zip(names, verdicts, strict=True) if its is verdict]
        text = str(verdict)
        lines.append(f"{text[0].upper()}{text[1:]}: {', '.join(members) or 'none'}.")
    return lines


def direction_table(calibration: Calibration) -> Table:
    """One row per eigenvector of JᵀJ: eigenvalue, what is left of the prior along it, members."""
    found = calibration.identifiability
    names = [parameter.name for parameter in calibration.problem.parameters]
    rows = []
    for i, (value, left) in enumerate(zip(found.eigenvalues, found.direction_sd, strict=True)):
        held = "yes" if left <= HELD else "no"
        rows.append([str(i + 1), f"{value:.3g}", f"{left:.2f}", held, found.combination(i, names)])
    notes = [
        "Eigenvectors of JᵀJ, J being the change of √weight · z over the whole range of a parameter. The "
        "data hold a combination, not its members."
    ]
    return Table(["", "eigenvalue", "sd/prior", "held", "combination"], rows, ">>><<", notes)
