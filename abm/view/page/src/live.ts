// Answers from the local server.  The token came in the fragment of the address and goes back in a header.

import {
  allLayers,
  SourceError,
  type CellRequest,
  type Cells,
  type Field,
  type FieldRequest,
  type Layer,
  type Run,
  type Series,
  type Source,
  type Track,
  type Trail,
} from "./source";

const GONE = "The player's server does not answer. Is “abm play” still running?";
const REFUSED = "The server refused the token. Open the link that “abm play” printed.";
const INCOMPLETE = "The server sent an incomplete answer.";
const BYTES = { i8: 8, f4: 4, u1: 1, i1: 1 };
const BYTE_OUTSIDE = 255;
/** A request without an answer for so long has failed [ms]. */
const PATIENCE = 180_000;

interface CellsHead {
  time: number;
  n: number;
  columns: { name: string; type: keyof typeof BYTES; offset: number; bytes: number }[];
}

interface FieldsHead {
  planes: Record<"shape" | "low" | "high" | "time" | "scale" | "scale-low" | "scale-high", string>[];
}

interface Waiting {
  request: FieldRequest;
  resolve: (field: Field) => void;
  reject: (error: unknown) => void;
}

/** Of the fields in one answer; a single one may have more. */
const MOST_VALUES = 4e6;

export class LiveSource implements Source {
  readonly standalone = false;
  light = false;
  private readonly token: string;
  /** Longest side of the layers of every run [voxels]. */
  private readonly longest = new Map<string, number>();
  private waiting: Waiting[] = [];

  constructor(token: string) {
    this.token = token;
  }

  async runs(): Promise<Run[]> {
    const answer = await this.json<{ version: number; runs: Run[] }>("runs", {});
    if (answer.version !== 1) {
      throw new SourceError(`The server speaks version ${answer.version}, this page version 1. Reload the page.`, false);
    }
    for (const run of answer.runs) this.longest.set(run.id, Math.max(run.shape[1], run.shape[2]));
    return answer.runs;
  }

  run(id: string): Promise<Run> {
    return this.json(`runs/${encodeURIComponent(id)}`, {});
  }

  layers(run: Run): Layer[] {
    return allLayers(run);
  }

  /** Fields of one frame that are asked for at the same time come in one answer. */
  field(request: FieldRequest): Promise<Field> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) window.setTimeout(() => this.ask());
      this.waiting.push({ request, resolve, reject });
    });
  }

  private ask(): void {
    const batches = new Map<string, Waiting[]>();
    for (const one of this.waiting) {
      const { run, frame, z, most } = one.request;
      const side = Math.min(most || Infinity, this.longest.get(run) ?? Infinity);
      const room = Math.max(Math.floor(MOST_VALUES / side ** 2), 1);
      const key = JSON.stringify([run, frame, z, most]);
      const batch = batches.get(key) ?? [];
      if (batch.length >= room) void this.askAll(batch);
      batches.set(key, batch.length >= room ? [one] : [...batch, one]);
    }
    this.waiting = [];
    for (const batch of batches.values()) void this.askAll(batch);
  }

  private async askAll(batch: readonly Waiting[]): Promise<void> {
    const { run, frame, z, most } = batch[0].request;
    const query: Record<string, string | number> = { frame, cytokines: batch.map((one) => one.request.cytokine).join(","), z };
    if (most > 0) query["most"] = most;
    const { light } = this;
    if (light) Object.assign(query, { type: "u8", scale: "linear", compress: 1 });
    try {
      const body = await bodyOf(await this.get(`runs/${encodeURIComponent(run)}/fields`, query));
      const fields = decodeFields(body, light, this.longest.get(run) ?? 0);
      batch.forEach((one, i) => one.resolve(fields[i]));
    } catch (error) {
      for (const one of batch) one.reject(error);
    }
  }

  async cells(request: CellRequest): Promise<Cells> {
    const query: Record<string, string | number> = { frame: request.frame, columns: request.columns.join(",") };
    if (request.columns.length === 0) delete query["columns"];
    if (this.light) query["compress"] = 1;
    const body = await bodyOf(await this.get(`runs/${encodeURIComponent(request.run)}/cells`, query));
    return decodeCells(body);
  }

  series(run: string, name: string): Promise<Series> {
    return this.json(`runs/${encodeURIComponent(run)}/series`, { name, most: 2000 });
  }

  track(run: string, cell: number): Promise<Track> {
    return this.json(`runs/${encodeURIComponent(run)}/track`, { cell });
  }

  async trails(run: string, type: string, frame: number, back: number): Promise<Trail[]> {
    const answer = await this.json<{ cells: Trail[] }>(`runs/${encodeURIComponent(run)}/trails`, { type, frame, back });
    return answer.cells;
  }

  private async json<T>(path: string, query: Record<string, string | number>): Promise<T> {
    const response = await this.get(path, query);
    try {
      return (await response.json()) as T;
    } catch {
      throw new SourceError(GONE, true);
    }
  }

  private async get(path: string, query: Record<string, string | number>): Promise<Response> {
    const words = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    let response: Response;
    try {
      response = await fetch(`api/${path}${words.length ? `?${words.join("&")}` : ""}`, {
        headers: { "X-Abm-Token": this.token },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      throw new SourceError(GONE, true);
    }
    if (response.ok) return response;
    throw new SourceError(response.status === 403 ? REFUSED : await reason(response), response.status >= 500);
  }
}

async function reason(response: Response): Promise<string> {
  try {
    return ((await response.json()) as { error: string }).error;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

async function bodyOf(response: Response): Promise<ArrayBuffer> {
  try {
    return await response.arrayBuffer();
  } catch {
    throw new SourceError(GONE, true);
  }
}

/** Numbers meant by bytes on a scale; NaN for nothing there. */
export function dequantised(bytes: Uint8Array, scale: string, low: number, high: number): Float32Array {
  const meaning = new Float32Array(256);
  for (let q = 0; q < BYTE_OUTSIDE; q += 1) {
    const share = q / (BYTE_OUTSIDE - 1);
    meaning[q] = scale === "log" ? low * (high / low) ** share : low + (high - low) * share;
  }
  meaning[BYTE_OUTSIDE] = Number.NaN;
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) values[i] = meaning[bytes[i]];
  return values;
}

/** Identities stored as 64-bit integers below 2^48, as doubles. */
export function identities(buffer: ArrayBuffer, offset: number, n: number): Float64Array {
  const halves = new Uint32Array(buffer, offset, 2 * n);
  const ids = new Float64Array(n);
  for (let i = 0; i < n; i += 1) ids[i] = halves[2 * i] + halves[2 * i + 1] * 2 ** 32;
  return ids;
}

/** Head and place of what follows it, of the answers `cells` and `fields`; see docs/playback_format.md. */
function headOf<Head>(body: ArrayBuffer): { head: Head; base: number } {
  const length = body.byteLength < 4 ? Infinity : new DataView(body).getUint32(0, true);
  if (4 + length > body.byteLength) throw new SourceError(INCOMPLETE, true);
  return { head: JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length))) as Head, base: 4 + length };
}

/** `longest` is the longest side of the layers [voxels]. */
function decodeFields(body: ArrayBuffer, light: boolean, longest: number): Field[] {
  const { head, base } = headOf<FieldsHead>(body);
  let at = base;
  return head.planes.map((plane) => {
    const [ny, nx] = plane.shape.split(",").map(Number);
    const bytes = ny * nx * (light ? 1 : 4);
    if (at + bytes > body.byteLength) throw new SourceError(INCOMPLETE, true);
    const values = light
      ? dequantised(new Uint8Array(body, at, bytes), plane.scale, Number(plane["scale-low"]), Number(plane["scale-high"]))
      : // Of its own: what is kept of one field does not keep the others.
        new Float32Array(body.slice(at, at + bytes));
    at += bytes;
    // The factor is exact, since the server takes the least that does.
    const factor = Math.ceil(longest / Math.max(ny, nx));
    const [low, high, time] = [plane.low, plane.high, plane.time].map(numberOf);
    return { ny, nx, values, factor, low, high, time, quantised: light };
  });
}

function numberOf(text: string): number {
  return text === "nan" ? Number.NaN : Number(text);
}

export function decodeCells(body: ArrayBuffer): Cells {
  const { head, base } = headOf<CellsHead>(body);
  const found = new Map<string, { type: string; offset: number }>();
  for (const column of head.columns) {
    if (base + column.offset + column.bytes > body.byteLength || column.bytes !== head.n * BYTES[column.type]) {
      throw new SourceError(INCOMPLETE, true);
    }
    found.set(column.name, { type: column.type, offset: base + column.offset });
  }
  const at = (name: string): number => {
    const column = found.get(name);
    if (!column) throw new SourceError(`The server sent no column ${name}.`, false);
    return column.offset;
  };
  const bytes = (name: string): Uint8Array => new Uint8Array(body, at(name), head.n);
  const floats = (name: string): Float32Array => new Float32Array(body, at(name), head.n);
  const own = new Set(["id", "type", "phenotype", "status", "place", "x", "y", "z"]);
  return {
    time: head.time,
    n: head.n,
    id: identities(body, at("id"), head.n),
    type: bytes("type"),
    phenotype: bytes("phenotype"),
    status: bytes("status"),
    place: new Int8Array(body, at("place"), head.n),
    x: floats("x"),
    y: floats("y"),
    z: floats("z"),
    variables: new Map([...found.keys()].filter((name) => !own.has(name)).map((name) => [name, floats(name)])),
  };
}
