// The controls of the page: every one changes the state, and shows it.

import { byId, fillSelect, make } from "./dom";
import { codeLabel, cytokineLabel, layerLabel, unitLabel } from "./labels";
import { typeNames } from "./picking";
import type { Run, Source } from "./source";
import { SPEEDS, type Store, type ViewState } from "./state";

type Key = keyof ViewState;

const SELECTS: [string, Key, (text: string) => unknown][] = [
  ["field", "field", String],
  ["z", "z", String],
  ["map", "map", String],
  ["colour", "colour", String],
  ["highlight", "highlight", String],
  ["trails", "trails", Number],
  ["speed", "speed", Number],
];
const CHECKS: [string, Key][] = [["outlines", "outlines"], ["light", "light"]];
const RADIOS: [string, Key][] = [["view", "view"], ["range", "range"], ["scale", "scale"]];

/** Wire the controls of the panels to the state. */
export function wireControls(store: Store): void {
  for (const [id, key, read] of SELECTS) {
    const select = byId<HTMLSelectElement>(id);
    select.addEventListener("change", () => store.change({ [key]: read(select.value) }));
  }
  for (const [id, key] of CHECKS) {
    const box = byId<HTMLInputElement>(id);
    box.addEventListener("change", () => store.change({ [key]: box.checked }));
  }
  for (const [name, key] of RADIOS) {
    for (const radio of radios(name)) radio.addEventListener("change", () => store.change({ [key]: radio.value }));
  }
  const size = byId<HTMLInputElement>("size");
  size.addEventListener("input", () => store.change({ size: Number(size.value) }));
  fillSelect(byId<HTMLSelectElement>("speed"), SPEEDS.map((speed) => [String(speed), String(speed)] as const));
  // Trails without a type to follow are those of the stromal cells.
  byId("trails").addEventListener("change", () => {
    if (store.state.trails > 0 && !store.state.highlight) store.change({ highlight: "msc" });
  });
}

function radios(name: string): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`)];
}

/** Fill what can be chosen from the runs shown. */
export function fillControls(runs: readonly Run[], source: Source): void {
  const run = runs[0];
  const deep = run.shape[0] > 1;
  fillSelect(byId<HTMLSelectElement>("field"), [["", "None"], ...run.cytokines.map((one) => [one.name, cytokineLabel(one)] as const)]);
  fillSelect(byId<HTMLSelectElement>("z"), source.layers(run).map((z) => [z, layerLabel(run, z)] as const));
  byId("z-row").hidden = !deep;
  for (const radio of radios("view")) {
    radio.disabled = !deep && (radio.value === "slices" || radio.value === "orbit");
    radio.parentElement!.title = radio.disabled ? "For three-dimensional runs" : "";
  }
  const variables = run.columns.filter((column) => !column.codes);
  fillSelect(byId<HTMLSelectElement>("colour"), [
    ["type", "Type"],
    ["phenotype", "State"],
    ...variables.map((one) => [one.name, `${one.label}${unitLabel(one.unit) ? ` (${unitLabel(one.unit)})` : ""}`, "Variable"] as const),
    ["none", "No cells"],
  ]);
  fillSelect(byId<HTMLSelectElement>("highlight"), [
    ["", "None"],
    ...typeNames(run).map((type, code) => [type, codeLabel(run, "type", code)] as const),
  ]);
  byId("light-block").hidden = source.standalone;
  byId("runs-block").hidden = false;
}

/** Bring the controls in line with the state. */
export function showControls(state: ViewState): void {
  for (const [id, key] of SELECTS) {
    const select = byId<HTMLSelectElement>(id);
    const text = String(state[key]);
    if (select.value === text) continue;
    if (![...select.options].some((option) => option.value === text)) select.append(make("option", "", text, { value: text }));
    select.value = text;
  }
  for (const [id, key] of CHECKS) byId<HTMLInputElement>(id).checked = Boolean(state[key]);
  for (const [name, key] of RADIOS) for (const radio of radios(name)) radio.checked = radio.value === state[key];
  byId<HTMLInputElement>("size").value = String(state.size);
  byId("zoom").textContent = `${Math.round(100 * (state.view === "orbit" ? state.distance : (state.camera?.zoom ?? 1)))} %`;
  for (const [id, on] of [["loop", state.loop], ["toggle-left", state.left], ["toggle-right", state.right]] as const) {
    byId(id).setAttribute("aria-pressed", String(on));
  }
  byId("app").classList.toggle("no-left", !state.left);
  byId("app").classList.toggle("no-right", !state.right);
  byId("theme").textContent = `Theme: ${state.theme}`;
}
