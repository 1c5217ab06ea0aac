// What a screen reader is told, and what everybody is told when something goes wrong.

import { byId } from "./dom";

/** Say something without moving the focus. */
export function say(text: string): void {
  byId("say").textContent = text;
}

export class Banner {
  private readonly box = byId("banner");
  private readonly text = byId("banner-text");
  private readonly retry = byId<HTMLButtonElement>("retry");

  constructor(again: () => void) {
    this.retry.addEventListener("click", again);
    byId("dismiss").addEventListener("click", () => this.hide());
  }

  /** Show a failure; `waiting` when it is repeated by itself in some ms. */
  show(message: string, waiting: number | null): void {
    const end = /[.?!]$/.test(message) ? "" : ".";
    this.text.textContent = `${message}${end}${waiting === null ? "" : ` Next try in ${Math.round(waiting / 1000)} s.`}`;
    this.retry.hidden = false;
    this.box.hidden = false;
  }

  hide(): void {
    this.box.hidden = true;
  }
}
