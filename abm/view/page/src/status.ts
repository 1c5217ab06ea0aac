// `window.abmView`: what the page shows, to be read by tests.  Nothing here changes the page.

import type { Under } from "./pointer";

export interface AbmView {
  /** True while what is asked for is drawn completely. */
  readonly ready: boolean;
  /** Frame on the timeline, from 0, and how many there are. */
  readonly frame: number;
  readonly frames: number;
  /** Time of the frame drawn last [d]. */
  readonly time: number;
  readonly playing: boolean;
  /** Frames per second reached lately. */
  readonly fps: number;
  /** Pictures drawn since the start. */
  readonly drawn: number;
  /** Of every picture: run, frame times of its data [d], ends of its colour scale, canvas pixels per um and centre [um]. */
  readonly panels: readonly {
    readonly run: string;
    readonly cytokine: string;
    readonly z: string;
    readonly cellTime: number | null;
    readonly fieldTime: number | null;
    readonly low: number | null;
    readonly high: number | null;
    readonly camera: { readonly k: number; readonly x: number; readonly y: number } | null;
  }[];
  /** Under the pointer or the crosshair. */
  readonly under: Under | null;
  /** Frames kept in memory [bytes]. */
  readonly memory: number;
}

declare global {
  interface Window {
    abmView?: AbmView;
  }
}
