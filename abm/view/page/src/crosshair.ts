// Reading and selecting by keyboard: a crosshair in the picture that has the focus.

import { toTissue } from "./camera";
import { cellAt } from "./picking";
import { under, type Under } from "./pointer";
import { spacings } from "./source";
import type { Panel, Stage } from "./stage";
import type { Store } from "./state";

const TURN = 5;
const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Crosshair {
  constructor(
    private readonly store: Store,
    private readonly stage: () => Stage,
    private readonly read: (panel: Panel | null, found: Under | null, aloud: boolean) => void,
    private readonly redraw: () => void,
  ) {}

  wire(panel: Panel): void {
    panel.raster.canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      const step = STEPS[event.key];
      if (step) {
        event.preventDefault();
        if (panel.kind === "orbit") this.turn(step);
        else this.move(panel, step);
      } else if (event.key === "Enter") {
        event.preventDefault();
        this.select(panel);
      } else if (event.key === "Escape" && this.stage().crosshair) {
        event.preventDefault();
        this.stage().crosshair = null;
        this.read(null, null, false);
        this.redraw();
      }
    });
  }

  private turn([dx, dy]: [number, number]): void {
    const { azimuth, elevation } = this.store.state;
    this.store.change({
      azimuth: ((((azimuth + dx * TURN + 180) % 360) + 360) % 360) - 180,
      elevation: Math.min(Math.max(elevation + dy * TURN, -90), 90),
    });
  }

  /** Start in the voxel in the middle of the picture, then go voxel by voxel. */
  private move(panel: Panel, [dx, dy]: [number, number]): void {
    const { run, camera } = panel;
    if (!camera) return;
    const [sx, sy] = spacings(run);
    const now = this.stage().crosshair;
    const [x, y] = now?.panel === panel.key ? now.at : toTissue(camera, 0.5 * camera.width, 0.5 * camera.height);
    const column = Math.floor((x - run.origin[0]) / sx) + dx;
    const row = Math.floor((y - run.origin[1]) / sy) + dy;
    const at: [number, number] = [
      run.origin[0] + (Math.min(Math.max(column, 0), run.shape[2] - 1) + 0.5) * sx,
      run.origin[1] + (Math.min(Math.max(row, 0), run.shape[1] - 1) + 0.5) * sy,
    ];
    this.stage().crosshair = { panel: panel.key, at };
    this.read(panel, under(panel, this.store, ...at), true);
    this.redraw();
  }

  /** The nearest cell, however far: a keyboard need not aim. */
  private select(panel: Panel): void {
    const crosshair = this.stage().crosshair;
    if (!panel.cells || crosshair?.panel !== panel.key) return;
    const row = cellAt(panel.run, this.store.state, panel.cells, ...crosshair.at, Infinity, panel.z);
    if (row >= 0) this.store.change({ cell: panel.cells.id[row], of: panel.run.id });
  }
}
