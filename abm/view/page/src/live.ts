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
const BYTES = { i8: 8, f4: 4, u1: 1, i1: 1 };
const BYTE_OUTSIDE = 255;
/** A request without an answer for so long has failed [ms]. */
const PATIENCE = 180_000;

interface CellsHead {
  time: number;
  n: number;
  columns: { name: string; type: keyof typeof BYTES; offset: number; bytes: number }[];
}

export class LiveSource implements Source {
  readonly standalone = false;
  light = false;
  private readonly token: string;
  /** Longest side of the layers of every run [voxels]. */
  private readonly longest = new Map<string, number>();

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

  async field(request: FieldRequest): Promise<Field> {
    const query: Record<string, string | number> = { frame: request.frame, cytokine: request.cytokine, z: request.z };
    if (request.most > 0) query["most"] = request.most;
    if (this.light) Object.assign(query, { type: "u8", scale: "linear", compress: 1 });
    const response = await this.get(`runs/${encodeURIComponent(request.run)}/field`, query);
    const body = await bodyOf(response);
    const head = (name: string): number => Number(response.headers.get(name) ?? Number.NaN);
    const [ny, nx] = (response.headers.get("X-Shape") ?? "0,0").split(",").map(Number);
    const values = this.light
      ? dequantised(new Uint8Array(body), response.headers.get("X-Scale"), head("X-Scale-Low"), head("X-Scale-High"))
      : new Float32Array(body);
    if (values.length !== ny * nx) throw new SourceError("The server sent an incomplete field.", true);
    const longest = this.longest.get(request.run) ?? Math.max(ny, nx);
    return {
      ny,
      nx,
      values,
      // Exact, since the server takes the least factor that does.
      factor: Math.ceil(longest / Math.max(ny, nx)),
      low: head("X-Low"),
      high: head("X-High"),
      time: head("X-Time"),
      quantised: this.light,
    };
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
export function dequantised(bytes: Uint8Array, scale: string | null, low: number, high: number): Float32Array {
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

/** The layout is in docs/playback_format.md. */
export function decodeCells(body: ArrayBuffer): Cells {
  if (body.byteLength < 4) throw new SourceError("The server sent an incomplete frame of cells.", true);
  const length = new DataView(body).getUint32(0, true);
  if (4 + length > body.byteLength) throw new SourceError("The server sent an incomplete frame of cells.", true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length))) as CellsHead;
  const base = 4 + length;
  const found = new Map<string, { type: string; offset: number }>();
  for (const column of head.columns) {
    if (base + column.offset + column.bytes > body.byteLength || column.bytes !== head.n * BYTES[column.type]) {
      throw new SourceError("The server sent an incomplete frame of cells.", true);
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
