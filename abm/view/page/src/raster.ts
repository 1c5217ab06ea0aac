// One image per panel, put together from bytes: the field through a colour table, cells stamped on top, one transfer to
// the canvas.  Without a graphics card this is several times faster than drawing cell by cell.

import type { Sprite } from "./markers";

export class Raster {
  readonly context: CanvasRenderingContext2D;
  private image: ImageData;
  private pixels: Uint32Array;
  private offsets = new WeakMap<Sprite, Int32Array>();

  constructor(readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    this.image = this.context.createImageData(1, 1);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  get width(): number {
    return this.image.width;
  }

  get height(): number {
    return this.image.height;
  }

  /** Start a picture of one colour, as large as the canvas. */
  begin(pixel: number): void {
    if (this.image.width !== this.canvas.width || this.image.height !== this.canvas.height) {
      this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.offsets = new WeakMap();
    }
    this.pixels.fill(pixel);
  }

  /**
   * Paint a grid of levels.  `columns[i]` and `rows[j]` say which value of the grid the pixel (i, j) shows, -1 for none.
   */
  grid(levels: Uint8Array, nx: number, table: Uint32Array, columns: Int32Array, rows: Int32Array): void {
    const { pixels, width } = this;
    let first = 0;
    while (first < width && columns[first] < 0) first += 1;
    let last = width;
    while (last > first && columns[last - 1] < 0) last -= 1;
    for (let j = 0; j < this.height; j += 1) {
      const row = rows[j];
      if (row < 0) continue;
      const start = j * width;
      if (j > 0 && rows[j - 1] === row) {
        pixels.copyWithin(start + first, start - width + first, start - width + last);
        continue;
      }
      const base = row * nx;
      for (let i = first; i < last; i += 1) pixels[start + i] = table[levels[base + columns[i]]];
    }
  }

  /** Blend one pixel; `cover` from 0 to 255. */
  blend(i: number, colour: number, cover: number): void {
    const below = this.pixels[i];
    const rest = 255 - cover;
    const redBlue = ((colour & 0xff00ff) * cover + (below & 0xff00ff) * rest) >>> 8;
    const green = (((colour >>> 8) & 0xff) * cover + ((below >>> 8) & 0xff) * rest) & 0xff00;
    this.pixels[i] = (0xff000000 | (redBlue & 0xff00ff) | green) >>> 0;
  }

  /** Draw a symbol with its middle at a pixel. */
  stamp(sprite: Sprite, x: number, y: number): void {
    const { width, height } = this;
    const r = sprite.radius;
    const column = Math.round(x);
    const line = Math.round(y);
    if (column < -r || line < -r || column >= width + r || line >= height + r) return;
    const { n, cover, colour } = sprite;
    if (column >= r && line >= r && column < width - r && line < height - r) {
      const offsets = this.offsetsOf(sprite);
      const base = line * width + column;
      for (let k = 0; k < n; k += 1) {
        if (cover[k] > 250) this.pixels[base + offsets[k]] = colour[k];
        else this.blend(base + offsets[k], colour[k], cover[k]);
      }
      return;
    }
    for (let k = 0; k < n; k += 1) {
      const px = column + sprite.dx[k];
      const py = line + sprite.dy[k];
      if (px >= 0 && py >= 0 && px < width && py < height) this.blend(py * width + px, colour[k], cover[k]);
    }
  }

  /** Show the picture; what is drawn with `context` afterwards lies on top. */
  end(): void {
    this.context.putImageData(this.image, 0, 0);
  }

  private offsetsOf(sprite: Sprite): Int32Array {
    let offsets = this.offsets.get(sprite);
    if (!offsets) {
      offsets = Int32Array.from(sprite.dx, (dx, k) => sprite.dy[k] * this.width + dx);
      this.offsets.set(sprite, offsets);
    }
    return offsets;
  }
}
