// One colour bar with its ticks.

import { cssValue, fitCanvas, short } from "./dom";
import { LEVELS } from "./colours";
import { shareOf, ticksOf, type Scale } from "./scale";

const HEIGHT = 9;
/** Room at both ends for the numbers of the outermost ticks [px]. */
const ENDS = 14;

/** Draw a bar on a canvas of the page, unless it is there already. */
export function drawBarOn(canvas: HTMLCanvasElement, scale: Scale, table: Uint32Array, title: string): void {
  const resized = fitCanvas(canvas);
  const signature = JSON.stringify([scale, table[0], table[200], title, cssValue("--muted")]);
  if (!resized && canvas.dataset["drawn"] === signature) return;
  canvas.dataset["drawn"] = signature;
  const ratio = canvas.width / Math.max(canvas.clientWidth, 1);
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawBar(context, scale, table, { x: ENDS * ratio, y: 2 * ratio, width: canvas.width - 2 * ENDS * ratio, ratio });
  canvas.setAttribute("aria-label", `Colours from ${short(scale.low)} to ${short(scale.high)}: ${title}`);
}

interface Box {
  x: number;
  y: number;
  width: number;
  ratio: number;
}

/** A horizontal bar with ticks below. */
function drawBar(context: CanvasRenderingContext2D, scale: Scale, table: Uint32Array, { x, y, width, ratio }: Box): void {
  const strip = document.createElement("canvas");
  strip.width = LEVELS;
  strip.height = 1;
  const pixels = new ImageData(LEVELS, 1);
  new Uint32Array(pixels.data.buffer).set(table.subarray(0, LEVELS));
  strip.getContext("2d")!.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(strip, x, y, width, HEIGHT * ratio);
  context.strokeStyle = context.fillStyle = cssValue("--muted");
  context.lineWidth = ratio;
  context.strokeRect(x, y, width, HEIGHT * ratio);
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "top";
  let free = -Infinity;
  for (const tick of ticksOf(scale, Math.max(Math.floor(width / (60 * ratio)), 3))) {
    const px = x + shareOf(tick, scale) * width;
    context.beginPath();
    context.moveTo(px, y + HEIGHT * ratio);
    context.lineTo(px, y + (HEIGHT + 3) * ratio);
    context.stroke();
    const text = short(tick, 3);
    const half = 0.5 * context.measureText(text).width;
    if (px - half < free) continue;
    context.fillText(text, px, y + (HEIGHT + 4) * ratio);
    free = px + half + 6 * ratio;
  }
}
