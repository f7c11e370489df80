// The numbers of the lines of a log that match a filter: asked for part by part from the oldest line on, and kept up with
// the lines that come. One request at a time; stopped for good when the filter changes.

import { passes, type LogFilter } from './lines';
import type { LogLine, LogMatches } from '../generated/wire';

export type AskMatches = (filter: LogFilter, offset: number, signal: AbortSignal) => Promise<LogMatches>;

const AGAIN_MS = 2_000;

export class Matches {
  readonly filter: LogFilter;
  /** Growing numbers. */
  readonly offsets: number[] = [];
  /** Lines before this one were looked at. */
  scanned = 0;
  /** Where the log ends, as far as is known. */
  end: number;
  /** Whether the last request failed; it is asked again. */
  failed = false;
  readonly #ask: AskMatches;
  readonly #changed: () => void;
  readonly #abort = new AbortController();
  #asking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(filter: LogFilter, first: number, end: number, ask: AskMatches, changed: () => void) {
    this.filter = filter;
    this.scanned = first;
    this.end = end;
    this.#ask = ask;
    this.#changed = changed;
    void this.#go();
  }

  get done(): boolean {
    return this.scanned >= this.end;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** Takes lines that came. Those that do not follow on what was looked at are asked for. */
  tail(offset: number, lines: readonly LogLine[]): void {
    this.end = Math.max(this.end, offset + lines.length);
    if (!this.#asking && offset <= this.scanned) {
      for (const line of lines) if (line.offset >= this.scanned && passes(line, this.filter)) this.offsets.push(line.offset);
      this.scanned = Math.max(this.scanned, offset + lines.length);
    } else void this.#go();
  }

  /** How many matches stand before the line with this number: also the place of the first one from there on. */
  before(offset: number): number {
    let [from, until] = [0, this.offsets.length];
    while (from < until) {
      const middle = (from + until) >>> 1;
      if (this.offsets[middle]! < offset) from = middle + 1;
      else until = middle;
    }
    return from;
  }

  async #go(): Promise<void> {
    if (this.#asking || this.#abort.signal.aborted) return;
    this.#asking = true;
    try {
      while (!this.done) {
        const page = await this.#ask(this.filter, this.scanned, this.#abort.signal);
        if (this.#abort.signal.aborted) return;
        this.failed = false;
        for (const offset of page.offsets) this.offsets.push(offset);
        // A server that began anew has less: what it has is all there is.
        this.end = page.end_offset;
        this.scanned = Math.max(this.scanned, page.next_offset);
        this.#changed();
      }
    } catch {
      if (this.#abort.signal.aborted) return;
      this.failed = true;
      this.#changed();
      this.#timer = setTimeout(() => void this.#go(), AGAIN_MS);
    } finally {
      this.#asking = false;
    }
  }
}
