// The log as it was at a moment: the same lines, ended where it ended then. Never has two questions for that end at a time.

import { RafBatch } from '../live/raf-batch';
import type { LogPage } from '../generated/wire';
import type { LogQuery } from './lines';
import { LogState } from './state.svelte';

export type AskEnd = (query: LogQuery, signal: AbortSignal) => Promise<LogPage>;

/** A scrubber that is dragged passes many moments; a playback is followed in steps. */
const SETTLE_MS = 150;

export class LogAtTime {
  readonly log = new LogState(new RafBatch());
  readonly #ask: AskEnd;
  readonly #abort = new AbortController();
  #wanted: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;

  constructor(ask: AskEnd) {
    this.#ask = ask;
  }

  /** Shows the lines that had come by then. */
  request(ms: number): void {
    this.#wanted = ms;
    if (this.#asking) return;
    this.#timer ??= setTimeout(() => void this.#next(), SETTLE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #next(): Promise<void> {
    this.#timer = undefined;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted === undefined || this.#abort.signal.aborted) return;
    this.#asking = true;
    try {
      // The first line that came later: the log ended before it.
      const at = new Date(Math.round(wanted) + 1).toISOString();
      const page = await this.#ask({ at, limit: 1 }, this.#abort.signal);
      this.#end(page, page.lines[0]?.offset ?? page.end_offset);
    } catch {
      // The server is away, as the page says; the next moment asks again.
    } finally {
      this.#asking = false;
      if (this.#wanted !== undefined) this.request(this.#wanted);
    }
  }

  #end(page: LogPage, end: number): void {
    const { cache } = this.log;
    cache.cap = end;
    cache.first = page.first_offset;
    cache.end = end;
    this.log.problem = undefined;
    this.log.fetched();
  }
}
