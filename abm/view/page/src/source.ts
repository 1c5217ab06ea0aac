// What the page can ask for, whoever answers: the local server (live.ts) or the data inside a standalone page (packed.ts).

export type Table = "type" | "phenotype" | "status" | "place";

export interface Cytokine {
  name: string;
  label: string;
  unit: string;
  /** Range over the recorded frames; null when nothing finite was recorded. */
  low: number | null;
  high: number | null;
  exact?: boolean;
}

export interface Column {
  name: string;
  label: string;
  unit: string;
  /** Names of the codes, or null for a number. */
  codes: string[] | null;
  /** The same as they are printed. */
  codeLabels: string[] | null;
  low: number | null;
  high: number | null;
}

export type Ring = [number, number][];

export interface Region {
  name: string;
  label: string;
  /** One list of closed rings per z layer [um]. */
  outlines: Ring[][];
}

export interface RunEvent {
  time: number;
  kind: string;
  text: string;
  amount: number | null;
  unit: string;
}

export interface SeriesHead {
  name: string;
  label: string;
  unit: string;
  dims: string[];
  labels: Record<string, (string | number)[]>;
}

export interface Run {
  id: string;
  file: string;
  title: string;
  arm: string;
  armLabel: string;
  replicate: number;
  seed: number;
  status: string;
  live: boolean;
  message: string;
  /** Voxels along z, y, x. */
  shape: [number, number, number];
  /** Length of a voxel [um], along x, y, z if it is a list. */
  spacing: number | [number, number, number];
  /** Lower edge of the first voxel along x, y, z [um]. */
  origin: [number, number, number];
  /** Extent along x, y, z [um]. */
  size: [number, number, number];
  days: number;
  cytokines: Cytokine[];
  fieldTimes: number[];
  cellTimes: number[];
  columns: Column[];
  regions: Region[];
  /** Region whose neurons make the readout; "" for all. */
  readoutRegion: string;
  events: RunEvent[];
  series: SeriesHead[];
}

/** One layer, or one projection, of a cytokine: row by row, y ascending, NaN outside the tissue. */
export interface Field {
  ny: number;
  nx: number;
  values: Float32Array;
  /** Voxels per block side: 1 when every value is one voxel. */
  factor: number;
  low: number;
  high: number;
  time: number;
  /** True when values went through 8 bits. */
  quantised: boolean;
}

/** The cells of one frame, one entry per cell in every array. */
export interface Cells {
  time: number;
  n: number;
  id: Float64Array;
  type: Uint8Array;
  phenotype: Uint8Array;
  status: Uint8Array;
  place: Int8Array;
  x: Float32Array;
  y: Float32Array;
  z: Float32Array;
  variables: Map<string, Float32Array>;
}

export interface Series {
  time: number[];
  dims: string[];
  labels: Record<string, (string | number)[]>;
  unit: string;
  /** Nested like dims without time; null for NaN. */
  values: unknown[];
}

export interface Track {
  time: number[];
  x: number[];
  y: number[];
  z: number[];
  phenotype: number[];
  place: number[];
}

export interface Trail {
  id: number;
  x: number[];
  y: number[];
  z: number[];
}

/** Layer number as text, or a projection along z. */
export type Layer = string;

export interface FieldRequest {
  run: string;
  frame: number;
  cytokine: string;
  z: Layer;
  /** Longest side wanted [values]; 0 for every voxel. */
  most: number;
}

export interface CellRequest {
  run: string;
  frame: number;
  columns: string[];
}

export interface Source {
  readonly standalone: boolean;
  /** Ask for 8-bit fields and compressed answers, for slow connections. */
  light: boolean;
  runs(): Promise<Run[]>;
  run(id: string): Promise<Run>;
  layers(run: Run): Layer[];
  field(request: FieldRequest): Promise<Field>;
  cells(request: CellRequest): Promise<Cells>;
  series(run: string, name: string): Promise<Series>;
  track(run: string, cell: number): Promise<Track>;
  trails(run: string, type: string, frame: number, back: number): Promise<Trail[]>;
}

/** A request that failed, in words for the person at the page. */
export class SourceError extends Error {
  /** Worth asking again without a change of the request. */
  readonly transient: boolean;

  constructor(message: string, transient: boolean) {
    super(message);
    this.transient = transient;
  }
}

/** Every layer of a run, then its projections; one layer alone has no projections. */
export function allLayers(run: Run): Layer[] {
  const count = run.shape[0];
  const layers = Array.from({ length: count }, (_, k) => String(k));
  return count > 1 ? [...layers, "max", "mean"] : layers;
}

/** Lengths of a voxel along x, y, z [um]. */
export function spacings(run: Run): [number, number, number] {
  return typeof run.spacing === "number" ? [run.spacing, run.spacing, run.spacing] : run.spacing;
}
