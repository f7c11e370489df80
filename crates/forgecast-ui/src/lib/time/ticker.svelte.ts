// The passing of time for everything that ticks: one timer of a second, off while the tab is hidden.

import { ClockOffset } from './clock-offset';

class Ticker {
  /** This machine's clock, once a second. */
  now = $state(Date.now());
  /** Milliseconds to add for the server's clock. */
  offset = $state(0);
  readonly #offset = new ClockOffset();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The server's time, once a second: what timestamps in a view are compared with. */
  get server(): number {
    return this.now + this.offset;
  }

  sync(serverTime: string): void {
    this.#offset.add(Date.parse(serverTime), Date.now());
    // A jitter of milliseconds must not touch every age on the page.
    if (Math.abs(this.#offset.ms - this.offset) > 250) this.offset = this.#offset.ms;
  }

  start(): void {
    const adapt = () => {
      clearInterval(this.#timer);
      if (document.hidden) return;
      this.now = Date.now();
      this.#timer = setInterval(() => (this.now = Date.now()), 1_000);
    };
    document.addEventListener('visibilitychange', adapt);
    adapt();
  }
}

export const ticker = new Ticker();
