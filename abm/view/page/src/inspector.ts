// One cell: identity, state, variables; its way is drawn in the tissue.

import { say } from "./announce";
import { byId, make, short } from "./dom";
import { codeLabel, runLabel, unitLabel } from "./labels";
import { rowOf } from "./picking";
import type { Cells, Run, Source, Track } from "./source";
import { runOfCell, type Store } from "./state";
import { nearest, spoken } from "./timeline";

export class Inspector {
  /** Ways of the selected cell, by run. */
  readonly tracks = new Map<string, Track>();
  private readonly form = byId<HTMLFormElement>("cell-form");
  private readonly entry = byId<HTMLInputElement>("cell-id");
  private readonly summary = byId("cell-summary");
  private readonly facts = byId("cell-facts");
  private readonly hint = byId("cell-hint");
  private readonly body = byId("cell-body");
  private readonly follow = byId<HTMLInputElement>("follow");
  private tracked = "";
  private shown = "";

  constructor(
    private readonly store: Store,
    private readonly source: Source,
    private readonly redraw: () => void,
  ) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.entry.value.trim();
      if (/^\d{1,15}$/.test(text)) this.store.change({ cell: Number(text) });
      else this.tell(`A cell's id is a whole number, not "${text}".`);
    });
    this.entry.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.entry.blur();
    });
    byId("cell-clear").addEventListener("click", () => this.store.change({ cell: null, follow: false }));
    this.follow.addEventListener("change", () => this.store.change({ follow: this.follow.checked }));
  }

  /** Say what is known of the selected cell at a time; variables come when they have been read. */
  show(runs: readonly Run[], time: number): void {
    const { cell, follow } = this.store.state;
    this.follow.checked = follow;
    this.body.hidden = cell === null;
    this.hint.hidden = cell !== null;
    if (cell === null) {
      this.shown = "";
      this.tracked = "";
      this.tracks.clear();
      byId("cell-of").textContent = "";
      if (document.activeElement !== this.entry) this.entry.value = "";
      this.hint.textContent = "Click a cell, or type its id.";
      return;
    }
    if (document.activeElement !== this.entry) this.entry.value = String(cell);
    this.loadTrack(runOfCell(this.store.state, runs), cell);
    byId("cell-of").textContent = runs.length > 1 ? runLabel(runOfCell(this.store.state, runs), runs) : "";
    const run = runOfCell(this.store.state, runs);
    const frame = nearest(run.cellTimes, time);
    const key = `${run.id} ${frame} ${cell} ${run.cellTimes.length}`;
    if (frame < 0 || key === this.shown) return;
    this.shown = key;
    const columns = run.columns.filter((column) => !column.codes).map((column) => column.name);
    this.source.cells({ run: run.id, frame, columns }).then(
      (cells) => {
        if (key === this.shown) this.fill(run, cells, cell);
      },
      () => {
        // The loader reports failures of the same frame; here the next frame tries again.
        if (key === this.shown) this.shown = "";
      },
    );
  }

  private fill(run: Run, cells: Cells, id: number): void {
    const row = rowOf(cells, id);
    if (row < 0) {
      this.summary.textContent = "not in this frame";
      this.facts.replaceChildren();
      return;
    }
    const type = codeLabel(run, "type", cells.type[row]);
    const phenotype = codeLabel(run, "phenotype", cells.phenotype[row]);
    const states = [phenotype, codeLabel(run, "status", cells.status[row]), `in ${codeLabel(run, "place", cells.place[row])}`];
    this.summary.textContent = `${type}: ${states.filter((text) => text !== type).join(", ")}`;
    const pairs: [string, string][] = [
      ["x [µm]", short(cells.x[row])],
      ["y [µm]", short(cells.y[row])],
    ];
    if (run.shape[0] > 1) pairs.push(["z [µm]", short(cells.z[row])]);
    for (const column of run.columns) {
      const value = cells.variables.get(column.name)?.[row];
      if (value === undefined || Number.isNaN(value)) continue;
      pairs.push([column.label, `${short(value, 3)} ${unitLabel(column.unit)}`.trim()]);
    }
    this.facts.replaceChildren(
      ...pairs.flatMap(([name, text]) => [make("dt", "", name, { title: name }), make("dd", "", text, { title: text })]),
    );
  }

  private loadTrack(one: Run, cell: number): void {
    const key = `${cell} ${one.id}:${one.cellTimes.length}`;
    if (key === this.tracked) return;
    this.tracked = key;
    this.tracks.clear();
    this.source.track(one.id, cell).then(
      (track) => {
        if (key !== this.tracked) return;
        this.tracks.set(one.id, track);
        this.redraw();
        const first = track.time[0];
        const last = track.time[track.time.length - 1];
        if (track.time.length) say(`Cell ${cell}, seen from ${spoken(first)} to ${spoken(last)}.`);
        else this.tell(`No frame has a cell ${cell}.`);
      },
      (error: Error) => {
        if (key === this.tracked) this.tell(error.message);
      },
    );
  }

  private tell(text: string): void {
    this.hint.textContent = text;
    this.hint.hidden = false;
    say(text);
  }
}
