// Everything that a key does.

import type { App } from "./app";
import { panned, zoomed } from "./camera";
import { say } from "./announce";
import { byId } from "./dom";
import { openHelp, type Command } from "./keyboard";
import { layerLabel } from "./labels";
import type { Source } from "./source";
import { SPEEDS, type Theme, type View, type ViewState } from "./state";

const JUMP = 10;
const ZOOM = 1.4;
const PAN = 0.12;
const TURN = 10;

export class Actions {
  constructor(
    private readonly app: App,
    private readonly source: Source,
  ) {}

  zoom(factor: number): void {
    const { state } = this.app.store;
    if (state.view === "orbit") this.change({ distance: Math.min(Math.max(state.distance * factor, 0.2), 20) });
    else this.change({ camera: zoomed(this.app.shown()[0], state.camera, factor) });
  }

  whole(): void {
    this.change({ camera: null, distance: 1, follow: false });
  }

  theme(): void {
    // From automatic the other one first, so that every press is seen; then back to automatic.
    const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const other = system === "dark" ? "light" : "dark";
    const order: Theme[] = ["auto", other, system];
    const theme = order[(order.indexOf(this.state.theme) + 1) % order.length];
    this.change({ theme });
    say(`Theme ${theme}.`);
  }

  async copy(): Promise<void> {
    const link = location.href.replace(/#.*$/, "") + this.app.address();
    this.app.writeAddress();
    const button = byId("copy");
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
      say("Link copied. It works as long as this player runs.");
    } catch {
      button.textContent = "See address bar";
      say("The link is in the address bar.");
    }
    window.setTimeout(() => {
      button.textContent = "Copy link";
    }, 2000);
  }

  /** The table of keys. */
  commands(): Command[] {
    const { app } = this;
    const at = (group: string) => (keys: string[], text: string, act: () => void): Command => ({ keys, group, text, act });
    const time = at("Time");
    const view = at("View");
    const data = at("Field and cells");
    const last = (): number => app.timeline.length - 1;
    return [
      time([" "], "Play or pause", () => app.clock.toggle()),
      time(["ArrowRight", "."], "Next frame", () => app.step(1)),
      time(["ArrowLeft", ","], "Previous frame", () => app.step(-1)),
      time(["PageDown"], `${JUMP} frames on`, () => app.step(JUMP)),
      time(["PageUp"], `${JUMP} frames back`, () => app.step(-JUMP)),
      time(["Home"], "First frame", () => app.step(-app.index)),
      time(["End"], "Last frame", () => app.step(last() - app.index)),
      time(["]"], "Faster", () => this.speed(1)),
      time(["["], "Slower", () => this.speed(-1)),
      time(["l"], "Loop on or off", () => this.change({ loop: !this.state.loop })),
      view(["1"], "Tissue", () => this.view("tissue")),
      view(["2"], "All fields", () => this.view("fields")),
      view(["3"], "Slices (3-D runs)", () => this.view("slices")),
      view(["4"], "3-D (3-D runs)", () => this.view("orbit")),
      view(["+", "="], "Zoom in", () => this.zoom(ZOOM)),
      view(["-"], "Zoom out", () => this.zoom(1 / ZOOM)),
      view(["0"], "Whole tissue", () => this.whole()),
      view(["Shift+ArrowLeft"], "Pan or turn left", () => this.pan(-1, 0)),
      view(["Shift+ArrowRight"], "Pan or turn right", () => this.pan(1, 0)),
      view(["Shift+ArrowUp"], "Pan or turn up", () => this.pan(0, 1)),
      view(["Shift+ArrowDown"], "Pan or turn down", () => this.pan(0, -1)),
      view(["s"], "Settings panel", () => this.change({ left: !this.state.left })),
      view(["d"], "Charts panel", () => this.change({ right: !this.state.right })),
      view(["Shift+d"], "Light or dark", () => this.theme()),
      view(["y"], "Copy a link to this view", () => void this.copy()),
      data(["g"], "Next cytokine", () => this.field(1)),
      data(["Shift+g"], "Previous cytokine", () => this.field(-1)),
      data(["r"], "Range fixed or per frame", () => this.change({ range: this.state.range === "fixed" ? "frame" : "fixed" })),
      data(["k"], "Linear or logarithmic", () => this.change({ scale: this.state.scale === "log" ? "linear" : "log" })),
      data(["o"], "Region outlines", () => this.change({ outlines: !this.state.outlines })),
      data(["c"], "Colour cells by the next variable", () => this.colour()),
      data(["m"], "Highlight MSC", () => this.change({ highlight: this.state.highlight === "msc" ? "" : "msc" })),
      data(["t"], "Trails of MSC", () => this.trails()),
      data(["f"], "Keep the selected cell in the middle", () => this.change({ follow: !this.state.follow && this.state.cell !== null })),
      data(["i"], "Enter a cell's id", () => this.enterCell()),
      data(["Escape"], "Clear the selected cell", () => this.change({ cell: null, follow: false })),
      data(["w"], "Layer up (3-D runs)", () => this.layer(1)),
      data(["x"], "Layer down (3-D runs)", () => this.layer(-1)),
      at("Help")(["?", "h"], "This list", openHelp),
    ];
  }

  speed(by: number): void {
    const at = SPEEDS.findIndex((speed) => speed >= this.state.speed);
    const speed = SPEEDS[Math.min(Math.max((at < 0 ? SPEEDS.length - 1 : at) + by, 0), SPEEDS.length - 1)];
    this.change({ speed });
    say(`${speed} frames per second.`);
  }

  private get state(): ViewState {
    return this.app.store.state;
  }

  private change(part: Partial<ViewState>): void {
    this.app.store.change(part);
  }

  private view(view: View): void {
    const deep = this.app.shown()[0].shape[0] > 1;
    if (!deep && (view === "slices" || view === "orbit")) say("This run has one layer only.");
    else this.change({ view });
  }

  private pan(dx: number, dy: number): void {
    const { azimuth, elevation, view, camera } = this.state;
    if (view === "orbit") {
      this.change({
        azimuth: ((((azimuth + dx * TURN + 180) % 360) + 360) % 360) - 180,
        elevation: Math.min(Math.max(elevation + dy * TURN, -90), 90),
      });
      return;
    }
    const run = this.app.shown()[0];
    const length = (PAN * Math.max(run.size[0], run.size[1])) / (camera?.zoom ?? 1);
    this.change({ camera: panned(run, camera, dx * length, dy * length), follow: false });
  }

  private field(by: number): void {
    const names = ["", ...this.app.shown()[0].cytokines.map((one) => one.name)];
    const field = names[(names.indexOf(this.state.field) + by + names.length) % names.length];
    this.change({ field });
    say(field ? `Field ${field}.` : "No field.");
  }

  private colour(): void {
    const options = [...byId<HTMLSelectElement>("colour").options].map((option) => option.value);
    const colour = options[(options.indexOf(this.state.colour) + 1) % options.length];
    this.change({ colour });
    say(`Cells by ${colour}.`);
  }

  private trails(): void {
    const on = this.state.trails === 0;
    this.change(on ? { trails: 20, highlight: this.state.highlight || "msc" } : { trails: 0 });
    say(on ? "Trails on." : "Trails off.");
  }

  private enterCell(): void {
    this.change({ right: true });
    byId<HTMLInputElement>("cell-id").select();
  }

  private layer(by: number): void {
    const run = this.app.shown()[0];
    const layers = this.source.layers(run);
    const z = layers[Math.min(Math.max(layers.indexOf(this.state.z) + by, 0), layers.length - 1)];
    this.change({ z });
    say(layerLabel(run, z));
  }
}

/** Wire the buttons that share actions with keys. */
export function wireButtons(app: App, actions: Actions): void {
  const press = (id: string, act: () => void): void => byId(id).addEventListener("click", act);
  press("play", () => app.clock.toggle());
  press("first", () => app.step(-app.index));
  press("back", () => app.step(-1));
  press("forward", () => app.step(1));
  press("last", () => app.step(app.timeline.length - 1 - app.index));
  press("loop", () => app.store.change({ loop: !app.store.state.loop }));
  press("zoom-in", () => actions.zoom(ZOOM));
  press("zoom-out", () => actions.zoom(1 / ZOOM));
  press("zoom-reset", () => actions.whole());
  press("theme", () => actions.theme());
  press("copy", () => void actions.copy());
  press("toggle-left", () => app.store.change({ left: !app.store.state.left }));
  press("toggle-right", () => app.store.change({ right: !app.store.state.right }));
  press("live", () => app.follow(!app.isFollowing));
  press("skip", () => app.stage.panels[0]?.raster.canvas.focus());
}
