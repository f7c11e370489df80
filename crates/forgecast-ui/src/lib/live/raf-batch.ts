// Collects changes and makes them at once, right before the next frame is painted; in the background, where nobody looks,
// not until somebody does. Never lets the queue grow without bound.

const MAX_QUEUED = 256;
/** A tab that is hidden after it asked for a frame gets none, and one whose frames do not come for another reason neither. */
const NO_FRAME_MS = 1_000;

export interface RafHost {
  hidden(): boolean;
  /** Calls `run` whenever the tab was hidden and is so no more. */
  shown(run: () => void): void;
  frame(run: () => void): void;
  later(run: () => void, ms: number): void;
}

const browser: RafHost = {
  hidden: () => document.hidden,
  shown: (run) =>
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) run();
    }),
  frame: (run) => requestAnimationFrame(run),
  later: (run, ms) => setTimeout(run, ms),
};

export class RafBatch {
  #queue: (() => void)[] = [];
  readonly #once = new Set<() => void>();
  #planned = false;
  readonly #host: RafHost;

  constructor(host: RafHost = browser) {
    this.#host = host;
    host.shown(() => this.flush());
  }

  /** Whether nobody looks: what is added now is made when somebody does. */
  get hidden(): boolean {
    return this.#host.hidden();
  }

  /** Runs `change` with the next batch, after those that were added before. */
  add(change: () => void): void {
    this.#queue.push(change);
    if (this.#queue.length >= MAX_QUEUED) this.drain();
    else this.#plan();
  }

  /** Runs `change` at the end of the next batch, once however often it is added: what may be added for days unseen. */
  once(change: () => void): void {
    this.#once.add(change);
    this.#plan();
  }

  /** Runs now what was added, but for what is run once: that can wait for somebody to look. */
  drain(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const change of queue) change();
  }

  flush(): void {
    this.#planned = false;
    this.drain();
    const once = [...this.#once];
    this.#once.clear();
    for (const change of once) change();
  }

  #plan(): void {
    if (this.#planned || this.hidden) return;
    this.#planned = true;
    this.#host.later(() => this.#due(), NO_FRAME_MS);
    this.#host.frame(() => this.#due());
  }

  #due(): void {
    if (!this.hidden) this.flush();
    else this.#planned = false;
  }
}
