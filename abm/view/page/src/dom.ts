// Small helpers around the document.

/** The element of an id in index.html; a missing one is a mistake in this page. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
}

/** A new element with a class, text and attributes. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
  attributes: Record<string, string> = {},
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Fill a select with [value, text] pairs, grouped if a third entry names a group; keeps the choice when it can. */
export function fillSelect(select: HTMLSelectElement, options: readonly (readonly [string, string, string?])[]): void {
  const before = select.value;
  const groups = new Map<string, HTMLOptGroupElement>();
  const children: HTMLElement[] = [];
  for (const [value, text, group] of options) {
    const option = make("option", "", text, { value });
    if (!group) children.push(option);
    else {
      let parent = groups.get(group);
      if (!parent) {
        parent = make("optgroup", "", "", { label: group });
        groups.set(group, parent);
        children.push(parent);
      }
      parent.append(option);
    }
  }
  select.replaceChildren(...children);
  if (options.some(([value]) => value === before)) select.value = before;
}

/** A colour or length of the style sheet in force. */
export function cssValue(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Make a canvas's pixels match its place on the page; true when they changed. */
export function fitCanvas(canvas: HTMLCanvasElement): boolean {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.max(Math.round(canvas.clientWidth * ratio), 1);
  const height = Math.max(Math.round(canvas.clientHeight * ratio), 1);
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

/** Up to four significant digits, as one reads them. */
export function short(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 2).split("e");
    const superscript = String(Number(exponent)).replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
    return `${Number(mantissa)}×10${superscript}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}
