// What is at a place: the value of the field there, and the nearest cell.  Both come from the data, not from pixels.

import { spacings, type Cells, type Field, type Run } from "./source";
import type { ViewState } from "./state";

/** Voxel (or block of voxels) of a field at a place [um]: column, row, and index into its values; null outside. */
export function voxelAt(run: Run, field: Field, x: number, y: number): { column: number; row: number; index: number } | null {
  const [dx, dy] = spacings(run);
  const voxelX = Math.floor((x - run.origin[0]) / dx);
  const voxelY = Math.floor((y - run.origin[1]) / dy);
  if (voxelX < 0 || voxelY < 0 || voxelX >= run.shape[2] || voxelY >= run.shape[1]) return null;
  const column = Math.floor(voxelX / field.factor);
  const row = Math.floor(voxelY / field.factor);
  return { column, row, index: row * field.nx + column };
}

/** Whether cells of a layer or of all are wanted, as a test of their z. */
export function layerTest(run: Run, z: string): (z: number) => boolean {
  if (run.shape[0] === 1 || z === "max" || z === "mean" || z === "all") return () => true;
  const layer = Number(z);
  const spacing = spacings(run)[2];
  const top = run.shape[0] - 1;
  return (value) => Math.min(Math.max(Math.floor((value - run.origin[2]) / spacing), 0), top) === layer;
}

/** Which cells are drawn: those in the tissue, of a type that is not hidden. */
export function drawnTypes(run: Run, state: ViewState): boolean[] {
  return typeNames(run).map((name) => !state.hidden.includes(name));
}

export function typeNames(run: Run): string[] {
  return run.columns.find((column) => column.name === "type")?.codes ?? [];
}

/** Row of the drawn cell nearest to a place within a reach [um]; -1 for none. */
export function cellAt(run: Run, state: ViewState, cells: Cells, x: number, y: number, reach: number, z = state.z): number {
  const shown = drawnTypes(run, state);
  const inLayer = layerTest(run, z);
  let best = -1;
  let least = reach * reach;
  for (let i = 0; i < cells.n; i += 1) {
    const distance = (cells.x[i] - x) ** 2 + (cells.y[i] - y) ** 2;
    if (distance > least || cells.place[i] !== 0 || !shown[cells.type[i]] || !inLayer(cells.z[i])) continue;
    best = i;
    least = distance;
  }
  return best;
}

/** Row of the cell of an identity; -1 if it is not in the frame. */
export function rowOf(cells: Cells, id: number): number {
  return cells.id.indexOf(id);
}
