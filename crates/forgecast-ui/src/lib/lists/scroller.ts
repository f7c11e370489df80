// Where a list of any length stands: the row at the top edge and how much of it is hidden. What the browser scrolls is
// only as high as browsers can, so near moves are taken as they are and far ones as a part of the whole. Pure.

/** The height of the scrolled element never exceeds this, pixels; browsers stop at 17 to 33 million. */
export const MAX_PX = 6_000_000;
/** Moves beyond this many times the height of the window come from dragging the bar, not from a wheel. */
const FAR = 4;

export class Scroller {
  count = 0;
  /** Height of a row that was not measured. */
  row = 20;
  /** Height of the window. */
  view = 600;
  /** Height of a measured row; none when all rows have the same. */
  measured: ((index: number) => number | undefined) | undefined;
  /** The row at the top edge. */
  index = 0;
  /** How much of it is above the edge, pixels. */
  into = 0;
  /** Where the browser's own scrolling stands. */
  physical = 0;

  heightOf(index: number): number {
    return this.measured?.(index) ?? this.row;
  }

  /** What the rows would take, by what is known without measuring. */
  get #virtual(): number {
    return this.count * this.row;
  }

  /** Whether one pixel of the bar is one pixel of the list. */
  get #exact(): boolean {
    return this.measured === undefined && this.#virtual <= MAX_PX;
  }

  /** Height of the element that is scrolled. */
  get height(): number {
    return Math.min(Math.max(this.#virtual, this.measured ? this.view + 1 : 0), MAX_PX);
  }

  get #room(): number {
    return Math.max(0, this.height - this.view);
  }

  /** Where the browser's scrolling should stand for this position. */
  get ideal(): number {
    const top = this.index * this.row + Math.min(this.into, this.row);
    if (this.#exact) return top;
    if (this.atEnd) return this.#room;
    const part = top / Math.max(1, this.#virtual - this.view);
    return Math.round(Math.min(1, part) * this.#room);
  }

  /** Whether the last row is whole in sight. */
  get atEnd(): boolean {
    return this.#below(1) <= this.view + 1;
  }

  /** Pixels from the top edge to the end, as far as it matters. */
  #below(beyond: number): number {
    let sum = -this.into;
    for (let at = this.index; at < this.count && sum <= this.view + beyond; at += 1) sum += this.heightOf(at);
    return sum;
  }

  /** The browser scrolled to `physical`; whether anything moved. */
  scrolled(physical: number): boolean {
    const by = physical - this.physical;
    if (Math.abs(by) < 0.5) return false;
    this.physical = physical;
    if (!this.#exact && Math.abs(by) <= FAR * this.view) this.#walk(by);
    else if (this.#exact) this.#place(physical);
    else if (physical >= this.#room - 1) this.toEnd();
    else this.#place((physical / Math.max(1, this.#room)) * Math.max(0, this.#virtual - this.view));
    return true;
  }

  #place(top: number): void {
    this.index = Math.max(0, Math.min(this.count - 1, Math.floor(top / this.row)));
    this.into = Math.max(0, top - this.index * this.row);
    this.#clamp();
  }

  #walk(by: number): void {
    this.into += by;
    while (this.into < 0 && this.index > 0) {
      this.index -= 1;
      this.into += this.heightOf(this.index);
    }
    if (this.into < 0) this.into = 0;
    for (let height = this.heightOf(this.index); this.into >= height && this.index < this.count - 1;) {
      this.into -= height;
      this.index += 1;
      height = this.heightOf(this.index);
    }
    this.#clamp();
  }

  /** No empty space below the last row while there are rows above. */
  #clamp(): void {
    const missing = this.view - this.#below(0);
    if (missing <= 0) return;
    this.into -= missing;
    while (this.into < 0 && this.index > 0) {
      this.index -= 1;
      this.into += this.heightOf(this.index);
    }
    if (this.into < 0) this.into = 0;
  }

  /** Moves by so many pixels. */
  by(pixels: number): void {
    this.#walk(pixels);
    this.physical = this.ideal;
  }

  /** Puts the last row at the bottom. */
  toEnd(): void {
    this.index = Math.max(0, this.count - 1);
    this.into = Math.max(0, this.heightOf(this.index) - 1);
    this.#clamp();
    this.physical = this.#room;
  }

  /** Puts a row so far below the top edge. */
  to(index: number, below = 0): void {
    this.index = Math.max(0, Math.min(this.count - 1, index));
    this.into = 0;
    this.#walk(-below);
    this.physical = this.ideal;
  }

  /** Brings a row into sight, to the upper third; one that is in sight stays where it is. */
  show(index: number): void {
    let top = -this.into;
    for (let at = this.index; at < index && top < this.view; at += 1) top += this.heightOf(at);
    if (index < this.index || top < 0 || top + this.row > this.view) this.to(index, Math.floor(this.view / 3));
  }

  /** The list has `count` rows now, the first `forgotten` of those that it had are gone; what is in sight stays. */
  resize(count: number, forgotten = 0): void {
    this.count = count;
    this.index -= forgotten;
    if (this.index < 0) {
      this.index = 0;
      this.into = 0;
    }
    if (this.index >= count) this.index = Math.max(0, count - 1);
    this.#clamp();
    if (this.#exact) this.physical = this.ideal;
  }

  /** Whether the browser's bar stands so far from where it should that it would run out before the list does. */
  get stuck(): boolean {
    return (this.physical <= 0 && (this.index > 0 || this.into > 0)) || (this.physical >= this.#room && !this.atEnd);
  }

  /** The rows to have in the page, from and before; `beyond` more on either side, in steps so that few scrolls change it. */
  window(beyond: number): [from: number, before: number] {
    const step = Math.max(1, Math.floor(beyond / 2));
    let last = this.index;
    for (let sum = -this.into; last < this.count && sum < this.view; last += 1) sum += this.heightOf(last);
    const from = Math.max(0, Math.floor((this.index - beyond) / step) * step);
    return [from, Math.min(this.count, Math.ceil((last + beyond) / step) * step)];
  }

  /** Where the row `from` stands in the scrolled element. */
  topOf(from: number): number {
    let top = this.physical - this.into;
    if (!this.measured) return top - (this.index - from) * this.row;
    for (let at = from; at < this.index; at += 1) top -= this.heightOf(at);
    return top;
  }
}
