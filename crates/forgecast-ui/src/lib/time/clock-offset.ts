// The difference between the server's clock and this one. Only the server's times are compared with each other.

const KEPT = 8;

/** Estimates the offset from the times in `hello` and `heartbeat`. */
export class ClockOffset {
  #samples: number[] = [];

  /** Takes the server's time as received at `received` (both in milliseconds). */
  add(serverTime: number, received: number): void {
    if (!Number.isFinite(serverTime)) return;
    this.#samples.push(serverTime - received);
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** Milliseconds to add to this clock. A message is only ever late, so the largest difference is the nearest. */
  get ms(): number {
    return this.#samples.length === 0 ? 0 : Math.max(...this.#samples);
  }
}
