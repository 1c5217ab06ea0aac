// Colours: maps of numbers told apart with any common colour vision, and the fixed colours of cell types and arms,
// the same as in the figures of abm/view/style.py (Okabe and Ito 2008).

import type { MapName } from "./state";

export type Shade = "light" | "dark";

/** Levels of a colour map; the index after the last means nothing is there. */
export const LEVELS = 255;
export const OUTSIDE = 255;

// Control points at equal distances, six hexadecimal digits each; perceptually uniform maps as in matplotlib.
const POINTS: Record<"cividis" | "viridis" | "magma", string> = {
  cividis:
    "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
  viridis:
    "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
  magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf",
};

// Under cells a field is grey, so that the hues of the cells stay readable.
const GREYS: Record<Shade, string> = { light: "fafafae6e6e6cbcbcbaaaaaa808080", dark: "181c20252b31394047596169878f98" };

const OUTSIDE_COLOUR: Record<Shade, string> = { light: "e9ebee", dark: "202429" };

export type Rgb = readonly [number, number, number];

export function rgbOf(hex: string): Rgb {
  const digits = hex.replace("#", "");
  return [0, 2, 4].map((i) => Number.parseInt(digits.slice(i, i + 2), 16)) as unknown as Rgb;
}

export function cssOf(rgb: Rgb, alpha = 1): string {
  return `rgb(${rgb.map((v) => Math.round(v)).join(" ")} / ${alpha})`;
}

/** One pixel as ImageData holds it on a little-endian machine. */
export function pixelOf([r, g, b]: Rgb): number {
  return ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
}

export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => a[i] + (b[i] - a[i]) * share) as unknown as Rgb;
}

const luts = new Map<string, Uint32Array>();

/** 256 pixels: the levels of a map and, last, the colour of what is outside the tissue. */
export function lut(name: Exclude<MapName, "auto">, shade: Shade): Uint32Array {
  const key = `${name} ${shade}`;
  const there = luts.get(key);
  if (there) return there;
  const points = name === "greys" ? GREYS[shade] : POINTS[name];
  const count = points.length / 6;
  const colours = Array.from({ length: count }, (_, i) => rgbOf(points.slice(6 * i, 6 * i + 6)));
  const table = new Uint32Array(LEVELS + 1);
  for (let i = 0; i < LEVELS; i += 1) {
    const place = (i / (LEVELS - 1)) * (count - 1);
    const from = Math.min(Math.floor(place), count - 2);
    table[i] = pixelOf(mix(colours[from], colours[from + 1], place - from));
  }
  table[OUTSIDE] = pixelOf(rgbOf(OUTSIDE_COLOUR[shade]));
  luts.set(key, table);
  return table;
}

export function rgbOfPixel(pixel: number): Rgb {
  return [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
}

export const PAPER: Record<Shade, Rgb> = { light: [255, 255, 255], dark: [16, 19, 22] };
export const INK: Record<Shade, Rgb> = { light: [20, 24, 28], dark: [238, 241, 244] };

const ORANGE = "#E69F00";
const SKY = "#56B4E9";
const GREEN = "#009E73";
const YELLOW = "#F0E442";
const BLUE = "#0072B2";
const BLUE_ON_DARK = "#3C9AD8";
const VERMILLION = "#D55E00";
const PURPLE = "#CC79A7";
const GREY = "#7F7F7F";

export type Shape = "disc" | "triangle" | "diamond" | "square" | "plus" | "hexagon";

const CELLS: Record<string, [string, Shape]> = {
  microglia: [GREEN, "disc"],
  astrocyte: [ORANGE, "triangle"],
  t_cell: [PURPLE, "diamond"],
  neuron: ["ink", "square"],
  msc: [BLUE, "plus"],
};
const OTHER_CELLS: [string, Shape][] = [
  [VERMILLION, "hexagon"],
  [SKY, "disc"],
  [YELLOW, "diamond"],
  [GREY, "square"],
];

export interface CellLook {
  colour: Rgb;
  shape: Shape;
}

/** Ink follows the theme; the blue is too dark to be seen on black. */
function named(colour: string, shade: Shade): Rgb {
  if (colour === "ink") return INK[shade];
  return rgbOf(colour === BLUE && shade === "dark" ? BLUE_ON_DARK : colour);
}

/** Colour and shape of every cell type, in the order given. */
export function cellLooks(types: readonly string[], shade: Shade): CellLook[] {
  let others = 0;
  return types.map((type) => {
    const look = CELLS[type] ?? OTHER_CELLS[others++ % OTHER_CELLS.length];
    return { colour: named(look[0], shade), shape: look[1] };
  });
}

/** The first phenotype of a type is one of rest, drawn pale; for these types it is the other way round. */
const FIRST_IS_ACTIVE = new Set(["t_cell"]);
const REST = 0.5;

/** Looks of phenotypes named `type:phenotype`, in the order given. */
export function phenotypeLooks(phenotypes: readonly string[], types: readonly string[], shade: Shade): CellLook[] {
  const looks = cellLooks(types, shade);
  const seen = new Map<string, number>();
  const total = new Map<string, number>();
  for (const name of phenotypes) total.set(name.split(":")[0], (total.get(name.split(":")[0]) ?? 0) + 1);
  return phenotypes.map((name) => {
    const type = name.split(":")[0];
    const rank = seen.get(type) ?? 0;
    seen.set(type, rank + 1);
    const look = looks[types.indexOf(type)] ?? { colour: rgbOf(GREY), shape: "disc" as const };
    const resting = (total.get(type) ?? 1) > 1 && (FIRST_IS_ACTIVE.has(type) ? rank === 1 : rank === 0);
    const strong = rank > 1 ? mix(look.colour, INK[shade], 0.35 * (rank - 1)) : look.colour;
    return { ...look, colour: resting ? mix(look.colour, shade === "light" ? PAPER.light : [70, 76, 82], REST) : strong };
  });
}

const ARMS: Record<string, [string, number[]]> = {
  naive: [GREY, [1, 2]],
  sham: ["ink", [8, 3, 2, 3]],
  cci: [VERMILLION, []],
  sni: [GREEN, [6, 2, 2, 2]],
  cci_bmsc: [BLUE, [9, 3]],
  cci_tgfb1: [PURPLE, [3, 2]],
};
const OTHER_ARMS: [string, number[]][] = [
  [ORANGE, [5, 2]],
  [SKY, []],
  [GREEN, [9, 3]],
  [GREY, []],
];

export interface LineLook {
  colour: string;
  dash: number[];
}

/** Line of every run: its arm's colour; replicates of one arm differ by dashes. */
export function runLooks(arms: readonly string[], shade: Shade): LineLook[] {
  const others = [...new Set(arms.filter((arm) => !(arm in ARMS)))];
  const seen = new Map<string, number>();
  const dashes = [[], [6, 3], [2, 2], [9, 3, 2, 3]];
  return arms.map((arm) => {
    const look = ARMS[arm] ?? OTHER_ARMS[others.indexOf(arm) % OTHER_ARMS.length];
    const rank = seen.get(arm) ?? 0;
    seen.set(arm, rank + 1);
    const dash = rank === 0 ? look[1] : dashes[rank % dashes.length];
    return { colour: cssOf(named(look[0], shade)), dash: arms.length > 1 ? dash : [] };
  });
}
