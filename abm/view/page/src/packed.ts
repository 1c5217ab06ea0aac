// Answers from the data inside a standalone page; nothing is fetched.  The layout is in docs/playback_format.md.

import { Cache } from "./cache";
import { dequantised, identities } from "./live";
import {
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

interface PackedCytokine {
  name: string;
  scale: string;
  low: number;
  high: number;
  error: string;
  range: [number | null, number | null][][];
  blocks: string[][];
}

interface PackedFields {
  group: number;
  shape: [number, number];
  factor: number;
  layers: Layer[];
  cytokines: PackedCytokine[];
}

interface PackedColumn {
  name: string;
  type: "i8" | "u1" | "u2";
  offset: number;
  bytes: number;
  low?: number;
  high?: number;
}

interface PackedGroup {
  first: number;
  frames: number;
  n: number;
  block: string;
  columns: PackedColumn[];
}

interface PackedRun {
  series: string;
  fields: PackedFields | null;
  cells: { group: number; groups: PackedGroup[] } | null;
}

interface Head {
  version: number;
  runs: Run[];
  packed: Record<string, PackedRun>;
}

/** A group of frames of cells with the differences undone; planes of frames x n. */
interface CellGroup {
  ids: Float64Array;
  planes: Map<string, { values: Uint8Array | Uint16Array; column: PackedColumn }>;
  bytes: number;
}

const DECODED_BYTES = 192e6;

export class PackedSource implements Source {
  readonly standalone = true;
  light = false;
  private readonly head: Head;
  private readonly decoded = new Cache<Uint8Array | CellGroup>(DECODED_BYTES, (entry) =>
    entry instanceof Uint8Array ? entry.byteLength : entry.bytes,
  );

  constructor(text: string) {
    this.head = JSON.parse(text) as Head;
    if (this.head.version !== 1) {
      throw new SourceError(`This page holds data of version ${this.head.version}; it can show version 1.`, false);
    }
  }

  async runs(): Promise<Run[]> {
    return this.head.runs;
  }

  async run(id: string): Promise<Run> {
    const found = this.head.runs.find((run) => run.id === id);
    if (!found) throw new SourceError(`This page holds no run ${id}.`, false);
    return found;
  }

  layers(run: Run): Layer[] {
    return this.packed(run.id).fields?.layers ?? ["0"];
  }

  async field(request: FieldRequest): Promise<Field> {
    const fields = this.packed(request.run).fields;
    const cytokine = fields?.cytokines.find((one) => one.name === request.cytokine);
    const layer = fields?.layers.indexOf(request.z) ?? -1;
    if (!fields || !cytokine || layer < 0) {
      throw new SourceError(`This page does not hold ${request.cytokine} of layer ${request.z}.`, false);
    }
    const [ny, nx] = fields.shape;
    const group = Math.floor(request.frame / fields.group);
    const name = cytokine.blocks[layer][group];
    const key = `f ${name}`;
    const bytes = (await this.decoded.get(key, async () => undoFields(await this.block(name), ny, nx))) as Uint8Array;
    const first = (request.frame - group * fields.group) * ny * nx;
    const [low, high] = cytokine.range[layer][request.frame];
    return {
      ny,
      nx,
      values: dequantised(bytes.subarray(first, first + ny * nx), cytokine.scale, cytokine.low, cytokine.high),
      factor: fields.factor,
      low: low ?? Number.NaN,
      high: high ?? Number.NaN,
      time: (await this.run(request.run)).fieldTimes[request.frame],
      quantised: true,
    };
  }

  async cells(request: CellRequest): Promise<Cells> {
    const run = await this.run(request.run);
    const group = this.groupOf(request.run, request.frame);
    const data = await this.cellGroup(group);
    const middle = run.origin[2] + 0.5 * run.size[2];
    return cellsOf(data, request.frame - group.first, run.cellTimes[request.frame], middle, request.columns);
  }

  async series(run: string, name: string): Promise<Series> {
    const all = JSON.parse(new TextDecoder().decode(await this.block(this.packed(run).series))) as Record<string, Series>;
    if (!(name in all)) throw new SourceError(`This page holds no series ${name}.`, false);
    return all[name];
  }

  async track(run: string, cell: number): Promise<Track> {
    const track: Track = { time: [], x: [], y: [], z: [], phenotype: [], place: [] };
    for (const [cells, row] of await this.occurrences(run, (all) => all.id.indexOf(cell), 0, Infinity)) {
      if (row < 0) continue;
      track.time.push(cells.time);
      for (const key of ["x", "y", "z", "phenotype", "place"] as const) track[key].push(cells[key][row]);
    }
    return track;
  }

  async trails(run: string, type: string, frame: number, back: number): Promise<Trail[]> {
    const code = (await this.run(run)).columns.find((column) => column.name === "type")?.codes?.indexOf(type) ?? -1;
    const trails = new Map<number, Trail>();
    let ending = new Set<number>();
    for (const [cells] of await this.occurrences(run, () => 0, frame - back, frame)) {
      ending = new Set(cells.id);
      for (let i = 0; i < cells.n; i += 1) {
        if (cells.type[i] !== code || cells.place[i] !== 0) continue;
        const trail = trails.get(cells.id[i]) ?? { id: cells.id[i], x: [], y: [], z: [] };
        trail.x.push(cells.x[i]);
        trail.y.push(cells.y[i]);
        trail.z.push(cells.z[i]);
        trails.set(trail.id, trail);
      }
    }
    return [...trails.values()].filter((trail) => ending.has(trail.id));
  }

  /** Frames first .. last with what `find` says of each. */
  private async occurrences(
    run: string,
    find: (cells: Cells) => number,
    first: number,
    last: number,
  ): Promise<[Cells, number][]> {
    const count = (await this.run(run)).cellTimes.length;
    const found: [Cells, number][] = [];
    for (let frame = Math.max(first, 0); frame <= Math.min(last, count - 1); frame += 1) {
      const cells = await this.cells({ run, frame, columns: [] });
      found.push([cells, find(cells)]);
    }
    return found;
  }

  private packed(run: string): PackedRun {
    const found = this.head.packed[run];
    if (!found) throw new SourceError(`This page holds no run ${run}.`, false);
    return found;
  }

  private groupOf(run: string, frame: number): PackedGroup {
    const group = this.packed(run).cells?.groups.find((one) => frame >= one.first && frame < one.first + one.frames);
    if (!group) throw new SourceError(`This page holds no cells of frame ${frame}.`, false);
    return group;
  }

  private async cellGroup(group: PackedGroup): Promise<CellGroup> {
    const load = async (): Promise<CellGroup> => undoCells(await this.block(group.block), group);
    return (await this.decoded.get(`c ${group.block}`, load)) as CellGroup;
  }

  private async block(name: string): Promise<Uint8Array> {
    const element = document.querySelector(`script[data-block="${CSS.escape(name)}"]`);
    if (!element) throw new SourceError(`The page is incomplete: the block ${name} is missing.`, false);
    const text = atob((element.textContent ?? "").trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    try {
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      return new Uint8Array(await new Response(stream).arrayBuffer());
    } catch {
      throw new SourceError(`The page is damaged: the block ${name} cannot be read.`, false);
    }
  }
}

/** Running sums in place: along the first frame of a block, then from frame to frame. */
function undoFields(bytes: Uint8Array, ny: number, nx: number): Uint8Array {
  const frame = ny * nx;
  for (let i = 1; i < frame; i += 1) bytes[i] += i % nx === 0 ? bytes[i - nx] : bytes[i - 1];
  for (let i = frame; i < bytes.length; i += 1) bytes[i] += bytes[i - frame];
  return bytes;
}

function undoCells(bytes: Uint8Array, group: PackedGroup): CellGroup {
  const planes: CellGroup["planes"] = new Map();
  const total = group.frames * group.n;
  let ids: Float64Array = new Float64Array(0);
  let size = 8 * group.n;
  for (const column of group.columns) {
    if (column.name === "id") {
      ids = identities(bytes.buffer as ArrayBuffer, bytes.byteOffset + column.offset, group.n);
      continue;
    }
    const values = column.type === "u2" ? new Uint16Array(total) : new Uint8Array(total);
    for (let i = 0; i < total; i += 1) {
      const low = bytes[column.offset + i];
      const difference = column.type === "u2" ? low + 256 * bytes[column.offset + total + i] : low;
      values[i] = i < group.n ? difference : values[i - group.n] + difference;
    }
    size += values.byteLength;
    planes.set(column.name, { values, column });
  }
  return { ids, planes, bytes: size };
}

/** One frame out of a group; `middle` is the z of tissues of one layer [um]. */
function cellsOf(group: CellGroup, frame: number, time: number, middle: number, columns: string[]): Cells {
  const count = group.ids.length;
  const first = frame * count;
  const present = group.planes.get("present")?.values;
  const rows: number[] = [];
  for (let i = 0; i < count; i += 1) if (!present || present[first + i]) rows.push(i);
  const n = rows.length;
  const codes = (name: string): Uint8Array => {
    const values = group.planes.get(name)?.values;
    return Uint8Array.from(rows, (row) => (values ? values[first + row] : 0));
  };
  const numbers = (name: string): Float32Array => {
    const plane = group.planes.get(name);
    if (!plane) return new Float32Array(n).fill(name === "z" ? middle : Number.NaN);
    const { values, column } = plane;
    const low = column.low ?? 0;
    const top = column.type === "u2" ? 65535 : 255;
    const step = ((column.high ?? 1) - low) / (top - 1);
    return Float32Array.from(rows, (row) => (values[first + row] === top ? Number.NaN : low + step * values[first + row]));
  };
  return {
    time,
    n,
    id: Float64Array.from(rows, (row) => group.ids[row]),
    type: codes("type"),
    phenotype: codes("phenotype"),
    status: codes("status"),
    place: Int8Array.from(codes("place")),
    x: numbers("x"),
    y: numbers("y"),
    z: numbers("z"),
    variables: new Map(columns.filter((name) => group.planes.has(name)).map((name) => [name, numbers(name)])),
  };
}
