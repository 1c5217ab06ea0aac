// What the three plots show of the runs on the page.

import { byId, fillSelect } from "./dom";
import { cellLooks, cssOf, runLooks, type Shade } from "./colours";
import { codeLabel, runLabel, unitLabel } from "./labels";
import { typeNames } from "./picking";
import { Chart, firstSeries, pick, type Line } from "./series";
import type { Run, Series, Source } from "./source";

const ALL = "";

export class Charts {
  private readonly threshold: Chart;
  private readonly pain: Chart;
  private readonly counts: Chart;
  private readonly of = byId<HTMLSelectElement>("counts-of");
  private readonly loaded = new Map<string, Series>();
  private runs: readonly Run[] = [];
  private shade: Shade = "light";
  private turn = 0;
  /** Whether somebody chose what is counted. */
  private chosen = false;

  constructor(
    private readonly source: Source,
    seek: (time: number) => void,
    private readonly failed: (error: unknown) => void,
  ) {
    this.threshold = new Chart(byId("threshold"), byId("threshold-unit"), seek);
    this.pain = new Chart(byId("pain"), byId("pain-unit"), seek);
    this.counts = new Chart(byId("counts"), null, seek);
    this.of.addEventListener("change", () => {
      this.chosen = true;
      void this.show(this.runs, this.shade);
    });
  }

  setTime(time: number): void {
    for (const chart of [this.threshold, this.pain, this.counts]) chart.setTime(time);
  }

  /** The series of a run grew. */
  forget(run: string): void {
    for (const key of [...this.loaded.keys()]) if (key.startsWith(`${run} `)) this.loaded.delete(key);
  }

  async show(runs: readonly Run[], shade: Shade): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    [this.runs, this.shade] = [runs, shade];
    const types = [...new Set(runs.flatMap(typeNames))];
    fillSelect(this.of, [
      [ALL, runs.length === 1 ? "All types" : `All types, ${runLabel(runs[0], runs)}`],
      ...types.map((type) => [type, labelOf(runs, type)] as const),
    ]);
    if (!this.chosen) this.of.value = runs.length === 1 ? ALL : types[0] ?? ALL;
    try {
      const lines = await Promise.all([
        this.perRun(["withdrawal_threshold"], {}),
        this.perRun(["nociception"], {}),
        this.of.value === ALL ? this.perType(runs[0]) : this.perRun(["cell_count"], { cell_type: this.of.value }),
      ]);
      if (turn !== this.turn) return;
      const days = Math.max(...runs.map((run) => run.days), ...runs.flatMap((run) => run.cellTimes.slice(-1)));
      const events = runs.flatMap((run) => run.events);
      const unit = (name: string): string =>
        unitLabel(runs.flatMap((run) => run.series).find((one) => one.name === name)?.unit ?? "");
      this.threshold.show(lines[0], unit("withdrawal_threshold"), events, days);
      this.pain.show(lines[1], unit("nociception"), events, days);
      this.counts.show(lines[2], "", events, days);
    } catch (error) {
      if (turn === this.turn) this.failed(error);
    }
  }

  private async perRun(names: readonly string[], labels: Record<string, string>): Promise<Line[]> {
    const name = firstSeries(this.runs, names);
    if (!name) return [];
    const looks = runLooks(this.runs.map((run) => run.arm), this.shade);
    const lines = await Promise.all(
      this.runs.map(async (run, i): Promise<Line | null> => {
        if (!run.series.some((one) => one.name === name)) return null;
        const series = await this.load(run, name);
        const values = pick(series, labels);
        return values && { label: runLabel(run, this.runs), time: series.time, values, look: looks[i] };
      }),
    );
    return lines.filter((line): line is Line => line !== null);
  }

  private async perType(run: Run): Promise<Line[]> {
    if (!run.series.some((one) => one.name === "cell_count")) return [];
    const series = await this.load(run, "cell_count");
    const types = typeNames(run);
    const looks = cellLooks(types, this.shade);
    return types.flatMap((type, i) => {
      const values = pick(series, { cell_type: type });
      return values ? [{ label: codeLabel(run, "type", i), time: series.time, values, look: { colour: cssOf(looks[i].colour), dash: [] } }] : [];
    });
  }

  private async load(run: Run, name: string): Promise<Series> {
    const key = `${run.id} ${name}`;
    const there = this.loaded.get(key);
    if (there) return there;
    const series = await this.source.series(run.id, name);
    this.loaded.set(key, series);
    return series;
  }
}

function labelOf(runs: readonly Run[], type: string): string {
  const run = runs.find((one) => typeNames(one).includes(type))!;
  return codeLabel(run, "type", typeNames(run).indexOf(type));
}
