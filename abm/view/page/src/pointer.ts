// Mouse, touch and wheel on the pictures: pan, zoom, turn, read values, select a cell.

import { panned, toTissue, zoomed } from "./camera";
import { planeHeight, project, unproject } from "./orbit";
import { cellAt, drawnTypes, voxelAt } from "./picking";
import type { Panel } from "./stage";
import type { Store } from "./state";

/** Reach around the pointer within which a cell is taken [px of the page]. */
const REACH = 9;
const DRAG = 4;
const DEGREES_PER_PIXEL = 0.4;

/** What is under the pointer or the crosshair. */
export interface Under {
  run: string;
  x: number;
  y: number;
  cytokine: string;
  value: number | null;
  /** Voxels per side that the value is the mean of. */
  factor: number;
  quantised: boolean;
  cell: number | null;
  row: number;
}

/** Field value and nearest cell at a place of a panel [um]. */
export function under(panel: Panel, store: Store, x: number, y: number): Under {
  const { run, field, cells, camera } = panel;
  const ratio = ratioOf(panel);
  const voxel = field && voxelAt(run, field, x, y);
  const value = field && voxel ? field.values[voxel.index] : null;
  const reach = camera ? (REACH * ratio) / camera.k : 0;
  let row = -1;
  if (panel.projection) {
    const [px, py] = project(panel.projection, x, y, planeHeight(run, panel.z));
    row = orbitRow(panel, store, px, py);
  } else if (cells) row = cellAt(run, store.state, cells, x, y, reach, panel.z);
  return {
    run: run.id,
    x,
    y,
    cytokine: panel.cytokine,
    value: value === null || Number.isNaN(value) ? null : value,
    factor: field?.factor ?? 1,
    quantised: field?.quantised ?? false,
    cell: cells && row >= 0 ? cells.id[row] : null,
    row,
  };
}

function ratioOf(panel: Panel): number {
  return panel.raster.canvas.width / Math.max(panel.raster.canvas.clientWidth, 1);
}

function placeOf(panel: Panel, event: PointerEvent | WheelEvent): [number, number] {
  const box = panel.raster.canvas.getBoundingClientRect();
  const ratio = ratioOf(panel);
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
}

/** Row of the cell in front of the others at a pixel of the 3-D view; -1 for none. */
function orbitRow(panel: Panel, store: Store, px: number, py: number): number {
  const { cells, projection, run } = panel;
  if (!cells || !projection) return -1;
  const shown = drawnTypes(run, store.state);
  const reach = (REACH * ratioOf(panel)) ** 2;
  let best = -1;
  let nearest = -Infinity;
  for (let i = 0; i < cells.n; i += 1) {
    if (cells.place[i] !== 0 || !shown[cells.type[i]]) continue;
    const [x, y, depth] = project(projection, cells.x[i], cells.y[i], cells.z[i]);
    if ((x - px) ** 2 + (y - py) ** 2 > reach || depth < nearest) continue;
    [best, nearest] = [i, depth];
  }
  return best;
}

export class Pointer {
  /** Pointers that are down, by id, at their last place. */
  private readonly down = new Map<number, [number, number]>();
  private moved = false;
  private pinch = 0;

  constructor(
    private readonly store: Store,
    private readonly hover: (panel: Panel | null, found: Under | null) => void,
  ) {}

  wire(panel: Panel): void {
    const canvas = panel.raster.canvas;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.down.set(event.pointerId, [event.clientX, event.clientY]);
      this.moved = false;
      this.pinch = 0;
    });
    canvas.addEventListener("pointermove", (event) => this.move(panel, event));
    canvas.addEventListener("pointerup", (event) => this.up(panel, event));
    canvas.addEventListener("pointercancel", (event) => this.forget(panel, event));
    canvas.addEventListener("pointerleave", () => {
      if (this.down.size === 0) this.hover(null, null);
    });
    canvas.addEventListener("wheel", (event) => this.wheel(panel, event), { passive: false });
    canvas.addEventListener("dblclick", () => this.store.change(panel.kind === "orbit" ? { distance: 1 } : { camera: null }));
  }

  private move(panel: Panel, event: PointerEvent): void {
    const last = this.down.get(event.pointerId);
    if (!last) {
      this.read(panel, event);
      return;
    }
    const dx = event.clientX - last[0];
    const dy = event.clientY - last[1];
    if (!this.moved && Math.hypot(dx, dy) < DRAG) return;
    this.moved = true;
    panel.raster.canvas.classList.add("dragging");
    this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.down.size === 2) this.pinched(panel);
    else if (panel.kind === "orbit") this.turn(dx, dy);
    else if (panel.camera) {
      const scale = ratioOf(panel) / panel.camera.k;
      this.store.change({ camera: panned(panel.run, this.store.state.camera, -dx * scale, dy * scale), follow: false });
    }
  }

  private turn(dx: number, dy: number): void {
    const { azimuth, elevation } = this.store.state;
    const turned = azimuth - dx * DEGREES_PER_PIXEL;
    this.store.change({
      azimuth: ((((turned + 180) % 360) + 360) % 360) - 180,
      elevation: Math.min(Math.max(elevation + dy * DEGREES_PER_PIXEL, -90), 90),
    });
  }

  private pinched(panel: Panel): void {
    const [a, b] = [...this.down.values()];
    const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (this.pinch > 0 && apart > 0) this.magnify(panel, apart / this.pinch);
    this.pinch = apart;
  }

  private up(panel: Panel, event: PointerEvent): void {
    const click = this.down.has(event.pointerId) && !this.moved && event.button === 0;
    this.forget(panel, event);
    if (!click) return;
    const [px, py] = placeOf(panel, event);
    if (panel.kind === "orbit") {
      const row = orbitRow(panel, this.store, px, py);
      this.store.change({ cell: row < 0 ? null : panel.cells!.id[row], of: panel.run.id });
      return;
    }
    if (!panel.camera || !panel.withCells) return;
    const found = under(panel, this.store, ...toTissue(panel.camera, px, py));
    this.store.change(found.cell === null ? { cell: null, follow: false } : { cell: found.cell, of: found.run });
  }

  private forget(panel: Panel, event: PointerEvent): void {
    this.down.delete(event.pointerId);
    if (this.down.size === 0) panel.raster.canvas.classList.remove("dragging");
  }

  private wheel(panel: Panel, event: WheelEvent): void {
    event.preventDefault();
    const steps = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    const at = panel.camera ? toTissue(panel.camera, ...placeOf(panel, event)) : undefined;
    this.magnify(panel, 1.0015 ** -steps, at);
  }

  private magnify(panel: Panel, factor: number, at?: [number, number]): void {
    if (panel.kind === "orbit") {
      this.store.change({ distance: Math.min(Math.max(this.store.state.distance * factor, 0.2), 20) });
    } else this.store.change({ camera: zoomed(panel.run, this.store.state.camera, factor, at) });
  }

  private read(panel: Panel, event: PointerEvent): void {
    const [px, py] = placeOf(panel, event);
    const at = panel.projection
      ? unproject(panel.projection, px, py, planeHeight(panel.run, panel.z))
      : panel.camera && toTissue(panel.camera, px, py);
    if (!at) return;
    const [x, y] = at;
    const { origin, size } = panel.run;
    const inside = x >= origin[0] && y >= origin[1] && x < origin[0] + size[0] && y < origin[1] + size[1];
    if (inside) this.hover(panel, under(panel, this.store, x, y));
    else this.hover(null, null);
  }
}
