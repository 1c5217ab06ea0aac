// How cells look now: the symbol of every cell by type, phenotype or the value of a variable.

import { cellLooks, INK, lut, mix, PAPER, phenotypeLooks, rgbOf, rgbOfPixel, type CellLook, type Rgb, type Shade } from "./colours";
import { spriteOf, type Sprite } from "./markers";
import { drawnTypes, layerTest, typeNames } from "./picking";
import { shareOf, type Scale } from "./scale";
import type { Cells, Run } from "./source";
import type { ViewState } from "./state";

/** Colours of a variable: few enough to keep one symbol each. */
const STEPS = 24;
export const MISSING: Rgb = rgbOf("#9AA0A6");
const FAINT = 0.28;

/** Map of the variables; another than that of the fields, so that the two bars cannot be mixed up. */
export const VARIABLE_MAP = "viridis";

export interface Paint {
  /** Symbol of the cell in a row; null when it is not drawn. */
  of(row: number): Sprite | null;
  /** Whether it is drawn after the others. */
  onTop(row: number): boolean;
}

export interface Look {
  run: Run;
  state: ViewState;
  shade: Shade;
  /** Radius of a symbol [px]. */
  radius: number;
  /** Colour scale of the variable shown, if one is. */
  scale: Scale | null;
  z: string;
}

/** Radius that lets cells of this number be told apart on an area [px]. */
export function radiusFor(count: number, area: number, size: number): number {
  const room = 0.26 * Math.sqrt(area / Math.max(count, 1));
  return Math.min(Math.max(room, 1.1), 3.6) * size;
}

/** Phenotype codes, in the order of the recorded table. */
export function phenotypeNames(run: Run): string[] {
  return run.columns.find((column) => column.name === "phenotype")?.codes ?? [];
}

export function paintOf(cells: Cells, look: Look): Paint {
  const { run, state } = look;
  const shown = drawnTypes(run, state);
  const inLayer = layerTest(run, look.z);
  const types = typeNames(run);
  const special = types.indexOf(state.highlight);
  const dead = run.columns.find((column) => column.name === "status")?.codes?.indexOf("dead") ?? -1;
  const choose = chooser(cells, look, (type) => (special >= 0 && type !== special ? FAINT : 1));
  return {
    of(row) {
      const type = cells.type[row];
      if (cells.place[row] !== 0 || !shown[type] || !inLayer(cells.z[row])) return null;
      return choose(row, cells.status[row] === dead);
    },
    onTop: (row) => (special >= 0 ? cells.type[row] === special : types[cells.type[row]] === "msc"),
  };
}

/** Symbols by the kind of colouring asked for, each made when it is first needed. */
function chooser(cells: Cells, look: Look, opacity: (type: number) => number): (row: number, dead: boolean) => Sprite {
  const { run, state, shade, radius } = look;
  const types = typeNames(run);
  const looks = cellLooks(types, shade);
  // The dark end of a map would be lost on black.
  const ring = cells.variables.has(state.colour) && shade === "dark" ? mix(PAPER.dark, INK.dark, 0.5) : PAPER[shade];
  const enlarged = types.indexOf(state.highlight);
  const kept: (Sprite | undefined)[] = [];
  const keep = (key: number, type: number, one: CellLook, dead: boolean): Sprite => {
    const slot = key * 2 + Number(dead);
    const faint = opacity(type) * (dead ? 0.45 : 1);
    return (kept[slot] ??= spriteOf({
      shape: one.shape,
      colour: one.colour,
      radius: type === enlarged ? radius * 1.5 : radius,
      ring: faint < 1 ? null : ring,
      opacity: faint,
    }));
  };
  if (state.colour === "phenotype") {
    const each = phenotypeLooks(phenotypeNames(run), types, shade);
    return (row, dead) => keep(cells.phenotype[row], cells.type[row], each[cells.phenotype[row]], dead);
  }
  const values = cells.variables.get(state.colour);
  if (values && look.scale) {
    const scale = look.scale;
    const table = lut(VARIABLE_MAP, shade);
    const top = table.length - 2;
    // Cells whose type lacks the variable stay as a hint of where tissue is.
    const missing = spriteOf({ shape: "disc", radius: 0.4 * radius, colour: MISSING, ring: null, opacity: 0.4 });
    return (row, dead) => {
      const type = cells.type[row];
      const value = values[row];
      if (value !== value) return missing;
      const step = Math.round(shareOf(value, scale) * (STEPS - 1));
      const colour = rgbOfPixel(table[Math.round((step / (STEPS - 1)) * top)]);
      return keep(type * STEPS + step, type, { shape: looks[type].shape, colour }, dead);
    };
  }
  return (row, dead) => keep(cells.type[row], cells.type[row], looks[cells.type[row]], dead);
}
