// The frames that are played: all times at which any shown run has cells or fields.

import type { Run } from "./source";

const HOURS = 24;
const MINUTES = 60;
/** Times closer than this are the same frame [d]: a tenth of a minute. */
const SAME = 0.1 / HOURS / MINUTES;

/** Ascending times without repeats [d]. */
export function timelineOf(runs: readonly Run[]): number[] {
  const all = runs.flatMap((run) => [...run.cellTimes, ...run.fieldTimes]).sort((a, b) => a - b);
  return all.filter((time, i) => i === 0 || time - all[i - 1] > SAME);
}

/** Index of the time nearest to one; of two equally near, the earlier; -1 without any. */
export function nearest(times: readonly number[], time: number): number {
  if (times.length === 0) return -1;
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time - times[low - 1] <= times[low] - time + 1e-12 ? low - 1 : low;
}

/** `4 d 12 h`, with minutes where there are any. */
export function inWords(days: number): string {
  const minutes = Math.round(days * HOURS * MINUTES);
  const whole = Math.floor(minutes / (HOURS * MINUTES));
  const hours = Math.floor((minutes % (HOURS * MINUTES)) / MINUTES);
  const rest = minutes % MINUTES;
  return `${whole} d ${String(hours).padStart(2, "0")} h${rest ? ` ${String(rest).padStart(2, "0")} min` : ""}`;
}

/** The same for a listener. */
export function spoken(days: number): string {
  const [whole, , hours, , ...rest] = inWords(days).split(" ");
  const some = (count: string, word: string): string => `${Number(count)} ${word}${Number(count) === 1 ? "" : "s"}`;
  return `day ${whole}, ${some(hours, "hour")}${rest.length ? `, ${some(rest[0], "minute")}` : ""}`;
}
