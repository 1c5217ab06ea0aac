// Start: find the source of the data, read the view from the address, show it, follow runs that grow.

import { Actions, wireButtons } from "./commands";
import { App } from "./app";
import { Banner } from "./announce";
import { byId } from "./dom";
import { fillHelp, listen } from "./keyboard";
import { LiveSource } from "./live";
import { PackedSource } from "./packed";
import { SourceError, type Run, type Source } from "./source";
import { fromFragment, Store, type ViewState } from "./state";

const POLL = 2000;
/** Runs side by side when the address names none. */
const MOST_AT_FIRST = 4;

function sourceOf(token: string): Source {
  const packed = document.getElementById("abm-head");
  return packed ? new PackedSource(packed.textContent ?? "") : new LiveSource(token);
}

/** The view asked for, as far as these runs have it. */
function possible(asked: ViewState, all: readonly Run[], source: Source): ViewState {
  const named = asked.runs.filter((id) => all.some((run) => run.id === id));
  const runs = named.length ? named : firstRuns(all);
  const run = all.find((one) => one.id === runs[0])!;
  const names = run.cytokines.map((one) => one.name);
  const usual = names.includes("TNF-a") ? "TNF-a" : (names[0] ?? "");
  const layers = source.layers(run);
  const deep = run.shape[0] > 1;
  const columns = run.columns.filter((column) => !column.codes).map((column) => column.name);
  return {
    ...asked,
    runs,
    field: asked.field === "" || names.includes(asked.field) ? asked.field : usual,
    z: layers.includes(asked.z) ? asked.z : (layers[Math.floor(run.shape[0] / 2)] ?? layers[0]),
    colour: ["type", "phenotype", "none", ...columns].includes(asked.colour) ? asked.colour : "type",
    view: !deep && (asked.view === "slices" || asked.view === "orbit") ? "tissue" : asked.view,
  };
}

/** All runs if they are few, else one replicate of every arm. */
function firstRuns(all: readonly Run[]): string[] {
  if (all.length <= MOST_AT_FIRST) return all.map((run) => run.id);
  const arms = new Map(all.map((run) => [run.arm, run] as const).reverse());
  const ids = new Set([...arms.values()].map((run) => run.id));
  return all.filter((run) => ids.has(run.id)).slice(0, MOST_AT_FIRST).map((run) => run.id);
}

/** Look for new frames of runs that are being written; a run that has ended is read a last time. */
function poll(app: App, source: Source): void {
  let failed = false;
  const again = async (): Promise<void> => {
    const growing = app.runs().filter((run) => run.live);
    if (growing.length === 0) return;
    try {
      const fresh = await Promise.all(growing.map((run) => source.run(run.id)));
      const grown = fresh.filter((run, i) => JSON.stringify(run) !== JSON.stringify(growing[i]));
      if (grown.length) app.renew(grown);
      if (failed) app.answered();
      failed = false;
    } catch (error) {
      failed = true;
      app.fail(error);
    }
    window.setTimeout(() => void again(), POLL);
  };
  window.setTimeout(() => void again(), POLL);
}

async function start(): Promise<void> {
  const { state, token } = fromFragment(location.hash);
  const source = sourceOf(token);
  const all = await source.runs();
  if (all.length === 0) throw new SourceError("There are no runs to play.", false);
  const store = new Store(possible(state, all, source));
  const app = new App(store, source, all, token);
  const actions = new Actions(app, source);
  const commands = actions.commands();
  listen(commands);
  fillHelp(
    commands,
    source.standalone
      ? "This page holds its data and fetches nothing. Values are rounded to 8 bits."
      : "Values under the cursor are those of the file. The link works while this player runs.",
  );
  wireButtons(app, actions);
  app.start();
  poll(app, source);
  window.addEventListener("hashchange", () => store.change(possible(fromFragment(location.hash).state, app.runs(), source)));
}

start().catch((error: unknown) => {
  byId("app").removeAttribute("aria-busy");
  document.documentElement.dataset["theme"] = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  byId("readout").textContent = "";
  new Banner(() => location.reload()).show(error instanceof Error ? error.message : String(error), null);
});
