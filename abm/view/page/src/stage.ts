// The middle of the page: which pictures there are, what each needs, and drawing them at one time.

import { fitCanvas, make } from "./dom";
import type { Answer, Loader, Request } from "./loader";
import { drawOrbit, type Projection } from "./orbit";
import { Raster } from "./raster";
import { scaleOf, type Scale } from "./scale";
import type { Camera } from "./camera";
import { lut, type Shade } from "./colours";
import type { Cells, Field, Run, Source, Track, Trail } from "./source";
import { runOfCell, type ViewState } from "./state";
import { nearest } from "./timeline";
import { drawTissue, mapOf, type Picture } from "./tissue";
import { drawBarOn } from "./bar";
import { cytokineLabel, layerLabel, runLabel } from "./labels";

export interface Panel {
  key: string;
  run: Run;
  cytokine: string;
  z: string;
  kind: "flat" | "orbit";
  withCells: boolean;
  title: string;
  /** Heading of the row it stands in; "" for none. */
  row: string;
  figure: HTMLElement;
  note: HTMLElement;
  /** Colour bar of its own, where pictures show different fields. */
  bar: HTMLCanvasElement | null;
  raster: Raster;
  camera: Camera | null;
  projection: Projection | null;
  field: Field | null;
  scale: Scale | null;
  cells: Cells | null;
  trails: Trail[];
}

type Spec = Pick<Panel, "key" | "run" | "cytokine" | "z" | "kind" | "withCells" | "title" | "row">;

/** Layers shown at once; thick tissues are shown in equal steps. */
const MOST_LAYERS = 24;
/** The same where every run has a row of its own. */
const MOST_LAYERS_IN_ROWS = 6;
const CAPTION = 22;
const BAR = 26;
/** Heading of a row, with the gap below it. */
const ROW_TITLE = 28;
const GAP = 8;

/** Pictures of a state. */
export function specsOf(runs: readonly Run[], state: ViewState, source: Source): Spec[] {
  const base = { kind: "flat" as const, z: state.z, cytokine: state.field, row: "" };
  if (state.view === "fields") {
    return runs.flatMap((run) =>
      run.cytokines.map((cytokine) => ({
        ...base,
        key: `fields ${run.id} ${cytokine.name}`,
        run,
        cytokine: cytokine.name,
        withCells: false,
        row: runs.length > 1 ? `${runLabel(run, runs)} · ${unitOf(run)}` : "",
        title: runs.length > 1 ? cytokine.label : cytokineLabel(cytokine),
      })),
    );
  }
  if (state.view === "slices") {
    const most = runs.length > 1 ? MOST_LAYERS_IN_ROWS : MOST_LAYERS;
    return runs.flatMap((run) => {
      const all = source.layers(run);
      const layers = all.filter((z) => z !== "mean" && z !== "max");
      const every = Math.ceil(layers.length / most);
      return [...layers.filter((_, k) => k % every === 0), ...all.filter((z) => z === "max")].map((z) => ({
        ...base,
        key: `slices ${run.id} ${z}`,
        run,
        z,
        withCells: true,
        row: runs.length > 1 ? runLabel(run, runs) : "",
        title: layerLabel(run, z),
      }));
    });
  }
  const kind = state.view === "orbit" ? ("orbit" as const) : ("flat" as const);
  return runs.map((run) => ({ ...base, kind, key: `${kind} ${run.id}`, run, withCells: true, title: runLabel(run, runs) }));
}

/** Units of the fields of a run, nearly always one. */
function unitOf(run: Run): string {
  return [...new Set(run.cytokines.map((one) => one.unit))].join(", ");
}

export interface Layout {
  columns: number;
  rows: number;
  /** Of one picture [px of the page]. */
  width: number;
  height: number;
}

/**
 * Rows and columns that make `count` equal pictures of an aspect (height over width) largest; a grid without gaps may
 * be a little smaller.  `extra` is the height of what belongs to a picture; `fixed` is a number of columns, 0 for any.
 */
export function bestLayout(count: number, width: number, height: number, aspect: number, extra: number, fixed = 0): Layout {
  let best: Layout = { columns: 1, rows: count, width, height };
  let largest = 0;
  for (let columns = fixed || 1; columns <= (fixed || count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const w = (width - GAP * (columns - 1)) / columns;
    const h = (height - GAP * (rows - 1)) / rows - extra;
    const side = Math.floor(Math.min(w, h / aspect));
    const worth = side * (count / (columns * rows)) ** 0.25;
    if (worth <= largest) continue;
    largest = worth;
    best = { columns, rows, width: side, height: Math.floor(side * aspect) };
  }
  return best;
}

export class Stage {
  panels: Panel[] = [];
  crosshair: { panel: string; at: [number, number] } | null = null;
  private signature = "";
  /** Whether a canvas lost its picture, as it does when its size changes. */
  private blank = true;

  constructor(
    private readonly grid: HTMLElement,
    private readonly source: Source,
    private readonly loader: Loader,
    /** Wires a new canvas to pointer and keys. */
    private readonly wire: (panel: Panel) => void,
  ) {}

  /** Bring the pictures in line with the state; keeps those that stay. */
  arrange(runs: readonly Run[], state: ViewState): void {
    const specs = specsOf(runs, state, this.source);
    const signature = specs.map((spec) => `${spec.key} ${spec.row} ${spec.title}`).join("|");
    if (signature !== this.signature) {
      this.signature = signature;
      const focused = this.panels.findIndex((panel) => panel.raster.canvas === document.activeElement);
      this.panels = specs.map((spec) => this.build(spec));
      const first = (i: number): boolean => this.panels[i].row !== "" && this.panels[i].row !== this.panels[i - 1]?.row;
      this.grid.replaceChildren(
        ...this.panels.flatMap((panel, i) => (first(i) ? [make("h3", "row-title", panel.row), panel.figure] : [panel.figure])),
      );
      if (focused >= 0) this.panels[Math.min(focused, this.panels.length - 1)]?.raster.canvas.focus();
    } else {
      specs.forEach((spec, i) => Object.assign(this.panels[i], spec));
    }
    this.fit(state);
  }

  /** Choose the number of columns for the room there is. */
  fit(state: ViewState): void {
    const first = this.panels[0];
    if (!first) return;
    const { clientWidth, clientHeight } = this.grid;
    const count = this.panels.length;
    const inRows = first.row ? this.panels.filter((panel) => panel.row === first.row).length : 0;
    const extra = CAPTION + (first.bar ? BAR : 0) + (inRows ? ROW_TITLE : 0);
    const free = state.view === "orbit" ? (clientHeight - extra) / clientWidth : first.run.size[1] / first.run.size[0];
    const layout = bestLayout(count, clientWidth, clientHeight, free, extra, inRows);
    this.grid.style.gridTemplateColumns = `repeat(${layout.columns}, ${layout.width}px)`;
    const figure = layout.height + extra - (inRows ? ROW_TITLE : 0);
    this.grid.style.gridTemplateRows = `repeat(${layout.rows}, ${inRows ? `${ROW_TITLE - GAP}px ` : ""}${figure}px)`;
    const used = layout.columns * (layout.width + GAP) - GAP;
    this.grid.parentElement!.style.setProperty("--margin", `${Math.max(Math.floor(0.5 * (clientWidth - used)), 0)}px`);
    const slack = clientHeight - layout.rows * (layout.height + extra + GAP) + GAP;
    this.grid.parentElement!.style.setProperty("--slack", `${Math.max(Math.floor(slack), 0)}px`);
    this.grid.classList.toggle("dense", count > 6);
    this.grid.classList.toggle("barred", first.bar !== null);
    for (const panel of this.panels) this.blank = fitCanvas(panel.raster.canvas) || this.blank;
  }

  /** What the pictures need at a time [d]. */
  requests(state: ViewState, time: number): Request[] {
    const found = new Map<string, Request>();
    const add = (request: Request | null): void => {
      if (request) found.set(JSON.stringify(request), request);
    };
    for (const panel of this.panels) {
      add(fieldRequest(panel, state, time));
      add(panel.withCells ? cellRequest(panel.run, state, time) : null);
      add(panel.withCells ? trailRequest(panel.run, state, time) : null);
    }
    return [...found.values()];
  }

  /** Draw all pictures of a time; false when something has not arrived, then what was there stays. */
  draw(state: ViewState, time: number, shade: Shade, tracks: Map<string, Track>): boolean {
    const complete = this.requests(state, time).every((request) => this.loader.settled(request));
    if (!complete && !this.blank) return false;
    this.blank = false;
    if (complete) for (const panel of this.panels) this.take(panel, state, time);
    const variableScale = this.variableScale(state);
    const marked = runOfCell(state, this.panels.map((panel) => panel.run));
    for (const panel of this.panels) {
      if (complete) panel.scale = this.fieldScale(panel.cytokine, state);
      const small = panel.raster.canvas.clientWidth < 260;
      const picture: Picture = {
        run: panel.run,
        state,
        shade,
        z: panel.z,
        field: panel.field,
        scale: panel.scale,
        cells: panel.cells,
        variableScale,
        cell: panel.run === marked ? state.cell : null,
        track: tracks.get(panel.run.id) ?? null,
        trails: panel.trails,
        crosshair: this.crosshair?.panel === panel.key ? this.crosshair.at : null,
        small,
        scaleBar: !small || panel === this.panels[0],
        ratio: panel.raster.canvas.width / Math.max(panel.raster.canvas.clientWidth, 1),
      };
      if (panel.kind === "orbit") panel.projection = drawOrbit(panel.raster, picture);
      else panel.camera = drawTissue(panel.raster, picture);
      if (panel.bar && panel.scale) drawBarOn(panel.bar, panel.scale, lut(mapOf(state), shade), panel.title);
      panel.note.textContent = noteOf(panel, time);
    }
    return complete;
  }

  /** Take over what has arrived for a picture. */
  private take(panel: Panel, state: ViewState, time: number): void {
    const arrived = (request: Request | null): Answer | null => (request && this.loader.peek(request)) ?? null;
    panel.field = arrived(fieldRequest(panel, state, time)) as Field | null;
    panel.cells = panel.withCells ? (arrived(cellRequest(panel.run, state, time)) as Cells | null) : null;
    panel.trails = panel.withCells ? ((arrived(trailRequest(panel.run, state, time)) as Trail[] | null) ?? []) : [];
  }

  /** Colour scale of a cytokine, the same for all pictures that show it. */
  fieldScale(name: string, state: ViewState): Scale | null {
    const panels = this.panels.filter((panel) => panel.cytokine === name);
    if (!name || panels.length === 0) return null;
    const ends: (number | null)[] = [];
    for (const { run, field } of panels) {
      const cytokine = run.cytokines.find((one) => one.name === name);
      if (state.range === "frame") ends.push(field?.low ?? null, field?.high ?? null);
      else ends.push(cytokine?.low ?? null, cytokine?.high ?? null);
    }
    return scaleOf(...extent(ends), state.scale);
  }

  /** Colour scale of the variable that cells are coloured by; null when they are not. */
  variableScale(state: ViewState): Scale | null {
    const columns = this.panels.flatMap(({ run }) => run.columns.filter((one) => one.name === state.colour && !one.codes));
    if (columns.length === 0) return null;
    return scaleOf(...extent(columns.flatMap(({ low, high }) => [low, high])), "linear");
  }

  private build(spec: Spec): Panel {
    const figure = make("figure", "panel");
    const caption = make("figcaption", "panel-caption");
    const note = make("span", "panel-note");
    caption.append(make("span", "panel-title", spec.title, { title: spec.title }), note);
    const canvas = make("canvas", "panel-canvas", "", { tabindex: "0", role: "application" });
    canvas.setAttribute(
      "aria-label",
      `${spec.row} ${spec.title}. ${spec.kind === "orbit" ? "Arrow keys turn the block." : "Arrow keys move a crosshair, Enter selects the nearest cell."}`,
    );
    figure.append(caption, canvas);
    const bar = spec.withCells ? null : make("canvas", "panel-bar", "", { role: "img" });
    if (bar) figure.append(bar);
    const panel: Panel = { ...spec, figure, note, bar, raster: new Raster(canvas), camera: null, projection: null, field: null, scale: null, cells: null, trails: [] };
    this.wire(panel);
    return panel;
  }
}

function extent(ends: (number | null)[]): [number | null, number | null] {
  const finite = ends.filter((end): end is number => end !== null && Number.isFinite(end));
  return finite.length ? [Math.min(...finite), Math.max(...finite)] : [null, null];
}

/** Says when data are from another time than the clock shows. */
function noteOf(panel: Panel, time: number): string {
  const parts: string[] = [];
  if (panel.cells && Math.abs(panel.cells.time - time) > 1e-4) parts.push(`cells of day ${Number(panel.cells.time.toFixed(2))}`);
  if (panel.field && Math.abs(panel.field.time - time) > 1e-4) parts.push(`field of day ${Number(panel.field.time.toFixed(2))}`);
  return parts.join(", ");
}

/** A field as fine as the picture can show, in few different sizes so that what is cached is used again. */
function fieldRequest(panel: Panel, state: ViewState, time: number): Request | null {
  const { run, cytokine, z } = panel;
  const frame = nearest(run.fieldTimes, time);
  if (!cytokine || frame < 0 || !run.cytokines.some((one) => one.name === cytokine)) return null;
  const longest = Math.max(run.shape[1], run.shape[2]);
  const pixels = Math.max(panel.raster.canvas.width, panel.raster.canvas.height) * Math.max(state.camera?.zoom ?? 1, 1);
  let most = 256;
  while (most < pixels) most *= 2;
  const every = longest <= 1.5 * most;
  return { kind: "field", of: { run: run.id, frame, cytokine, z: panel.kind === "orbit" ? planeLayer(run, z) : z, most: every ? 0 : most } };
}

/** The 3-D view shows a layer, under projections the middle one. */
function planeLayer(run: Run, z: string): string {
  return z === "max" || z === "mean" ? String(Math.floor(run.shape[0] / 2)) : z;
}

export function cellRequest(run: Run, state: ViewState, time: number): Request | null {
  const frame = nearest(run.cellTimes, time);
  if (frame < 0 || state.colour === "none") return null;
  const variable = run.columns.some((column) => column.name === state.colour && !column.codes);
  return { kind: "cells", of: { run: run.id, frame, columns: variable ? [state.colour] : [] } };
}

function trailRequest(run: Run, state: ViewState, time: number): Request | null {
  const frame = nearest(run.cellTimes, time);
  if (frame < 0 || state.trails === 0) return null;
  return { kind: "trails", of: { run: run.id, type: state.highlight || "msc", frame, back: state.trails } };
}
