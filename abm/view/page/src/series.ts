// Time courses of threshold, nociceptive signal and cell counts, with events and the time shown.

import uPlot from "uplot";
import { cssValue, make, short } from "./dom";
import type { LineLook } from "./colours";
import type { Run, RunEvent, Series } from "./source";

export interface Line {
  label: string;
  time: readonly number[];
  values: readonly (number | null)[];
  look: LineLook;
}

/** One plot in an element of the page; clicking it goes to a time. */
export class Chart {
  private plot: uPlot | null = null;
  private readonly now = make("div", "now-line");
  private time = 0;
  private lines: readonly Line[] = [];
  private joined: uPlot.AlignedData = [[]];

  constructor(
    private readonly place: HTMLElement,
    private readonly about: HTMLElement | null,
    private readonly seek: (time: number) => void,
  ) {
    new ResizeObserver(() => this.fit()).observe(place);
  }

  show(lines: readonly Line[], unit: string, events: readonly RunEvent[], days: number): void {
    this.plot?.destroy();
    this.plot = null;
    this.place.replaceChildren();
    this.lines = lines;
    if (lines.length === 0) {
      this.place.append(make("p", "none", "Not recorded in these runs."));
      if (this.about) this.about.textContent = "";
      return;
    }
    this.joined = uPlot.join(lines.map((line) => [[...line.time], [...line.values]] as uPlot.AlignedData));
    this.plot = new uPlot(this.options(events, days), this.joined, this.place);
    this.plot.over.append(this.now);
    this.plot.root.setAttribute("role", "img");
    this.place.dataset["unit"] = unit;
    this.setTime(this.time);
  }

  /** Mark a time and say the values there. */
  setTime(time: number): void {
    this.time = time;
    if (!this.plot) return;
    const left = this.plot.valToPos(time, "x");
    this.now.style.transform = `translateX(${left.toFixed(1)}px)`;
    const unit = this.place.dataset["unit"] ?? "";
    const parts = this.lines.map((line) => {
      const text = short(valueAt(line, time) ?? Number.NaN, 3);
      return { line, text };
    });
    this.plot.root.setAttribute("aria-label", parts.map(({ line, text }) => `${line.label} ${text} ${unit}`).join(", "));
    if (!this.about) return;
    const shown = parts.slice(0, 4).flatMap(({ line, text }, i) => {
      const value = make("span", "", text, { title: line.label });
      value.style.color = line.look.colour;
      return i ? [document.createTextNode(" · "), value] : [value];
    });
    this.about.replaceChildren(...shown, document.createTextNode(unit ? ` ${unit}` : ""));
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (this.plot && width > 40 && height > 30) {
      this.plot.setSize({ width, height });
      this.setTime(this.time);
    }
  }

  private options(events: readonly RunEvent[], days: number): uPlot.Options {
    const ink = cssValue("--muted");
    const axis: uPlot.Axis = {
      stroke: ink,
      grid: { stroke: cssValue("--line"), width: 1 },
      ticks: { stroke: cssValue("--line"), width: 1, size: 4 },
      font: "11px system-ui, sans-serif",
      gap: 3,
    };
    return {
      width: Math.max(this.place.clientWidth, 80),
      height: Math.max(this.place.clientHeight, 60),
      legend: { show: false },
      padding: [6, 8, 0, 0],
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 5 } },
      scales: { x: { time: false, range: [0, Math.max(days, 1e-6)] }, y: { range: (_u, low, high) => roomy(low, high) } },
      axes: [
        { ...axis, size: 24, values: (_u, ticks) => ticks.map((t) => `${Number(t.toFixed(6))} d`), space: 44 },
        { ...axis, size: 44, space: 26, values: (_u, ticks) => ticks.map((t) => short(t, 3)) },
      ],
      series: [
        {},
        ...this.lines.map((line) => ({
          label: line.label,
          stroke: line.look.colour,
          dash: line.look.dash,
          width: 1.5,
          points: { show: false },
          spanGaps: true,
        })),
      ],
      hooks: {
        drawAxes: [(u): void => drawEvents(u, events)],
        ready: [(u): void => this.listen(u)],
        setCursor: [(u): void => this.describeCursor(u)],
      },
    };
  }

  private listen(u: uPlot): void {
    u.over.addEventListener("click", () => {
      const left = u.cursor.left ?? -1;
      if (left >= 0) this.seek(Math.max(u.posToVal(left, "x"), 0));
    });
  }

  private describeCursor(u: uPlot): void {
    const at = u.cursor.left ?? -1;
    u.over.title = at < 0 ? "" : this.lines.map((line) => `${line.label}: ${short(valueAt(line, u.posToVal(at, "x")) ?? Number.NaN)}`).join("\n");
  }
}

function roomy(low: number, high: number): [number, number] {
  const top = Number.isFinite(high) ? high : 1;
  const bottom = Math.min(Number.isFinite(low) ? low : 0, 0);
  return [bottom, top > bottom ? bottom + (top - bottom) * 1.06 : bottom + 1];
}

function drawEvents(u: uPlot, events: readonly RunEvent[]): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.strokeStyle = cssValue("--muted");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  for (const event of events) {
    const x = u.valToPos(event.time, "x", true);
    if (x < left - 1 || x > left + width + 1) continue;
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
  }
  ctx.stroke();
  ctx.restore();
}

function valueAt(line: Line, time: number): number | null {
  let best: number | null = null;
  for (let i = 0; i < line.time.length && line.time[i] <= time + 1e-9; i += 1) best = line.values[i] ?? best;
  return best;
}

/** One line of a series, at fixed labels of its dimensions; a missing dimension gives null. */
export function pick(series: Series, labels: Record<string, string | number>): (number | null)[] | null {
  const dims = series.dims.filter((dim) => dim !== "time");
  const places = dims.map((dim) => series.labels[dim]?.indexOf(labels[dim]) ?? -1);
  if (places.some((place) => place < 0)) return null;
  return series.values.map((row) => places.reduce<unknown>((inner, place) => (inner as unknown[])[place], row) as number | null);
}

/** Names of a series that runs have, the first that any of them has. */
export function firstSeries(runs: readonly Run[], names: readonly string[]): string | null {
  return names.find((name) => runs.some((run) => run.series.some((one) => one.name === name))) ?? null;
}
