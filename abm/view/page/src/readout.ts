// The line above the pictures: what is under the pointer or the crosshair, in numbers from the data.

import { say } from "./announce";
import { byId, make, short } from "./dom";
import { codeLabel, runLabel } from "./labels";
import { under, type Under } from "./pointer";
import type { Run, Source } from "./source";
import type { Panel } from "./stage";
import type { Store } from "./state";

const IDLE = "Move over the tissue to read values.";

export class Readout {
  found: Under | null = null;
  private readonly place = byId("readout");
  private panel: Panel | null = null;

  constructor(
    private readonly runs: () => readonly Run[],
    private readonly source: Source,
  ) {
    this.nothing(IDLE);
  }

  show(panel: Panel | null, found: Under | null, aloud: boolean): void {
    this.panel = panel;
    this.found = found;
    if (!panel || !found) {
      this.place.textContent = IDLE;
      return;
    }
    const parts = this.parts(panel, found);
    this.place.replaceChildren(...parts.flatMap(([text, strong], i) => [document.createTextNode(i ? "  ·  " : ""), strong ? make("b", "", text) : document.createTextNode(text)]));
    if (aloud) say(parts.map(([text]) => text).join(", "));
  }

  /** The same place when the frame has changed. */
  refresh(store: Store): void {
    if (this.panel && this.found) this.show(this.panel, under(this.panel, store, this.found.x, this.found.y), false);
  }

  nothing(text: string): void {
    this.place.textContent = text;
  }

  private parts(panel: Panel, found: Under): [string, boolean][] {
    const runs = this.runs();
    const parts: [string, boolean][] = [];
    if (runs.length > 1) parts.push([runLabel(panel.run, runs), false]);
    parts.push([`x ${short(found.x)}, y ${short(found.y)} µm`, false]);
    const cytokine = panel.run.cytokines.find((one) => one.name === found.cytokine);
    if (cytokine) {
      const about = found.quantised ? "≈ " : "";
      const text = found.value === null ? "outside" : `${about}${short(found.value, 5)} ${cytokine.unit}`;
      const side = found.factor;
      parts.push([`${cytokine.label} ${text}`, true]);
      if (side > 1) parts.push([`mean of ${side} × ${side} voxels`, false]);
    }
    if (found.cell !== null && panel.cells) {
      const phenotype = codeLabel(panel.run, "phenotype", panel.cells.phenotype[found.row]);
      const type = codeLabel(panel.run, "type", panel.cells.type[found.row]);
      parts.push([`${type} ${found.cell}${phenotype === type ? "" : `, ${phenotype}`}`, true]);
    }
    if (this.source.standalone && found.quantised) parts.push(["rounded to 8 bits", false]);
    return parts;
  }
}
