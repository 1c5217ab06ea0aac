// Colour bars below the pictures: name, unit, ticks.

import { byId, fitCanvas, cssValue, make, short } from "./dom";
import { LEVELS, lut, type Shade } from "./colours";
import { unitLabel } from "./labels";
import { VARIABLE_MAP } from "./paint";
import { shareOf, ticksOf, type Scale } from "./scale";
import type { Run } from "./source";
import type { Stage } from "./stage";
import type { ViewState } from "./state";
import { mapOf } from "./tissue";

interface Bar {
  title: string;
  table: Uint32Array;
  scale: Scale;
}

const HEIGHT = 9;

export class Bars {
  private readonly place = byId("bars");
  private drawn = "";

  /** Bring the bars in line with the pictures. */
  show(stage: Stage, runs: readonly Run[], state: ViewState, shade: Shade): void {
    const bars = barsOf(stage, runs, state, shade);
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
    bars.forEach((bar, i) => draw(this.place.children[i] as HTMLElement, bar));
  }
}

function barsOf(stage: Stage, runs: readonly Run[], state: ViewState, shade: Shade): Bar[] {
  const bars: Bar[] = [];
  const field = state.view === "fields" ? "" : state.field;
  const cytokine = runs.flatMap((run) => run.cytokines).find((one) => one.name === field);
  const scale = field ? stage.fieldScale(field, state) : null;
  if (cytokine && scale) {
    const range = state.range === "frame" ? "range of the frame" : cytokine.exact === false ? "whole run, sampled" : "whole run";
    const table = lut(mapOf(state, state.colour !== "none"), shade);
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

function draw(element: HTMLElement, bar: Bar): void {
  const [title, canvas] = element.children as unknown as [HTMLElement, HTMLCanvasElement];
  title.textContent = title.title = bar.title;
  fitCanvas(canvas);
  const ratio = canvas.width / Math.max(canvas.clientWidth, 1);
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawBar(context, bar.scale, bar.table, { x: 14 * ratio, y: 2 * ratio, width: canvas.width - 28 * ratio, ratio });
  canvas.setAttribute("aria-label", `Colours from ${short(bar.scale.low)} to ${short(bar.scale.high)}: ${bar.title}`);
}

export interface Box {
  x: number;
  y: number;
  width: number;
  ratio: number;
}

/** A horizontal bar with ticks below. */
export function drawBar(context: CanvasRenderingContext2D, scale: Scale, table: Uint32Array, { x, y, width, ratio }: Box): void {
  const strip = document.createElement("canvas");
  strip.width = LEVELS;
  strip.height = 1;
  const pixels = new ImageData(LEVELS, 1);
  new Uint32Array(pixels.data.buffer).set(table.subarray(0, LEVELS));
  strip.getContext("2d")!.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(strip, x, y, width, HEIGHT * ratio);
  context.strokeStyle = context.fillStyle = cssValue("--muted");
  context.lineWidth = ratio;
  context.strokeRect(x, y, width, HEIGHT * ratio);
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "top";
  let free = -Infinity;
  for (const tick of ticksOf(scale, Math.max(Math.floor(width / (70 * ratio)), 2))) {
    const px = x + shareOf(tick, scale) * width;
    context.beginPath();
    context.moveTo(px, y + HEIGHT * ratio);
    context.lineTo(px, y + (HEIGHT + 3) * ratio);
    context.stroke();
    const text = short(tick, 3);
    const half = 0.5 * context.measureText(text).width;
    if (px - half < free) continue;
    context.fillText(text, px, y + (HEIGHT + 4) * ratio);
    free = px + half + 6 * ratio;
  }
}
