// What is looked at and how: one immutable value, written to and read from the fragment of the address.

export type View = "tissue" | "fields" | "slices" | "orbit";
export type MapName = "auto" | "cividis" | "viridis" | "magma" | "greys";
export type Theme = "auto" | "light" | "dark";

export interface ViewState {
  /** Runs side by side. */
  runs: readonly string[];
  view: View;
  /** Time shown [d]. */
  time: number;
  /** Cytokine under the cells; "" for none. */
  field: string;
  map: MapName;
  /** One colour scale for the whole run, or one per frame. */
  range: "fixed" | "frame";
  scale: "auto" | "linear" | "log";
  /** `type`, `phenotype`, `none`, or the name of a variable. */
  colour: string;
  /** Cell types that are not drawn. */
  hidden: readonly string[];
  /** Size of the symbols, 1 is the usual. */
  size: number;
  outlines: boolean;
  z: string;
  /** Cell type that stands out; "" for none. */
  highlight: string;
  /** Frames of cells that the trails of the highlighted type go back; 0 for none. */
  trails: number;
  cell: number | null;
  /** Run of the selected cell; "" for the first one shown. */
  of: string;
  follow: boolean;
  /** Centre [um] and magnification; null shows everything. */
  camera: { readonly x: number; readonly y: number; readonly zoom: number } | null;
  /** Degrees and magnification of the 3-D view. */
  azimuth: number;
  elevation: number;
  distance: number;
  /** Frames per second. */
  speed: number;
  loop: boolean;
  theme: Theme;
  light: boolean;
  left: boolean;
  right: boolean;
}

/** The one of the shown runs that the selected cell is from. */
export function runOfCell<R extends { id: string }>(state: ViewState, shown: readonly R[]): R {
  return shown.find((run) => run.id === state.of) ?? shown[0];
}

export const SPEEDS: readonly number[] = [1, 2, 5, 10, 15, 25, 40];

export const START: ViewState = {
  runs: [],
  view: "tissue",
  time: 0,
  field: "?",
  map: "auto",
  range: "fixed",
  scale: "auto",
  colour: "type",
  hidden: [],
  size: 1,
  outlines: true,
  z: "?",
  highlight: "",
  trails: 0,
  cell: null,
  of: "",
  follow: false,
  camera: null,
  azimuth: -35,
  elevation: 30,
  distance: 1,
  speed: 10,
  loop: true,
  theme: "auto",
  light: false,
  left: true,
  right: true,
};

const CHOICES: Partial<Record<keyof ViewState, readonly string[]>> = {
  view: ["tissue", "fields", "slices", "orbit"],
  map: ["auto", "cividis", "viridis", "magma", "greys"],
  range: ["fixed", "frame"],
  scale: ["auto", "linear", "log"],
  theme: ["auto", "light", "dark"],
};

const RANGES: Partial<Record<keyof ViewState, readonly [number, number]>> = {
  time: [0, 1e6],
  size: [0.3, 4],
  trails: [0, 200],
  cell: [0, 2 ** 48],
  azimuth: [-180, 180],
  elevation: [-90, 90],
  distance: [0.2, 20],
  speed: [1, 60],
};

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** The fragment of a state: only what differs from the start, in a fixed order. */
export function toFragment(state: ViewState, token: string): string {
  const words: string[] = token ? [`token=${encodeURIComponent(token)}`] : [];
  for (const key of Object.keys(START) as (keyof ViewState)[]) {
    const value = state[key];
    if (value === START[key] || JSON.stringify(value) === JSON.stringify(START[key])) continue;
    let text: string;
    if (key === "camera") text = state.camera ? [state.camera.x, state.camera.y, state.camera.zoom].map(short).join(",") : "";
    else if (Array.isArray(value)) text = value.map((one) => encodeURIComponent(String(one))).join(",");
    else if (key === "cell") text = String(value);
    else if (typeof value === "number") text = short(value);
    else if (typeof value === "boolean") text = value ? "1" : "0";
    else text = encodeURIComponent(String(value));
    words.push(`${key}=${text}`);
  }
  return words.join("&");
}

/** The state of a fragment; what is missing, unknown or out of range stays as at the start. */
export function fromFragment(fragment: string): { state: ViewState; token: string } {
  const state: Record<string, unknown> = { ...START };
  let token = "";
  for (const word of fragment.replace(/^#/, "").split("&")) {
    const [key, ...rest] = word.split("=");
    const text = rest.join("=");
    if (key === "token") token = decoded(text);
    else if (key in START) {
      const value = parsed(key as keyof ViewState, text);
      if (value !== undefined) state[key] = value;
    }
  }
  return { state: state as unknown as ViewState, token };
}

function parsed(key: keyof ViewState, text: string): unknown {
  if (key === "camera") {
    const [x, y, zoom] = text.split(",").map(Number);
    return [x, y, zoom].every(Number.isFinite) && zoom >= 0.5 && zoom <= 200 ? { x, y, zoom } : undefined;
  }
  if (Array.isArray(START[key])) return text ? text.split(",").map(decoded) : [];
  const range = RANGES[key];
  if (range) {
    const value = Number(text);
    return text !== "" && value >= range[0] && value <= range[1] ? value : undefined;
  }
  if (typeof START[key] === "boolean") return text === "1";
  const value = decoded(text);
  const choices = CHOICES[key];
  return !choices || choices.includes(value) ? value : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export type Listener = (state: ViewState, before: ViewState) => void;

/** Holds the state; whoever subscribes is told of every change. */
export class Store {
  private current: ViewState;
  private readonly listeners: Listener[] = [];

  constructor(state: ViewState) {
    this.current = state;
  }

  get state(): ViewState {
    return this.current;
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  change(part: Partial<ViewState>): void {
    const before = this.current;
    const keys = Object.keys(part) as (keyof ViewState)[];
    if (keys.every((key) => before[key] === part[key])) return;
    this.current = { ...before, ...part };
    for (const listener of this.listeners) listener(this.current, before);
  }
}
