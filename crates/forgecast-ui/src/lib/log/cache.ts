// The lines of one log that this tab holds, wherever in the log they stand: blocks of lines by number, those used last
// are kept. Knows where the log begins and ends on the server. Pure; never holds more than its bounds.

import type { LogLine, LogPage } from '../generated/wire';

export const BLOCK = 200;
export const MAX_BLOCKS = 150;
/** Characters of all lines held: long lines take the place of many. */
export const MAX_CHARS = 12_000_000;

interface Block {
  /** `null` is a number that the server has no line for. */
  lines: (LogLine | null | undefined)[];
  chars: number;
}

export class LogCache {
  /** The number of the oldest line that the server keeps. */
  first = 0;
  /** Where the log ends for whoever looks at it as it was; what comes from here on is not in it. */
  cap = Infinity;
  #end = 0;
  /** Used last comes last. */
  readonly #blocks = new Map<number, Block>();
  #chars = 0;

  /** The number that the next line gets. */
  get end(): number {
    return Math.min(this.#end, this.cap);
  }

  set end(end: number) {
    this.#end = end;
  }

  /** The line with this number; `null` when there is none, undefined when it is not here. */
  at(offset: number): LogLine | null | undefined {
    return this.#blocks.get(Math.floor(offset / BLOCK))?.lines[offset % BLOCK];
  }

  get blocks(): number {
    return this.#blocks.size;
  }

  clear(): void {
    this.#blocks.clear();
    this.#chars = 0;
    this.first = 0;
    this.end = 0;
  }

  /** Takes lines by their own numbers. */
  put(lines: readonly LogLine[]): void {
    for (const line of lines) this.#set(line.offset, line);
    const last = lines.at(-1);
    if (last) this.end = Math.max(this.end, last.offset + 1);
    this.#shrink();
  }

  /** Takes an answer to a question for lines from `from` on: numbers between that are not in it have no line. */
  putPage(from: number, page: LogPage, whole: boolean): void {
    this.first = Math.max(this.first, page.first_offset);
    this.end = Math.max(this.end, page.end_offset);
    if (whole) {
      const present = new Set(page.lines.map(({ offset }) => offset));
      for (let at = Math.max(from, this.first); at < page.next_offset; at += 1) {
        if (!present.has(at) && this.at(at) === undefined) this.#set(at, null);
      }
    }
    this.put(page.lines);
  }

  /** Says that these are in sight: they are the last to go. */
  touch(from: number, before: number): void {
    for (let key = Math.floor(from / BLOCK); key * BLOCK < before; key += 1) {
      const block = this.#blocks.get(key);
      if (!block) continue;
      this.#blocks.delete(key);
      this.#blocks.set(key, block);
    }
  }

  /** The first stretch of at most `most` lines within these that has lines to be fetched; whole blocks. */
  missing(from: number, before: number, most: number): [from: number, before: number] | undefined {
    let begin: number | undefined;
    const until = Math.min(before, this.end);
    let key = Math.floor(Math.max(from, this.first) / BLOCK);
    for (; key * BLOCK < until; key += 1) {
      const complete = this.#complete(key);
      if (begin === undefined && !complete) begin = key;
      if (begin !== undefined && (complete || (key - begin) * BLOCK >= most)) break;
    }
    if (begin === undefined) return undefined;
    return [Math.max(begin * BLOCK, this.first), Math.min(key * BLOCK, this.end)];
  }

  #complete(key: number): boolean {
    const lines = this.#blocks.get(key)?.lines;
    if (!lines) return false;
    const last = Math.min(BLOCK, this.end - key * BLOCK);
    for (let at = Math.max(0, this.first - key * BLOCK); at < last; at += 1) if (lines[at] === undefined) return false;
    return true;
  }

  #set(offset: number, line: LogLine | null): void {
    const key = Math.floor(offset / BLOCK);
    let block = this.#blocks.get(key);
    if (!block) {
      block = { lines: [], chars: 0 };
      this.#blocks.set(key, block);
    }
    // A line never changes: what is held stays the same object.
    if (block.lines[offset % BLOCK]) return;
    // Without holes of the array's own, which would make it slow.
    while (block.lines.length < offset % BLOCK) block.lines.push(undefined);
    block.lines[offset % BLOCK] = line;
    const chars = line?.text.length ?? 0;
    block.chars += chars;
    this.#chars += chars;
  }

  #shrink(): void {
    for (const [key, block] of this.#blocks) {
      if (this.#blocks.size <= MAX_BLOCKS && (this.#chars <= MAX_CHARS || this.#blocks.size <= 4)) return;
      this.#blocks.delete(key);
      this.#chars -= block.chars;
    }
  }
}
