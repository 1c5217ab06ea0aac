// Keys: one table that both acts and fills the help.

import { byId, make } from "./dom";

export interface Command {
  /** As in KeyboardEvent.key, with `Shift+` in front where it is held. */
  keys: readonly string[];
  group: string;
  text: string;
  act: () => void;
}

/** Keys that a picture takes while it has the focus, for the help only. */
const ON_PICTURE: readonly [string, string][] = [
  ["← → ↑ ↓", "Move the crosshair by a voxel (3-D: turn)"],
  ["Enter", "Select the cell at the crosshair"],
  ["Esc", "Leave crosshair, then cell"],
  ["Drag, wheel", "Pan (3-D: turn), zoom"],
  ["Double click", "Whole tissue"],
];

const NAMES: Record<string, string> = {
  " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", PageUp: "Page ↑", PageDown: "Page ↓",
};

function printed(key: string): string {
  return key.split("+").filter(Boolean).map((part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join("+") || key;
}

/** Elements in which keys mean something else. */
function takesKeys(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLSelectElement) return key.length === 1 || key.startsWith("Arrow") || key === "Home" || key === "End";
  if (target instanceof HTMLInputElement) {
    if (target.type === "checkbox") return key === " ";
    if (target.type === "radio") return key === " " || key.startsWith("Arrow");
    if (target.type === "range") return key.startsWith("Arrow") || key.startsWith("Page") || key === "Home" || key === "End";
    return true;
  }
  return target instanceof HTMLButtonElement && (key === " " || key === "Enter");
}

/** Listen for the commands' keys on the whole page. */
export function listen(commands: readonly Command[]): void {
  const table = new Map(commands.flatMap((command) => command.keys.map((key) => [key, command] as const)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || takesKeys(event.target, event.key)) return;
    const plain = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = (event.shiftKey && table.get(`Shift+${plain}`)) || table.get(event.key) || (!event.shiftKey && table.get(plain));
    if (!command) return;
    event.preventDefault();
    command.act();
  });
}

/** Fill the help with the same table. */
export function fillHelp(commands: readonly Command[], about: string): void {
  const list = byId("help-list");
  const groups = new Map<string, [string, string][]>();
  for (const command of commands) {
    const rows = groups.get(command.group) ?? [];
    rows.push([command.keys.map(printed).join(" or "), command.text]);
    groups.set(command.group, rows);
  }
  groups.set("With a picture in focus", [...ON_PICTURE]);
  list.replaceChildren(
    ...[...groups].flatMap(([group, rows]) => [
      make("h3", "", group),
      ...rows.map(([keys, text]) => {
        const row = make("div", "help-row");
        const names = make("span");
        keys.split(" or ").forEach((key, i) => {
          if (i) names.append(" ");
          names.append(make("kbd", "", key));
        });
        row.append(make("span", "", text), names);
        return row;
      }),
    ]),
  );
  byId("about").textContent = about;
  const dialog = byId<HTMLDialogElement>("help");
  byId("help-open").addEventListener("click", () => dialog.showModal());
  byId("help-close").addEventListener("click", () => dialog.close());
}

export function openHelp(): void {
  byId<HTMLDialogElement>("help").showModal();
}
