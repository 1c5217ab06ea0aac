// Brings what the pictures need: few requests at a time, the most urgent first, a bounded memory, retries.

import { Cache } from "./cache";
import { SourceError, type CellRequest, type Cells, type Field, type FieldRequest, type Source, type Trail } from "./source";

export interface TrailRequest {
  run: string;
  type: string;
  frame: number;
  back: number;
}

export type Request =
  | { kind: "field"; of: FieldRequest }
  | { kind: "cells"; of: CellRequest }
  | { kind: "trails"; of: TrailRequest };

export type Answer = Field | Cells | Trail[];

/** Two frames of six fields, each of them one request to the server. */
const AT_ONCE = 12;
const MEMORY = 320e6;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 8000;

export interface LoaderHost {
  /** Something arrived. */
  arrived(): void;
  /** A request failed; `again` says in how many ms it is repeated, null for never. */
  failed(message: string, again: number | null): void;
  /** The source answers again after a failure. */
  recovered(): void;
}

function bytesOf(value: Answer): number {
  if (Array.isArray(value)) return 100 + value.reduce((sum, trail) => sum + 24 * trail.x.length, 0);
  // The levels of a field are kept with it, a byte per value.
  if ("values" in value) return value.values.byteLength * 1.25;
  return value.n * (24 + 8 + 4 * value.variables.size);
}

export function keyOf(request: Request): string {
  return JSON.stringify(request);
}

export class Loader {
  private readonly cache = new Cache<Answer>(MEMORY, bytesOf);
  private readonly broken = new Map<string, string>();
  private wanted: Request[] = [];
  private running = new Set<string>();
  private pause = 0;
  private timer: number | undefined;

  constructor(
    private readonly source: Source,
    private readonly host: LoaderHost,
  ) {}

  get bytes(): number {
    return this.cache.bytes;
  }

  get loading(): number {
    return this.running.size;
  }

  peek(request: Request): Answer | undefined {
    return this.cache.peek(keyOf(request));
  }

  /** Whether a request is answered, or will never be. */
  settled(request: Request): boolean {
    return this.peek(request) !== undefined || this.broken.has(keyOf(request));
  }

  /** From now on these, the first first; what was wanted before and has not begun is dropped. */
  want(requests: Request[]): void {
    this.wanted = requests;
    this.start();
  }

  /** Forget everything, e.g. because the file was written anew. */
  clear(): void {
    this.cache.clear();
    this.broken.clear();
  }

  /** Ask again now what failed. */
  retry(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.broken.clear();
    this.start();
  }

  private start(): void {
    if (this.timer !== undefined) return;
    for (const request of this.wanted) {
      if (this.running.size >= AT_ONCE) return;
      const key = keyOf(request);
      if (this.running.has(key) || this.settled(request)) continue;
      void this.bring(request, key);
    }
  }

  private async bring(request: Request, key: string): Promise<void> {
    this.running.add(key);
    try {
      await this.cache.get(key, () => this.ask(request));
      if (this.pause > 0) {
        this.pause = 0;
        this.host.recovered();
      }
    } catch (error) {
      this.fail(key, error);
    } finally {
      this.running.delete(key);
    }
    this.host.arrived();
    this.start();
  }

  private ask(request: Request): Promise<Answer> {
    if (request.kind === "field") return this.source.field(request.of);
    if (request.kind === "cells") return this.source.cells(request.of);
    const { run, type, frame, back } = request.of;
    return this.source.trails(run, type, frame, back);
  }

  private fail(key: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof SourceError) || !error.transient) {
      this.broken.set(key, message);
      this.host.failed(message, null);
      return;
    }
    if (this.timer !== undefined) return;
    this.pause = Math.min(Math.max(this.pause * 2, FIRST_PAUSE), LONGEST_PAUSE);
    this.host.failed(message, this.pause);
    this.timer = window.setTimeout(() => {
      this.timer = undefined;
      this.start();
    }, this.pause);
  }
}
