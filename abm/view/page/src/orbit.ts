// A view from any side: cells as symbols in depth, one layer of the field as a plane, the edges of the block.
// Parallel projection, so that lengths stay comparable; what is far is drawn first and paler.

import { cellLooks, cssOf, INK, lut, mix, PAPER, phenotypeLooks, pixelOf, rgbOfPixel, type Rgb } from "./colours";
import { spriteOf, type Sprite } from "./markers";
import * as overlay from "./overlay";
import { MISSING, phenotypeNames, radiusFor, VARIABLE_MAP } from "./paint";
import { drawnTypes, rowOf, typeNames } from "./picking";
import type { Raster } from "./raster";
import { levelsOf, shareOf } from "./scale";
import { spacings, type Cells, type Run } from "./source";
import { drawWays, mapOf, outlineLayer, type Picture } from "./tissue";

/** Projection from tissue to canvas: pixel = middle + matrix * (place - centre); depth grows towards the viewer. */
export interface Projection {
  right: [number, number, number];
  up: [number, number, number];
  toward: [number, number, number];
  centre: [number, number, number];
  k: number;
  width: number;
  height: number;
}

const DEPTHS = 10;
const PLANE_COVER = 195;
/** Sine of the elevation below which a plane has no pixels. */
const EDGE_ON = 0.03;
const EDGE_CORNERS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i & 1, (i >> 1) & 1, (i >> 2) & 1]);

export function projectionOf(picture: Picture, width: number, height: number): Projection {
  const { run, state } = picture;
  const a = (state.azimuth * Math.PI) / 180;
  const e = (state.elevation * Math.PI) / 180;
  const centre = [0, 1, 2].map((i) => run.origin[i] + 0.5 * run.size[i]) as [number, number, number];
  const across = Math.hypot(run.size[0], run.size[1]);
  const tall = across * Math.abs(Math.sin(e)) + run.size[2] * Math.cos(e);
  return {
    right: [Math.cos(a), Math.sin(a), 0],
    up: [-Math.sin(a) * Math.sin(e), Math.cos(a) * Math.sin(e), Math.cos(e)],
    toward: [Math.sin(a) * Math.cos(e), -Math.cos(a) * Math.cos(e), Math.sin(e)],
    centre,
    // The same for all azimuths, so that turning does not make the block breathe.
    k: 0.9 * state.distance * Math.min(width / across, height / tall),
    width,
    height,
  };
}

/** Pixel and depth [um] of a place. */
export function project(p: Projection, x: number, y: number, z: number): [number, number, number] {
  const dx = x - p.centre[0];
  const dy = y - p.centre[1];
  const dz = z - p.centre[2];
  return [
    0.5 * p.width + p.k * (dx * p.right[0] + dy * p.right[1] + dz * p.right[2]),
    0.5 * p.height - p.k * (dx * p.up[0] + dy * p.up[1] + dz * p.up[2]),
    dx * p.toward[0] + dy * p.toward[1] + dz * p.toward[2],
  ];
}

/** Place of the plane at height z that a pixel shows; null when the plane is seen from its edge. */
export function unproject(p: Projection, px: number, py: number, z: number): [number, number] | null {
  const across = (px - 0.5 * p.width) / p.k;
  const along = (0.5 * p.height - py) / p.k - (z - p.centre[2]) * p.up[2];
  const determinant = p.right[0] * p.up[1] - p.right[1] * p.up[0];
  if (Math.abs(determinant) < EDGE_ON) return null;
  return [
    p.centre[0] + (across * p.up[1] - along * p.right[1]) / determinant,
    p.centre[1] + (along * p.right[0] - across * p.up[0]) / determinant,
  ];
}

/** Height of the layer that is shown as a plane [um]. */
export function planeHeight(run: Run, z: string): number {
  return run.origin[2] + (outlineLayer(run, z) + 0.5) * spacings(run)[2];
}

export function drawOrbit(raster: Raster, picture: Picture): Projection {
  const { run, shade, cells } = picture;
  const view = projectionOf(picture, raster.canvas.width, raster.canvas.height);
  raster.begin(pixelOf(PAPER[shade]));
  const planeZ = planeHeight(run, picture.z);
  const above = view.toward[2] >= 0;
  const order = cells ? sorted(cells, picture, view) : { rows: new Int32Array(0), depth: new Float32Array(0) };
  const symbols = cells ? depthSprites(cells, picture, view) : null;
  const stampSide = (upper: boolean): void => {
    if (!cells || !symbols) return;
    for (const row of order.rows) {
      if (cells.z[row] >= planeZ !== upper) continue;
      const [px, py] = project(view, cells.x[row], cells.y[row], cells.z[row]);
      raster.stamp(symbols(row, order.depth[row]), px, py);
    }
  };
  // What lies beyond the plane, then the plane, then what lies before it.
  if (picture.field) {
    stampSide(!above);
    paintPlane(raster, picture, view, planeZ);
    stampSide(above);
  } else if (cells && symbols) {
    for (const row of order.rows) {
      const [px, py] = project(view, cells.x[row], cells.y[row], cells.z[row]);
      raster.stamp(symbols(row, order.depth[row]), px, py);
    }
  }
  raster.end();
  drawLines(raster.context, picture, view, planeZ);
  return view;
}

/** Rows of the drawn cells from far to near, by counting, and how near each is, from 0 to 1. */
function sorted(cells: Cells, picture: Picture, view: Projection): { rows: Int32Array; depth: Float32Array } {
  const shown = drawnTypes(picture.run, picture.state);
  const half = 0.5 * Math.hypot(...picture.run.size);
  const bins = 512;
  const depth = new Float32Array(cells.n);
  const count = new Int32Array(bins + 1);
  const bin = new Int16Array(cells.n).fill(-1);
  for (let i = 0; i < cells.n; i += 1) {
    if (cells.place[i] !== 0 || !shown[cells.type[i]]) continue;
    depth[i] = 0.5 + 0.5 * (project(view, cells.x[i], cells.y[i], cells.z[i])[2] / half);
    bin[i] = Math.min(Math.max(Math.floor(depth[i] * bins), 0), bins - 1);
    count[bin[i] + 1] += 1;
  }
  for (let b = 0; b < bins; b += 1) count[b + 1] += count[b];
  const rows = new Int32Array(count[bins]);
  for (let i = 0; i < cells.n; i += 1) if (bin[i] >= 0) rows[count[bin[i]]++] = i;
  return { rows, depth };
}

/** Symbols that pale with distance. */
function depthSprites(cells: Cells, picture: Picture, view: Projection): (row: number, depth: number) => Sprite {
  const { run, state, shade, ratio } = picture;
  const area = 0.45 * picture.run.size[0] * picture.run.size[1];
  const base = radiusFor(cells.n, area * (view.k / ratio) ** 2, state.size) * 1.5 * ratio;
  const special = typeNames(run).indexOf(state.highlight);
  const kept = new Map<number, Sprite>();
  const look = colourer(cells, picture);
  return (row, depth) => {
    const step = Math.min(Math.floor(depth * DEPTHS), DEPTHS - 1);
    const [code, colour, shape] = look(row);
    const key = code * DEPTHS + step;
    let sprite = kept.get(key);
    if (!sprite) {
      const type = cells.type[row];
      const faint = (special >= 0 && type !== special) || colour === MISSING;
      sprite = spriteOf({
        shape,
        colour: mix(PAPER[shade], colour, 0.4 + (0.6 * (step + 1)) / DEPTHS),
        radius: base * (0.75 + (0.5 * step) / DEPTHS) * (type === special ? 1.5 : colour === MISSING ? 0.5 : 1),
        ring: faint ? null : PAPER[shade],
        opacity: faint ? 0.3 : 1,
      });
      kept.set(key, sprite);
    }
    return sprite;
  };
}

function colourer(cells: Cells, picture: Picture): (row: number) => [number, Rgb, ReturnType<typeof cellLooks>[0]["shape"]] {
  const { run, state, shade, variableScale } = picture;
  const looks = cellLooks(typeNames(run), shade);
  const values = cells.variables.get(state.colour);
  if (state.colour === "phenotype") {
    const each = phenotypeLooks(phenotypeNames(run), typeNames(run), shade);
    return (row) => [cells.phenotype[row], each[cells.phenotype[row]].colour, each[cells.phenotype[row]].shape];
  }
  if (values && variableScale) {
    const table = lut(VARIABLE_MAP, shade);
    return (row) => {
      const look = looks[cells.type[row]];
      if (Number.isNaN(values[row])) return [cells.type[row], MISSING, look.shape];
      const step = Math.round(shareOf(values[row], variableScale) * 23);
      return [(step + 1) * looks.length + cells.type[row], rgbOfPixel(table[Math.round((step / 23) * 254)]), look.shape];
    };
  }
  return (row) => [cells.type[row], looks[cells.type[row]].colour, looks[cells.type[row]].shape];
}

/** The layer of the field as a plane: every pixel of its outline looks up its voxel. */
function paintPlane(raster: Raster, picture: Picture, view: Projection, z: number): void {
  const { run, field, scale, state, shade } = picture;
  if (!field || !scale || Math.abs(view.toward[2]) < EDGE_ON) return;
  const table = lut(mapOf(state), shade);
  const levels = levelsOf(field, scale);
  const origin = project(view, run.origin[0], run.origin[1], z);
  const alongX = project(view, run.origin[0] + run.size[0], run.origin[1], z);
  const alongY = project(view, run.origin[0], run.origin[1] + run.size[1], z);
  const [ax, ay] = [alongX[0] - origin[0], alongX[1] - origin[1]];
  const [bx, by] = [alongY[0] - origin[0], alongY[1] - origin[1]];
  const determinant = ax * by - ay * bx;
  const xs = [0, ax, bx, ax + bx].map((v) => v + origin[0]);
  const ys = [0, ay, by, ay + by].map((v) => v + origin[1]);
  const [left, right] = [Math.max(Math.floor(Math.min(...xs)), 0), Math.min(Math.ceil(Math.max(...xs)), raster.width)];
  const [top, bottom] = [Math.max(Math.floor(Math.min(...ys)), 0), Math.min(Math.ceil(Math.max(...ys)), raster.height)];
  const [nx, ny] = [run.shape[2] / field.factor, run.shape[1] / field.factor];
  for (let j = top; j < bottom; j += 1) {
    for (let i = left; i < right; i += 1) {
      const dx = i + 0.5 - origin[0];
      const dy = j + 0.5 - origin[1];
      const u = (dx * by - dy * bx) / determinant;
      const v = (dy * ax - dx * ay) / determinant;
      if (u < 0 || v < 0 || u >= 1 || v >= 1) continue;
      raster.blend(j * raster.width + i, table[levels[Math.floor(v * ny) * field.nx + Math.floor(u * nx)]], PLANE_COVER);
    }
  }
}

function drawLines(context: CanvasRenderingContext2D, picture: Picture, view: Projection, planeZ: number): void {
  const { run, state, shade, ratio, cells } = picture;
  const corner = (i: number, flat?: number): [number, number] => {
    const [x, y, z] = EDGE_CORNERS[i].map((on, axis) => run.origin[axis] + on * run.size[axis]);
    return project(view, x, y, flat ?? z).slice(0, 2) as [number, number];
  };
  context.lineWidth = ratio;
  context.strokeStyle = cssOf(INK[shade], 0.45);
  context.beginPath();
  for (const [a, b] of [[0, 1], [1, 3], [3, 2], [2, 0], [4, 5], [5, 7], [7, 6], [6, 4], [0, 4], [1, 5], [2, 6], [3, 7]]) {
    context.moveTo(...corner(a));
    context.lineTo(...corner(b));
  }
  context.stroke();
  context.strokeStyle = cssOf(INK[shade], 0.9);
  context.beginPath();
  for (const [i, k] of [0, 1, 3, 2].entries()) {
    if (i) context.lineTo(...corner(k, planeZ));
    else context.moveTo(...corner(k, planeZ));
  }
  context.closePath();
  context.stroke();
  const pen: overlay.Pen = { context, shade, ratio, camera: { k: view.k, x: 0, y: 0, width: view.width, height: view.height } };
  if (state.outlines) outlinePlane(pen, run, view, planeZ, outlineLayer(run, picture.z));
  drawWays(pen, picture, (x, y, z) => project(view, x, y, z).slice(0, 2) as [number, number]);
  axes(pen, run, view);
  const row = cells && picture.cell !== null ? rowOf(cells, picture.cell) : -1;
  if (cells && row >= 0 && cells.place[row] === 0) {
    const [px, py] = project(view, cells.x[row], cells.y[row], cells.z[row]);
    overlay.markAt(pen, px, py, 5 * ratio);
  }
  if (picture.scaleBar) overlay.drawScaleBar(pen, 0, view.height, !picture.small);
}

function outlinePlane(pen: overlay.Pen, run: Run, view: Projection, z: number, layer: number): void {
  const { context, ratio } = pen;
  run.regions.forEach((region, i) => {
    context.setLineDash(i === 0 ? [] : [5 * ratio, 3 * ratio]);
    context.beginPath();
    for (const ring of region.outlines[Math.min(layer, region.outlines.length - 1)] ?? []) {
      ring.forEach(([x, y], k) => {
        const [px, py] = project(view, x, y, z);
        if (k) context.lineTo(px, py);
        else context.moveTo(px, py);
      });
      context.closePath();
    }
    context.stroke();
  });
  context.setLineDash([]);
}

/** Names and lengths of the edges, at the corner where they meet. */
function axes(pen: overlay.Pen, run: Run, view: Projection): void {
  const [lx, ly, lz] = run.size;
  const middle = project(view, ...view.centre);
  // The edges of the lower face towards the viewer, and the upright edge at the far left.
  const near = [0, 1].map((axis) => run.origin[axis] + (view.toward[axis] > 0 ? run.size[axis] : 0));
  const low = run.origin[2] + (view.toward[2] < 0 ? lz : 0);
  const upright = [0, 1, 2, 3]
    .map((i): [number, number] => [run.origin[0] + (i & 1) * lx, run.origin[1] + (i >> 1) * ly])
    .reduce((best, one) => (project(view, ...one, low)[0] < project(view, ...best, low)[0] ? one : best));
  const ends: [string, [number, number, number], number][] = [
    ["x", [view.centre[0], near[1], low], lx],
    ["y", [near[0], view.centre[1], low], ly],
    ["z", [...upright, view.centre[2]], lz],
  ];
  for (const [name, place, length] of ends) {
    const [px, py] = project(view, ...place);
    const away = Math.hypot(px - middle[0], py - middle[1]) || 1;
    const shift = 16 * pen.ratio;
    const room = 72 * pen.ratio;
    overlay.write(
      pen,
      `${name} ${length >= 1000 ? `${length / 1000} mm` : `${Number(length.toPrecision(4))} µm`}`,
      Math.min(Math.max(px + (shift * (px - middle[0])) / away, room), view.width - room),
      py + (shift * (py - middle[1])) / away,
      px < middle[0] - 10 ? "right" : px > middle[0] + 10 ? "left" : "center",
    );
  }
}
