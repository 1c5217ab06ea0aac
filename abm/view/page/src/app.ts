// Ties state, data, pictures and controls together.

import { Banner, say } from "./announce";
import { Bars } from "./bars";
import { middleOf } from "./camera";
import { Charts } from "./charts";
import { Clock } from "./clock";
import type { Shade } from "./colours";
import { fillControls, showControls, wireControls } from "./controls";
import { Crosshair } from "./crosshair";
import { byId } from "./dom";
import { Inspector } from "./inspector";
import { Legend, showRuns } from "./legend";
import { Loader, type Request } from "./loader";
import { rowOf } from "./picking";
import { Pointer, type Under } from "./pointer";
import { Readout } from "./readout";
import type { Run, Source } from "./source";
import { Stage, type Panel } from "./stage";
import { runOfCell, toFragment, type Store, type ViewState } from "./state";
import { nearest, spoken, timelineOf } from "./timeline";
import { Transport } from "./transport";

/** Frames fetched before they are due. */
const AHEAD = 4;
const ADDRESS_PAUSE = 400;
/** While playing, the text about the selected cell follows this often [ms]. */
const INSPECT_EVERY = 300;

export class App {
  timeline: number[] = [];
  index = 0;
  readonly clock: Clock;
  readonly stage: Stage;
  private readonly loader: Loader;
  private readonly banner: Banner;
  private readonly bars = new Bars();
  private readonly charts: Charts;
  private readonly legend: Legend;
  private readonly inspector: Inspector;
  private readonly transport: Transport;
  private readonly readout: Readout;
  private readonly dark = window.matchMedia("(prefers-color-scheme: dark)");
  private scheduled = false;
  /** Whether something changed since the last drawing. */
  private stale = false;
  private addressTimer: number | undefined;
  private inspected = 0;
  private ready = false;
  private drawn = 0;
  /** Whether the newest frame of a growing run is shown as it comes. */
  private following = false;

  constructor(
    readonly store: Store,
    private readonly source: Source,
    private all: Run[],
    private readonly token: string,
  ) {
    this.banner = new Banner(() => this.loader.retry());
    this.loader = new Loader(source, {
      // A picture that is complete stays as it is: what arrived belongs to a later one.
      arrived: () => (this.ready ? undefined : this.schedule()),
      failed: (message, again) => this.banner.show(message, again),
      recovered: () => {
        this.banner.hide();
        say("The connection is back.");
      },
    });
    this.readout = new Readout(() => this.shown(), source);
    const redraw = (): void => this.schedule();
    const crosshair = new Crosshair(store, () => this.stage, (panel, found, aloud) => this.read(panel, found, aloud), redraw);
    const pointer = new Pointer(store, (panel, found) => this.read(panel, found, false));
    this.stage = new Stage(byId("panels"), source, this.loader, (panel) => {
      pointer.wire(panel);
      crosshair.wire(panel);
    });
    this.charts = new Charts(source, (time) => this.seek(nearest(this.timeline, time)), (error) => this.fail(error));
    this.legend = new Legend(store);
    this.inspector = new Inspector(store, source, redraw);
    this.transport = new Transport((index) => this.seek(index));
    this.clock = new Clock({
      speed: () => this.store.state.speed,
      advance: () => this.advance(),
      changed: (playing) => {
        say(playing ? "Playing." : `Paused at ${spoken(this.time)}.`);
        this.schedule();
      },
    });
  }

  /** Time of the frame asked for [d]. */
  get time(): number {
    return this.timeline[this.index] ?? 0;
  }

  get shade(): Shade {
    const { theme } = this.store.state;
    return theme === "auto" ? (this.dark.matches ? "dark" : "light") : theme;
  }

  /** Runs on the page, in the order of the list. */
  shown(): Run[] {
    return this.all.filter((run) => this.store.state.runs.includes(run.id));
  }

  start(): void {
    wireControls(this.store);
    this.store.subscribe((state, before) => this.changed(state, before));
    this.dark.addEventListener("change", () => this.restyle());
    new ResizeObserver(() => {
      this.stage.fit(this.store.state);
      this.schedule();
    }).observe(byId("panels"));
    this.source.light = this.store.state.light;
    this.index = -1;
    this.rebuild();
    this.restyle();
    byId("app").removeAttribute("aria-busy");
    this.exposeStatus();
  }

  seek(index: number): void {
    const to = Math.min(Math.max(index, 0), this.timeline.length - 1);
    if (to < 0) return;
    this.following = this.following && to === this.timeline.length - 1;
    this.goTo(to);
  }

  step(by: number): void {
    this.clock.pause();
    this.seek(this.index + by);
    say(`${spoken(this.time)}, frame ${this.index + 1} of ${this.timeline.length}`);
  }

  /** Show the newest frame of a growing run as it comes, or stop doing so. */
  follow(on: boolean): void {
    this.following = on;
    if (on) this.goTo(this.timeline.length - 1);
    this.showLive();
  }

  get isFollowing(): boolean {
    return this.following;
  }

  /** Runs as they are on disk now. */
  renew(runs: readonly Run[]): void {
    for (const run of runs) {
      this.charts.forget(run.id);
      const before = this.all.find((old) => old.id === run.id);
      // A resumed run may write frames anew under numbers that were there.
      if (before && !(continues(run.cellTimes, before.cellTimes) && continues(run.fieldTimes, before.fieldTimes))) this.loader.clear();
    }
    this.all = this.all.map((old) => runs.find((run) => run.id === old.id) ?? old);
    this.rebuild();
    if (this.following) this.goTo(this.timeline.length - 1);
  }

  runs(): readonly Run[] {
    return this.all;
  }

  /** Tell of a failure that is not repeated by itself. */
  fail(error: unknown): void {
    this.banner.show(error instanceof Error ? error.message : String(error), null);
  }

  /** The source answers again. */
  answered(): void {
    this.banner.hide();
    this.loader.retry();
  }

  address(): string {
    return `#${toFragment({ ...this.store.state, time: this.time }, this.token)}`;
  }

  private goTo(index: number): void {
    this.index = index;
    this.store.change({ time: this.time });
    this.schedule();
  }

  private advance(): "moved" | "waiting" | "end" {
    if (!this.ready) return "waiting";
    const last = this.timeline.length - 1;
    if (last < 1 || (this.index >= last && !this.store.state.loop)) return "end";
    const next = this.index >= last ? 0 : this.index + 1;
    if (!this.requests(next).every((request) => this.loader.settled(request))) {
      this.fetch();
      return "waiting";
    }
    this.index = next;
    this.store.change({ time: this.time });
    this.render();
    return "moved";
  }

  private changed(state: ViewState, before: ViewState): void {
    const differs = (...keys: (keyof ViewState)[]): boolean => keys.some((key) => state[key] !== before[key]);
    if (differs("light")) {
      this.source.light = state.light;
      this.loader.clear();
    }
    if (differs("runs")) this.rebuild();
    else if (differs("view", "field", "z", "left", "right", "colour", "hidden", "camera")) this.arrange();
    if (differs("theme")) this.restyle();
    if (differs("time") && state.time !== this.timeline[this.index]) this.index = nearest(this.timeline, state.time);
    showControls(state);
    this.schedule();
    window.clearTimeout(this.addressTimer);
    this.addressTimer = window.setTimeout(() => this.writeAddress(), ADDRESS_PAUSE);
  }

  private rebuild(): void {
    const runs = this.shown();
    this.timeline = timelineOf(runs);
    this.index = nearest(this.timeline, this.store.state.time);
    fillControls(runs, this.source);
    showControls(this.store.state);
    byId("title").textContent = [...new Set(runs.map((run) => run.title))].join(" · ");
    this.transport.fill(this.timeline, runs);
    this.arrange();
    this.showRunList();
    this.showLive();
    void this.charts.show(runs, this.shade);
    this.schedule();
  }

  private arrange(): void {
    this.stage.arrange(this.shown(), this.store.state);
    this.legend.build(this.shown()[0], this.store.state, this.shade);
  }

  private restyle(): void {
    document.documentElement.dataset["theme"] = this.shade;
    this.showRunList();
    this.legend.build(this.shown()[0], this.store.state, this.shade);
    void this.charts.show(this.shown(), this.shade);
    this.schedule();
  }

  private showRunList(): void {
    showRuns(this.all, this.store.state, this.shade, (runs) => this.store.change({ runs }));
  }

  private showLive(): void {
    const live = byId("live");
    live.hidden = !this.shown().some((run) => run.live);
    live.setAttribute("aria-pressed", String(this.following));
    live.textContent = this.following ? "Live: following" : "Live";
  }

  private requests(index: number): Request[] {
    return this.stage.requests(this.store.state, this.timeline[index]);
  }

  /** Ask for the frame shown, then for those that come next. */
  private fetch(): void {
    const wanted: Request[] = [];
    const count = this.timeline.length;
    for (let k = 0; k <= Math.min(AHEAD, count - 1); k += 1) {
      const index = this.index + k;
      if (index < count || this.store.state.loop) wanted.push(...this.requests(index % count));
    }
    this.loader.want(wanted);
  }

  /** Draw before the next display frame, once, however often it is asked for. */
  private schedule(): void {
    this.stale = true;
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      if (this.stale) this.render();
    });
  }

  private render(): void {
    this.stale = false;
    if (this.timeline.length === 0) {
      this.transport.show(0, this.timeline, false, 0);
      this.readout.nothing("These runs have recorded no frames of cells or fields yet.");
      return;
    }
    const { state } = this.store;
    this.ready = this.stage.draw(state, this.time, this.shade, this.inspector.tracks);
    this.fetch();
    this.transport.show(this.index, this.timeline, this.clock.playing, this.clock.fps);
    this.transport.loading(!this.ready);
    if (!this.ready) return;
    this.drawn += 1;
    this.keepInMiddle();
    this.charts.setTime(this.time);
    this.bars.show(this.stage, this.shown(), state, this.shade);
    this.legend.count(this.shown().map((run) => this.stage.panels.find((panel) => panel.run === run)?.cells ?? null));
    this.readout.refresh(this.store);
    const now = performance.now();
    if (!this.clock.playing || now - this.inspected > INSPECT_EVERY) {
      this.inspected = now;
      this.inspector.show(this.shown(), this.time);
    }
  }

  private keepInMiddle(): void {
    const { cell, follow, camera, view } = this.store.state;
    const panel = this.stage.panels.find(({ run }) => run === runOfCell(this.store.state, this.shown()));
    if (!follow || cell === null || !panel?.cells || view === "orbit") return;
    const row = rowOf(panel.cells, cell);
    if (row < 0 || panel.cells.place[row] !== 0) return;
    const zoom = camera?.zoom ?? 4;
    const [x, y] = [panel.cells.x[row], panel.cells.y[row]];
    const at = camera ?? { ...middleOf(panel.run), zoom: 0 };
    if (at.x !== x || at.y !== y || at.zoom !== zoom) this.store.change({ camera: { x, y, zoom } });
  }

  private read(panel: Panel | null, found: Under | null, aloud: boolean): void {
    this.readout.show(panel, found, aloud);
  }

  /** Put the view into the address bar. */
  writeAddress(): void {
    try {
      history.replaceState(null, "", this.address());
    } catch {
      // Pages opened from a file may not be allowed to; the link can still be copied.
    }
  }

  private exposeStatus(): void {
    const app = this;
    window.abmView = Object.freeze({
      get ready() { return app.ready && app.loader.loading === 0; },
      get frame() { return app.index; },
      get frames() { return app.timeline.length; },
      get time() { return app.time; },
      get playing() { return app.clock.playing; },
      get fps() { return app.clock.fps; },
      get drawn() { return app.drawn; },
      get under() { return app.readout.found; },
      get memory() { return app.loader.bytes; },
      get panels() {
        return app.stage.panels.map(({ run, cytokine, z, cells, field, scale, camera }) => ({
          run: run.id,
          cytokine,
          z,
          cellTime: cells?.time ?? null,
          fieldTime: field?.time ?? null,
          low: scale?.low ?? null,
          high: scale?.high ?? null,
          camera: camera && { k: camera.k, x: camera.x, y: camera.y },
        }));
      },
    });
  }
}

/** Whether times go on from those known before. */
function continues(now: readonly number[], before: readonly number[]): boolean {
  return before.every((time, i) => now[i] === time);
}
