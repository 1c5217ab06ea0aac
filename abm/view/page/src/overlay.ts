// Lines and text on top of a picture: outlines of regions, scale bar, tracks and trails, marks of cell and crosshair.

import { toPixel, type Camera } from "./camera";
import { cssOf, INK, PAPER, rgbOf, type Shade } from "./colours";
import { roundStep } from "./scale";
import type { Region, Ring, Run, Track, Trail } from "./source";

const MARK = "#D55E00";
const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

export interface Pen {
  context: CanvasRenderingContext2D;
  camera: Camera;
  shade: Shade;
  /** Pixels of the canvas per pixel of the page. */
  ratio: number;
}

function halo(pen: Pen, draw: (context: CanvasRenderingContext2D) => void, colour: string, width: number, around = 2): void {
  const { context, shade, ratio } = pen;
  context.strokeStyle = cssOf(PAPER[shade], 0.75);
  context.lineWidth = (width + around) * ratio;
  const dash = context.getLineDash();
  context.setLineDash([]);
  draw(context);
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width * ratio;
  draw(context);
}

/** Outlines of the regions in a layer, the first (the site) solid, others dashed; named when there is room. */
export function drawRegions(pen: Pen, run: Run, layer: number, names: boolean): void {
  const { context, camera, shade, ratio } = pen;
  context.save();
  context.lineJoin = "round";
  run.regions.forEach((region, i) => {
    const rings = ringsOf(region, layer);
    if (rings.length === 0) return;
    context.setLineDash(i === 0 ? [] : [5 * ratio, 3 * ratio]);
    const path = new Path2D();
    for (const ring of rings) {
      ring.forEach(([x, y], k) => {
        const [px, py] = toPixel(camera, x, y);
        if (k) path.lineTo(px, py);
        else path.moveTo(px, py);
      });
      path.closePath();
    }
    halo(pen, (c) => c.stroke(path), cssOf(INK[shade]), names ? 1.25 : 1, names ? 2 : 1);
    if (names) {
      const top = rings.flat().reduce((best, point) => (point[1] > best[1] ? point : best));
      const middle = rings[0].reduce((sum, point) => sum + point[0], 0) / rings[0].length;
      const [px, py] = toPixel(camera, middle, top[1]);
      write(pen, region.label, px, py - 6 * ratio, "center");
    }
  });
  context.restore();
}

function ringsOf(region: Region, layer: number): Ring[] {
  return region.outlines[Math.min(layer, region.outlines.length - 1)] ?? [];
}

/** Text on a plate of its own, which can be read on anything. */
export function write(pen: Pen, text: string, x: number, y: number, align: CanvasTextAlign, size = 11): void {
  const { context, shade, ratio } = pen;
  context.save();
  context.setLineDash([]);
  context.font = `${size * ratio}px ${FONT}`;
  context.textBaseline = "alphabetic";
  const width = context.measureText(text).width;
  const left = align === "center" ? x - 0.5 * width : align === "right" ? x - width : x;
  const pad = 3 * ratio;
  context.fillStyle = cssOf(PAPER[shade], 0.8);
  context.fillRect(left - pad, y - size * ratio, width + 2 * pad, (size + 3) * ratio);
  context.fillStyle = cssOf(INK[shade]);
  context.fillText(text, left, y);
  context.restore();
}

/** A bar of a round length on a plate of its own, its lower left corner at a pixel. */
export function drawScaleBar(pen: Pen, left: number, bottom: number, name: boolean): void {
  const { context, camera, shade, ratio } = pen;
  const length = roundStep((0.12 * Math.min(camera.width, camera.height)) / camera.k);
  const width = length * camera.k;
  const pad = 6 * ratio;
  const height = (name ? 25 : 14) * ratio;
  const x = left + 8 * ratio;
  const y = bottom - 8 * ratio;
  context.fillStyle = cssOf(PAPER[shade], 0.88);
  context.fillRect(x, y - height, width + 2 * pad, height);
  context.fillStyle = cssOf(INK[shade]);
  context.fillRect(x + pad, y - pad - 2.5 * ratio, width, 2.5 * ratio);
  if (!name) return;
  const text = length >= 1000 ? `${length / 1000} mm` : `${Number(length.toPrecision(3))} µm`;
  write(pen, text, x + pad + 0.5 * width, y - pad - 6 * ratio, "center");
}

/** Thin frame around the tissue, which may be as pale as the paper. */
export function drawFrame(pen: Pen, left: number, top: number, width: number, height: number): void {
  const { context, shade, ratio } = pen;
  context.strokeStyle = cssOf(INK[shade], 0.3);
  context.lineWidth = ratio;
  context.strokeRect(left, top, width, height);
}

/** Pixel of a place of the tissue [um]. */
export type Place = (x: number, y: number, z: number) => [number, number];

/** Way of the selected cell: what is behind it strong, what is ahead thin. */
export function drawTrack(pen: Pen, track: Track, time: number, place: Place): void {
  const { context, ratio } = pen;
  const behind = new Path2D();
  const ahead = new Path2D();
  let before: [number, number] | null = null;
  track.time.forEach((moment, i) => {
    if (track.place[i] !== 0) {
      before = null;
      return;
    }
    const now = place(track.x[i], track.y[i], track.z[i]);
    if (before) {
      const path = moment <= time + 1e-9 ? behind : ahead;
      path.moveTo(...before);
      path.lineTo(...now);
    }
    before = now;
  });
  context.save();
  context.lineCap = "round";
  context.strokeStyle = cssOf(rgbOf(MARK), 0.5);
  context.lineWidth = ratio;
  context.stroke(ahead);
  halo(pen, (c) => c.stroke(behind), MARK, 1.75);
  context.restore();
}

/** Trails, strongest at their end. */
export function drawTrails(pen: Pen, trails: readonly Trail[], colour: string, place: Place): void {
  const { context, ratio } = pen;
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = 1.4 * ratio;
  context.lineCap = "round";
  const bands = 4;
  for (let band = 0; band < bands; band += 1) {
    const path = new Path2D();
    for (const { x, y, z } of trails) {
      const steps = x.length - 1;
      for (let i = Math.floor((band / bands) * steps); i < Math.floor(((band + 1) / bands) * steps); i += 1) {
        path.moveTo(...place(x[i], y[i], z[i]));
        path.lineTo(...place(x[i + 1], y[i + 1], z[i + 1]));
      }
    }
    context.globalAlpha = 0.3 + (0.65 * (band + 1)) / bands;
    context.stroke(path);
  }
  context.restore();
}

/** Ring around the selected cell. */
export function drawMark(pen: Pen, x: number, y: number, radius: number): void {
  const [px, py] = toPixel(pen.camera, x, y);
  markAt(pen, px, py, radius);
}

/** The same at a pixel. */
export function markAt(pen: Pen, px: number, py: number, radius: number): void {
  const path = new Path2D();
  path.arc(px, py, radius + 4 * pen.ratio, 0, 2 * Math.PI);
  halo(pen, (c) => c.stroke(path), MARK, 2);
}

/** Crosshair moved by the keyboard, with a gap that leaves the place free. */
export function drawCrosshair(pen: Pen, x: number, y: number): void {
  const [px, py] = toPixel(pen.camera, x, y);
  const path = new Path2D();
  const [inner, outer] = [5 * pen.ratio, 16 * pen.ratio];
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(px + dx * inner, py + dy * inner);
    path.lineTo(px + dx * outer, py + dy * outer);
  }
  halo(pen, (c) => c.stroke(path), MARK, 1.75);
}
