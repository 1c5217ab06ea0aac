// Symbols of cells, drawn once for every shape, size and colour, then stamped thousands of times.

import { cssOf, type Rgb, type Shape } from "./colours";

/** Pixels of a symbol: place relative to the cell, colour, cover from 1 to 255. */
export interface Sprite {
  radius: number;
  n: number;
  dx: Int16Array;
  dy: Int16Array;
  colour: Uint32Array;
  cover: Uint8Array;
}

export interface SpriteLook {
  shape: Shape;
  /** [px] */
  radius: number;
  colour: Rgb;
  /** Line around the symbol that sets it off from what is below; null for none. */
  ring: Rgb | null;
  opacity: number;
}

const sprites = new Map<string, Sprite>();
const MOST = 4000;
/** Around smaller symbols a ring would be most of what is seen [px]. */
const LEAST_RINGED = 2.6;

/** The symbol of a look. */
export function spriteOf(look: SpriteLook): Sprite {
  const radius = Math.max(Math.round(look.radius * 4) / 4, 0.5);
  const key = `${look.shape} ${radius} ${cssOf(look.colour)} ${look.ring ? cssOf(look.ring) : "-"} ${look.opacity.toFixed(2)}`;
  let sprite = sprites.get(key);
  if (!sprite) {
    if (sprites.size > MOST) sprites.clear();
    sprite = drawn({ ...look, radius });
    sprites.set(key, sprite);
  }
  return sprite;
}

/** Path of a shape around the origin; all shapes cover about the same area. */
export function trace(context: CanvasPath, shape: Shape, r: number, x = 0, y = 0): void {
  const polygon = (points: [number, number][]): void => {
    points.forEach(([px, py], i) => (i ? context.lineTo(x + px * r, y + py * r) : context.moveTo(x + px * r, y + py * r)));
    context.closePath();
  };
  if (shape === "disc") {
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
  } else if (shape === "square") polygon([[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]]);
  else if (shape === "diamond") polygon([[0, -1.25], [1.15, 0], [0, 1.25], [-1.15, 0]]);
  else if (shape === "triangle") polygon([[0, -1.25], [1.18, 0.85], [-1.18, 0.85]]);
  else if (shape === "hexagon") polygon([0, 1, 2, 3, 4, 5].map((k) => [1.1 * Math.cos((k * Math.PI) / 3), 1.1 * Math.sin((k * Math.PI) / 3)]));
  else {
    const w = 0.48;
    const l = 1.3;
    polygon([[-w, -l], [w, -l], [w, -w], [l, -w], [l, w], [w, w], [w, l], [-w, l], [-w, w], [-l, w], [-l, -w], [-w, -w]]);
  }
}

function drawn(look: SpriteLook): Sprite {
  const half = Math.ceil(look.radius * 1.35) + 2;
  const side = 2 * half + 1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  // Tiny symbols have no room for a shape.
  const shape = look.radius < 1.6 ? "disc" : look.shape;
  if (look.ring && look.radius >= LEAST_RINGED) {
    context.fillStyle = context.strokeStyle = cssOf(look.ring);
    context.lineWidth = look.radius > 5 ? 2.4 : 1.6;
    context.lineJoin = "round";
    context.beginPath();
    trace(context, shape, look.radius, half + 0.5, half + 0.5);
    context.stroke();
  }
  context.fillStyle = cssOf(look.colour);
  context.beginPath();
  trace(context, shape, look.radius, half + 0.5, half + 0.5);
  context.fill();
  const data = context.getImageData(0, 0, side, side).data;
  const place: number[] = [];
  for (let i = 0; i < side * side; i += 1) if (data[4 * i + 3] * look.opacity > 12) place.push(i);
  return {
    radius: half,
    n: place.length,
    dx: Int16Array.from(place, (i) => (i % side) - half),
    dy: Int16Array.from(place, (i) => Math.floor(i / side) - half),
    colour: Uint32Array.from(place, (i) => ((255 << 24) | (data[4 * i + 2] << 16) | (data[4 * i + 1] << 8) | data[4 * i]) >>> 0),
    cover: Uint8Array.from(place, (i) => data[4 * i + 3] * look.opacity),
  };
}
