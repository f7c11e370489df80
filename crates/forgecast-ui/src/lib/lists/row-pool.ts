// Which place in the page shows which row of a long list: rows that stay in sight keep theirs, rows that come take those
// of rows that went, so that scrolling fills nodes that are there instead of making new ones. Pure.

export interface Slot<T> {
  /** Names the place; the same for as long as the same row is in it, and longer. */
  slot: number;
  item: T;
}

export class RowPool<T> {
  #held = new Map<string | number, number>();
  #next = 0;

  /** The places of these rows, in their order. `taken` is one that must not be given to another row. */
  assign(items: readonly T[], key: (item: T) => string | number, taken?: number): Slot<T>[] {
    const before = this.#held;
    const now = new Map<string | number, number>();
    for (const item of items) {
      const slot = before.get(key(item));
      if (slot !== undefined) now.set(key(item), slot);
    }
    const free = [...before].filter(([id, slot]) => !now.has(id) && slot !== taken).map(([, slot]) => slot);
    const placed = items.map((item) => {
      const id = key(item);
      const slot = now.get(id) ?? free.pop() ?? (this.#next += 1);
      now.set(id, slot);
      return { slot, item };
    });
    this.#held = now;
    return placed;
  }
}
