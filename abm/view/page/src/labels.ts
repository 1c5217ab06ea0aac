// Printed names.

import type { Cytokine, Run } from "./source";
import { spacings } from "./source";

/** Arm of a run, and its replicate where an arm is shown more than once. */
export function runLabel(run: Run, among: readonly Run[]): string {
  const same = among.filter((other) => other.arm === run.arm);
  const arm = run.armLabel || run.file;
  if (same.length < 2) return arm;
  const twins = same.filter((other) => other !== run && other.replicate === run.replicate);
  if (twins.length === 0) return `${arm} · rep. ${run.replicate}`;
  return `${arm} · ${twins.some((other) => other.title === run.title) ? run.file : run.title}`;
}

export function cytokineLabel(cytokine: Cytokine): string {
  return `${cytokine.label} (${cytokine.unit})`;
}

/** Unit as it is printed; the unit of plain numbers is nothing. */
export function unitLabel(unit: string): string {
  return unit === "1" ? "" : unit.replace(/\bum\b/g, "µm");
}

/** Printed name of a code of a column, e.g. of a cell type; without its type if it is a phenotype. */
export function codeLabel(run: Run, column: string, code: number): string {
  const found = run.columns.find((one) => one.name === column);
  return found?.codeLabels?.[code] ?? found?.codes?.[code] ?? String(code);
}

export function layerLabel(run: Run, z: string): string {
  if (z === "max") return "max along z";
  if (z === "mean") return "mean along z";
  const spacing = spacings(run)[2];
  return `z = ${Number((run.origin[2] + (Number(z) + 0.5) * spacing).toPrecision(5))} µm`;
}
