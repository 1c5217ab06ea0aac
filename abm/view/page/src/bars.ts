// Colour bars below the pictures: name, unit, ticks.

import { drawBarOn } from "./bar";
import { byId, make } from "./dom";
import { lut, type Shade } from "./colours";
import { unitLabel } from "./labels";
import { VARIABLE_MAP } from "./paint";
import type { Scale } from "./scale";
import type { Run } from "./source";
import type { Stage } from "./stage";
import type { ViewState } from "./state";
import { mapOf } from "./tissue";

interface Bar {
  title: string;
  table: Uint32Array;
  scale: Scale;
}

export class Bars {
  private readonly place = byId("bars");
  private drawn = "";
  private bars: Bar[] = [];

  constructor() {
    // A panel that opens or closes changes their width after the pictures were brought in line.
    new ResizeObserver(() => this.draw()).observe(this.place);
  }

  /** Bring the bars in line with the pictures. */
  show(stage: Stage, runs: readonly Run[], state: ViewState, shade: Shade): void {
    const bars = (this.bars = barsOf(stage, runs, state, shade));
    const signature = JSON.stringify([bars.map((bar) => [bar.title, bar.scale, bar.table[0], bar.table[200]]), this.place.clientWidth, shade]);
    if (signature === this.drawn) return;
    this.drawn = signature;
    if (this.place.childElementCount !== bars.length) {
      this.place.replaceChildren(
        ...bars.map(() => {
          const element = make("div", "bar");
          element.append(make("div", "bar-title"), make("canvas", "", "", { role: "img" }));
          return element;
        }),
      );
    }
    this.draw();
  }

  private draw(): void {
    this.bars.forEach((bar, i) => {
      const element = this.place.children[i];
      if (element) drawInto(element as HTMLElement, bar);
    });
  }
}

function barsOf(stage: Stage, runs: readonly Run[], state: ViewState, shade: Shade): Bar[] {
  const bars: Bar[] = [];
  const field = state.view === "fields" ? "" : state.field;
  const cytokine = runs.flatMap((run) => run.cytokines).find((one) => one.name === field);
  const scale = field ? stage.fieldScale(field, state) : null;
  if (cytokine && scale) {
    const range = state.range === "frame" ? "range of the frame" : cytokine.exact === false ? "whole run, sampled" : "whole run";
    const table = lut(mapOf(state), shade);
    bars.push({ title: `${cytokine.label} [${cytokine.unit}] · ${scale.log ? "logarithmic, " : ""}${range}`, table, scale });
  }
  const column = runs.flatMap((run) => run.columns).find((one) => one.name === state.colour && !one.codes);
  const variable = stage.variableScale(state);
  if (column && variable && state.view !== "fields") {
    const unit = unitLabel(column.unit);
    bars.push({ title: `Cells: ${column.label}${unit ? ` [${unit}]` : ""} · whole run`, table: lut(VARIABLE_MAP, shade), scale: variable });
  }
  return bars;
}

function drawInto(element: HTMLElement, bar: Bar): void {
  const [title, canvas] = element.children as unknown as [HTMLElement, HTMLCanvasElement];
  title.textContent = title.title = bar.title;
  drawBarOn(canvas, bar.scale, bar.table, bar.title);
}
