// The picture of one layer of tissue: field, cells, outlines, marks.

import { cameraOf, toPixel, toTissue, type Camera } from "./camera";
import { cellLooks, cssOf, lut, PAPER, pixelOf, type Shade } from "./colours";
import * as overlay from "./overlay";
import { paintOf, radiusFor, type Paint } from "./paint";
import { layerTest, rowOf, typeNames } from "./picking";
import type { Raster } from "./raster";
import { levelsOf, type Scale } from "./scale";
import { spacings, type Cells, type Field, type Run, type Track, type Trail } from "./source";
import type { MapName, ViewState } from "./state";

/** Everything a picture is made of. */
export interface Picture {
  run: Run;
  state: ViewState;
  shade: Shade;
  z: string;
  field: Field | null;
  scale: Scale | null;
  cells: Cells | null;
  variableScale: Scale | null;
  /** Selected cell, if it is one of this run. */
  cell: number | null;
  track: Track | null;
  trails: readonly Trail[];
  crosshair: [number, number] | null;
  /** Small pictures leave names out. */
  small: boolean;
  scaleBar: boolean;
  ratio: number;
}

/** The map in use: grey under cells, coloured when fields are alone, unless one was chosen. */
export function mapOf(state: ViewState): Exclude<MapName, "auto"> {
  if (state.map !== "auto") return state.map;
  return state.view === "fields" || state.colour === "none" ? "cividis" : "greys";
}

/** Layer whose outlines are drawn; the middle one under projections. */
export function outlineLayer(run: Run, z: string): number {
  return z === "max" || z === "mean" ? Math.floor(run.shape[0] / 2) : Number(z);
}

export function drawTissue(raster: Raster, picture: Picture): Camera {
  const { run, state, shade, cells } = picture;
  const canvas = raster.canvas;
  const camera = cameraOf(run, state.camera, canvas.width, canvas.height);
  raster.begin(pixelOf(PAPER[shade]));
  const background = lut(mapOf(state), shade);
  if (picture.field && picture.scale) {
    const { columns, rows } = gridOf(run, picture.field, camera);
    raster.grid(levelsOf(picture.field, picture.scale), picture.field.nx, background, columns, rows);
  }
  let radius = 0;
  if (cells) {
    radius = cellRadius(picture, camera);
    const paint = paintOf(cells, { run, state, shade, radius, scale: picture.variableScale, z: picture.z });
    stampCells(raster, cells, paint, camera);
  }
  raster.end();
  drawLines(raster.context, camera, picture, radius);
  return camera;
}

/** Which value of the field every column and row of pixels shows; -1 for none. */
function gridOf(run: Run, field: Field, camera: Camera): { columns: Int32Array; rows: Int32Array } {
  const [dx, dy] = spacings(run);
  const columns = new Int32Array(camera.width);
  const rows = new Int32Array(camera.height);
  for (let i = 0; i < camera.width; i += 1) {
    const voxel = Math.floor((toTissue(camera, i + 0.5, 0)[0] - run.origin[0]) / dx);
    columns[i] = voxel >= 0 && voxel < run.shape[2] ? Math.floor(voxel / field.factor) : -1;
  }
  for (let j = 0; j < camera.height; j += 1) {
    const voxel = Math.floor((toTissue(camera, 0, j + 0.5)[1] - run.origin[1]) / dy);
    rows[j] = voxel >= 0 && voxel < run.shape[1] ? Math.floor(voxel / field.factor) : -1;
  }
  return { columns, rows };
}

function cellRadius(picture: Picture, camera: Camera): number {
  const { run, state, cells, ratio } = picture;
  const area = run.size[0] * run.size[1] * camera.k ** 2;
  const zoom = state.camera?.zoom ?? 1;
  // Symbols grow more slowly than the tissue, so that zooming in pulls neighbours apart.
  const whole = radiusFor(cells?.n ?? 1, area / zoom ** 2 / ratio ** 2, state.size);
  return Math.min(whole * Math.max(zoom, 1) ** 0.6, 14 * state.size) * ratio;
}

function stampCells(raster: Raster, cells: Cells, paint: Paint, camera: Camera): void {
  const { k } = camera;
  const left = 0.5 * camera.width - camera.x * k;
  const top = 0.5 * camera.height + camera.y * k;
  const late: number[] = [];
  for (let i = 0; i < cells.n; i += 1) {
    const sprite = paint.of(i);
    if (!sprite) continue;
    if (paint.onTop(i)) late.push(i);
    else raster.stamp(sprite, left + cells.x[i] * k, top - cells.y[i] * k);
  }
  for (const i of late) raster.stamp(paint.of(i)!, left + cells.x[i] * k, top - cells.y[i] * k);
}

function drawLines(context: CanvasRenderingContext2D, camera: Camera, picture: Picture, radius: number): void {
  const { run, state, shade, ratio, cells } = picture;
  const pen: overlay.Pen = { context, camera, shade, ratio };
  context.save();
  clipToTissue(context, run, camera);
  if (state.outlines) overlay.drawRegions(pen, run, outlineLayer(run, picture.z), !picture.small);
  drawWays(pen, picture, (x, y) => toPixel(camera, x, y));
  context.restore();
  const row = cells && picture.cell !== null ? rowOf(cells, picture.cell) : -1;
  if (cells && row >= 0 && cells.place[row] === 0 && layerTest(run, picture.z)(cells.z[row])) {
    overlay.drawMark(pen, cells.x[row], cells.y[row], radius);
  }
  if (picture.crosshair) overlay.drawCrosshair(pen, ...picture.crosshair);
  const [left, bottom] = toPixel(camera, run.origin[0], run.origin[1]);
  const [right, top] = toPixel(camera, run.origin[0] + run.size[0], run.origin[1] + run.size[1]);
  overlay.drawFrame(pen, left, top, right - left, bottom - top);
  if (picture.scaleBar) overlay.drawScaleBar(pen, Math.max(left, 0), Math.min(bottom, camera.height), !picture.small);
}

/** Trails of the highlighted type, and the track of the selected cell. */
export function drawWays(pen: overlay.Pen, { run, state, shade, cells, track, trails }: Picture, place: overlay.Place): void {
  if (trails.length > 0) {
    const type = typeNames(run).indexOf(state.highlight || "msc");
    const looks = cellLooks(typeNames(run), shade);
    overlay.drawTrails(pen, trails, cssOf((looks[type] ?? looks[0]).colour), place);
  }
  if (track && cells) overlay.drawTrack(pen, track, cells.time, place);
}

function clipToTissue(context: CanvasRenderingContext2D, run: Run, camera: Camera): void {
  const [left, bottom] = toPixel(camera, run.origin[0], run.origin[1]);
  const [right, top] = toPixel(camera, run.origin[0] + run.size[0], run.origin[1] + run.size[1]);
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
}
