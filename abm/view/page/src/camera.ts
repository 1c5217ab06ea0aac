// From tissue [um] to pixels and back.  x goes right, y up.

import type { Run } from "./source";
import type { ViewState } from "./state";

export interface Camera {
  /** Pixels per um. */
  k: number;
  /** Place [um] in the middle of the canvas. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export const MOST_ZOOM = 200;
export const LEAST_ZOOM = 0.5;

/** Pixels per um at which the whole tissue just fits. */
function fitting(run: Run, width: number, height: number): number {
  return Math.min((width - 2) / run.size[0], (height - 2) / run.size[1]);
}

/** Middle of the tissue [um]. */
export function middleOf(run: Run): { x: number; y: number } {
  return { x: run.origin[0] + 0.5 * run.size[0], y: run.origin[1] + 0.5 * run.size[1] };
}

export function cameraOf(run: Run, state: ViewState["camera"], width: number, height: number): Camera {
  const { x, y, zoom } = state ?? { ...middleOf(run), zoom: 1 };
  return { k: fitting(run, width, height) * zoom, x, y, width, height };
}

export function toPixel(camera: Camera, x: number, y: number): [number, number] {
  return [(x - camera.x) * camera.k + 0.5 * camera.width, 0.5 * camera.height - (y - camera.y) * camera.k];
}

export function toTissue(camera: Camera, px: number, py: number): [number, number] {
  return [(px - 0.5 * camera.width) / camera.k + camera.x, (0.5 * camera.height - py) / camera.k + camera.y];
}

/** Magnified by a factor around a place of the tissue that stays where it is. */
export function zoomed(run: Run, state: ViewState["camera"], factor: number, at?: [number, number]): ViewState["camera"] {
  const now = state ?? { ...middleOf(run), zoom: 1 };
  const zoom = Math.min(Math.max(now.zoom * factor, LEAST_ZOOM), MOST_ZOOM);
  const [x, y] = at ?? [now.x, now.y];
  const share = now.zoom / zoom;
  return bounded(run, { x: x + (now.x - x) * share, y: y + (now.y - y) * share, zoom });
}

/** Moved by a length of tissue [um]. */
export function panned(run: Run, state: ViewState["camera"], dx: number, dy: number): ViewState["camera"] {
  const now = state ?? { ...middleOf(run), zoom: 1 };
  return bounded(run, { x: now.x + dx, y: now.y + dy, zoom: now.zoom });
}

/** The middle of the picture stays on the tissue, so that nobody gets lost. */
function bounded(run: Run, camera: NonNullable<ViewState["camera"]>): ViewState["camera"] {
  const within = (value: number, axis: 0 | 1): number =>
    Math.min(Math.max(value, run.origin[axis]), run.origin[axis] + run.size[axis]);
  return { x: within(camera.x, 0), y: within(camera.y, 1), zoom: camera.zoom };
}
