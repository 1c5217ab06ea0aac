// The bar at the bottom: where in time, and the marks of the events.

import { byId, make, short } from "./dom";
import type { Run } from "./source";
import { inWords, spoken } from "./timeline";

/** [ms] */
const SOON = 500;

export class Transport {
  private readonly scrubber = byId<HTMLInputElement>("scrubber");
  private readonly marks = byId("marks");
  private timer: number | undefined;

  constructor(go: (index: number) => void) {
    this.scrubber.addEventListener("input", () => go(Number(this.scrubber.value)));
  }

  /** New frames or runs. */
  fill(timeline: readonly number[], runs: readonly Run[]): void {
    this.scrubber.max = String(Math.max(timeline.length - 1, 0));
    const [first, last] = [timeline[0] ?? 0, timeline[timeline.length - 1] ?? 0];
    byId("start-day").textContent = `${short(first)} d`;
    byId("end-day").textContent = `${short(last)} d`;
    // What happens at the same time, in one run or in several, has one mark.
    const texts = new Map<number, Set<string>>();
    for (const { time, text } of runs.flatMap((run) => run.events)) {
      if (time >= first && time <= last) texts.set(time, (texts.get(time) ?? new Set()).add(text));
    }
    const places = [...texts.keys()].map((time) => 100 * this.share(timeline, time));
    this.marks.replaceChildren(
      ...[...texts].map(([time, all], i) => {
        const about = [...all].join("; ");
        const text = `Day ${short(time)}: ${about}`;
        const mark = make("span", "event", about, { title: text, role: "listitem", "aria-label": text });
        mark.style.left = `${places[i].toFixed(2)}%`;
        // Each has the room up to the next one.
        const next = Math.min(...places.filter((place) => place > places[i]), 100);
        mark.style.maxWidth = `${Math.max(next - places[i], 0).toFixed(2)}%`;
        return mark;
      }),
    );
  }

  show(index: number, timeline: readonly number[], playing: boolean, fps: number): void {
    const time = timeline[index] ?? 0;
    this.scrubber.value = String(index);
    this.scrubber.setAttribute("aria-valuetext", `${spoken(time)}, frame ${index + 1} of ${timeline.length}`);
    byId("time").textContent = inWords(time);
    byId("frame").textContent = timeline.length ? `frame ${index + 1} of ${timeline.length}` : "no frames";
    byId("fps").textContent = playing && fps > 0 ? `${fps.toFixed(fps < 10 ? 1 : 0)} fps` : "";
    byId("app").classList.toggle("playing", playing);
    const play = byId("play");
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  /** Say that the frame has not come yet, unless it comes soon. */
  loading(waiting: boolean): void {
    if (!waiting) {
      window.clearTimeout(this.timer);
      this.timer = undefined;
      byId("app").classList.remove("waiting");
    } else {
      this.timer ??= window.setTimeout(() => byId("app").classList.add("waiting"), SOON);
    }
  }

  /** Share along the scrubber, whose steps are frames, not days. */
  private share(timeline: readonly number[], time: number): number {
    const after = timeline.findIndex((one) => one >= time - 1e-9);
    if (after <= 0 || timeline.length < 2) return 0;
    const part = (time - timeline[after - 1]) / (timeline[after] - timeline[after - 1]);
    return (after - 1 + part) / (timeline.length - 1);
  }
}
