"""The ranking of ablations as text and as rows of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator

from abm.analysis.ablation import RELIEF, UNIT, Effect, Ranking
from abm.analysis.tables import Table, interval_text

MANY = 20  # rows from which chance is worth a remark


def ranking_table(ranking: Ranking, rows: int = 20) -> Table:
    """The largest effects as text, one column for each outcome shown."""
    head = ["", "switched off", *(f"{o.name} [{UNIT}]" for o in ranking.shown)]
    body = [["", "nothing: intact", *(interval_text(ranking.intact[o]) for o in ranking.shown)]]
    body += [
        [str(rank), row.name, *(_cell(row.on(outcome)) for outcome in ranking.shown)]
        for rank, row in enumerate(ranking.rows[:rows], 1)
    ]
    n = max((int(ranking.intact[o].n) for o in ranking.shown), default=0)
    notes = [
        f"Pain: {ranking.meaning}. First line: intact; below it changes, paired by "
        f"replicate, mean ± half of the 95 % interval over {n} replicates (Student's t).",
    ]
    if len(ranking.rows) > rows:
        notes.append(f"{len(ranking.rows) - rows} smaller ones are in ablation.csv.")
    if n < 2:
        notes.append("One replicate has no interval: --replicates 4 or more gives one.")
    elif len(ranking.rows) > MANY:
        expected = 0.05 * len(ranking.rows)
        notes.append(f"Of {len(ranking.rows)} intervals about {expected:.0f} miss the truth by chance.")
    return Table(head, body, "><" + ">" * len(ranking.shown), notes)


def _cell(effect: Effect) -> str:
    """Change and, for relief, what is left of it."""
    if not effect.change.n:
        return "–"
    mean = float(effect.change.mean)
    text = "0" if mean == 0.0 else interval_text(effect.change)
    sign = "+" if mean > 0.0 else ""
    told = effect.outcome.kind == RELIEF and effect.intact != 0.0
    share = f" ({100.0 * effect.left:.0f} % left)" if told else ""
    return f"{sign}{text}{share}".replace("-", "−")


CSV_COLUMNS = (
    *("rank", "switched_off", "kind", "outcome", "arm", "vehicle", "intact_mean_d", "ablated_mean_d"),
    *(
        "change_mean_d",
        "change_low_d",
        "change_high_d",
        "replicates",
        "share_left",
        "by_construction",
        "same_as",
    ),
)


def csv_rows(ranking: Ranking) -> Iterator[tuple[str, ...]]:
    """Every effect on every outcome, one row each, in the order of `CSV_COLUMNS`."""
    for rank, row in enumerate(ranking.rows, 1):
        for effect in row.effects:
            outcome, change = effect.outcome, effect.change
            numbers = (effect.intact, effect.ablated, change.mean, change.low, change.high)
            yield (
                *(str(rank), row.name, row.kind, outcome.name, outcome.arm, outcome.vehicle),
                *(_plain(float(x)) for x in numbers),
                *(str(int(change.n)), _plain(effect.left), effect.note, "; ".join(row.same_as)),
            )


def _plain(value: float) -> str:
    return "" if value != value else repr(value)
