// Collects changes and makes them at once, right before the next frame is painted; in the background, where there are
// no frames, once a second. Never lets the queue grow without bound.

const MOST_QUEUED = 256;
const HIDDEN_MS = 1_000;

export interface FrameHost {
  hidden(): boolean;
  frame(run: () => void): void;
  later(run: () => void, ms: number): void;
}

const browser: FrameHost = {
  hidden: () => document.hidden,
  frame: (run) => requestAnimationFrame(run),
  later: (run, ms) => setTimeout(run, ms),
};

export class Batch {
  #queue: (() => void)[] = [];
  #planned = false;
  readonly #host: FrameHost;

  constructor(host: FrameHost = browser) {
    this.#host = host;
  }

  /** Runs `change` with the next batch, after those that were added before. */
  add(change: () => void): void {
    this.#queue.push(change);
    if (this.#queue.length >= MOST_QUEUED) return this.flush();
    if (this.#planned) return;
    this.#planned = true;
    // A tab that is hidden after it asked for a frame gets none: the timer is the safety net.
    this.#host.later(() => this.flush(), HIDDEN_MS);
    if (!this.#host.hidden()) this.#host.frame(() => this.flush());
  }

  flush(): void {
    this.#planned = false;
    const queue = this.#queue;
    this.#queue = [];
    for (const change of queue) change();
  }
}
