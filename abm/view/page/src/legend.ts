// Cell types with their symbols, numbers and switches; runs with their lines.

import { byId, make, short } from "./dom";
import { cellLooks, cssOf, phenotypeLooks, runLooks, type CellLook, type Shade } from "./colours";
import { codeLabel, runLabel } from "./labels";
import { trace } from "./markers";
import { phenotypeNames } from "./paint";
import { typeNames } from "./picking";
import type { Cells, Run } from "./source";
import type { Store, ViewState } from "./state";

const SIDE = 18;

function symbol(look: CellLook): HTMLCanvasElement {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const canvas = make("canvas", "", "", { "aria-hidden": "true" });
  canvas.width = canvas.height = SIDE * ratio;
  canvas.style.width = canvas.style.height = `${SIDE}px`;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  context.fillStyle = cssOf(look.colour);
  context.beginPath();
  trace(context, look.shape, 5, SIDE / 2, SIDE / 2);
  context.fill();
  return canvas;
}

function stroke(colour: string, dash: number[]): HTMLCanvasElement {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const canvas = make("canvas", "", "", { "aria-hidden": "true" });
  canvas.width = 26 * ratio;
  canvas.height = 10 * ratio;
  canvas.style.width = "26px";
  canvas.style.height = "10px";
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.setLineDash(dash.map((v) => v * 0.8));
  context.beginPath();
  context.moveTo(0, 5);
  context.lineTo(26, 5);
  context.stroke();
  return canvas;
}

/** Counts of so many runs have room beside the name; those of more stand below it. */
const MOST_BESIDE = 2;

/** Legend of the cells; its switches hide types. */
export class Legend {
  private readonly place = byId("legend");
  private signature = "";
  private counts: { element: HTMLElement; column: "type" | "phenotype"; code: number }[] = [];

  constructor(private readonly store: Store) {}

  build(run: Run, state: ViewState, shade: Shade): void {
    const signature = JSON.stringify([run.id, state.colour === "phenotype", state.hidden, shade, typeNames(run)]);
    if (signature === this.signature) return;
    this.signature = signature;
    const active = document.activeElement?.getAttribute("data-type");
    this.counts = [];
    const types = typeNames(run);
    const looks = cellLooks(types, shade);
    const phenotypes = phenotypeNames(run);
    const byPhenotype = phenotypeLooks(phenotypes, types, shade);
    const rows: HTMLElement[] = [];
    types.forEach((type, code) => {
      rows.push(this.typeRow(run, type, code, looks[code], !state.hidden.includes(type)));
      const own = phenotypes.flatMap((name, i) => (name.startsWith(`${type}:`) ? [i] : []));
      if (state.colour !== "phenotype" || own.length < 2) return;
      for (const i of own) rows.push(this.row("div", "mark sub", byPhenotype[i], codeLabel(run, "phenotype", i), "phenotype", i));
    });
    this.place.replaceChildren(...rows);
    if (active) this.place.querySelector<HTMLElement>(`[data-type="${CSS.escape(active)}"]`)?.focus();
  }

  /** Numbers of the cells in the tissue, of every run shown. */
  count(frames: readonly (Cells | null)[]): void {
    const none = frames.every((cells) => cells === null);
    this.place.classList.toggle("many", frames.length > MOST_BESIDE);
    const tallies = (none ? [] : frames).map((cells) => {
      const type = new Uint32Array(256);
      const phenotype = new Uint32Array(256);
      if (!cells) return { type, phenotype };
      for (let i = 0; i < cells.n; i += 1) {
        if (cells.place[i] !== 0) continue;
        type[cells.type[i]] += 1;
        phenotype[cells.phenotype[i]] += 1;
      }
      return { type, phenotype };
    });
    for (const { element, column, code } of this.counts) element.textContent = tallies.map((tally) => tally[column][code]).join(" · ");
  }

  private typeRow(run: Run, type: string, code: number, look: CellLook, on: boolean): HTMLElement {
    const row = this.row("label", "mark", look, codeLabel(run, "type", code), "type", code);
    const box = make("input", "", "", { type: "checkbox", "data-type": type });
    box.checked = on;
    box.addEventListener("change", () => {
      const hidden = this.store.state.hidden.filter((one) => one !== type);
      this.store.change({ hidden: box.checked ? hidden : [...hidden, type] });
    });
    row.prepend(box);
    return row;
  }

  private row(tag: "label" | "div", className: string, look: CellLook, text: string, column: "type" | "phenotype", code: number): HTMLElement {
    const row = make(tag, className);
    const count = make("span", "count");
    row.append(symbol(look), make("span", "name", text, { title: text }), count);
    this.counts.push({ element: count, column, code });
    return row;
  }
}

/** The list of runs; ticked ones are shown side by side. */
export function showRuns(all: readonly Run[], state: ViewState, shade: Shade, choose: (runs: string[]) => void): void {
  const place = byId("runs");
  const shown = all.filter((run) => state.runs.includes(run.id));
  const looks = runLooks(shown.map((run) => run.arm), shade);
  const focused = document.activeElement?.getAttribute("data-run");
  place.replaceChildren(
    ...all.map((run) => {
      const row = make("label", "run", "", { title: `${run.file}: ${run.title}, seed ${run.seed}, ${short(run.days)} days` });
      const box = make("input", "", "", { type: "checkbox", "data-run": run.id });
      const at = shown.indexOf(run);
      box.checked = at >= 0;
      box.addEventListener("change", () => {
        const wanted = all.filter((one) => (one === run ? box.checked : state.runs.includes(one.id))).map((one) => one.id);
        if (wanted.length) choose(wanted);
        else box.checked = true;
      });
      const line = at >= 0 ? stroke(looks[at].colour, looks[at].dash) : make("span");
      row.append(box, line, make("span", "name", runLabel(run, all)), make("span", "state", run.live ? "live" : run.status === "complete" ? "" : run.status));
      return row;
    }),
  );
  if (focused) place.querySelector<HTMLElement>(`[data-run="${CSS.escape(focused)}"]`)?.focus();
}
