// Playback: goes from frame to frame at the speed asked for, but never ahead of the data.

export interface ClockHost {
  /** Frames per second wanted. */
  speed(): number;
  /** Whether a frame was moved to; false when the next one is not there yet. */
  advance(): "moved" | "waiting" | "end";
  /** Playing started or stopped. */
  changed(playing: boolean): void;
}

/** Frames counted for the measured speed. */
const WINDOW = 20;

export class Clock {
  private going = false;
  private due = 0;
  private shown: number[] = [];

  constructor(private readonly host: ClockHost) {}

  get playing(): boolean {
    return this.going;
  }

  /** Frames per second reached lately; 0 when it stands still. */
  get fps(): number {
    const count = this.shown.length - 1;
    return this.going && count > 0 ? (1000 * count) / (this.shown[count] - this.shown[0]) : 0;
  }

  toggle(): void {
    if (this.going) this.pause();
    else this.play();
  }

  play(): void {
    if (this.going) return;
    this.going = true;
    this.due = performance.now();
    this.shown = [];
    this.host.changed(true);
    requestAnimationFrame(this.tick);
  }

  pause(): void {
    if (!this.going) return;
    this.going = false;
    this.host.changed(false);
  }

  private readonly tick = (): void => {
    if (!this.going) return;
    const now = performance.now();
    // Half a display frame early is on time: otherwise 25 a second becomes 20 on a display of 60.
    if (now >= this.due - 8) {
      const outcome = this.host.advance();
      if (outcome === "end") {
        this.pause();
        return;
      }
      if (outcome === "moved") {
        const step = 1000 / this.host.speed();
        // Late frames are not made up for by a rush.
        this.due = Math.max(this.due + step, now - step);
        this.shown.push(now);
        if (this.shown.length > WINDOW) this.shown.shift();
      }
    }
    requestAnimationFrame(this.tick);
  };
}
