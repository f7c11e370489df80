// What somebody looks at in a log: which filter, which lines are picked, whether the view follows the end; and the ways to
// a line: a match, a time. Fetches through what it is given and never holds lines itself.

import { asQuery, everything, type LogFilter } from './lines';
import type { LogPage } from './cache';
import { LogPages } from './page-loader';
import type { LogState } from './state.svelte';
import { Matches, type MatchesPage } from './matches';
import type { LogLine } from '../generated/wire';

/** Asks the server about this log: lines, or with `matches` their numbers. */
export type AskLog = (query: Record<string, string>, signal: AbortSignal, matches?: boolean) => Promise<unknown>;

const FULL: LogFilter = { level: 'debug', text: '' };
/** Where a line that was gone to stands, as a part of the window's height. */
const THIRD = 1 / 3;
/** Lines that are copied at most, and fetched at once. */
const MOST_COPIED = 200_000;
const COPIED_AT_ONCE = 10_000;

export class LogView {
  filter = $state.raw<LogFilter>(FULL);
  matches = $state.raw<Matches>();
  /** Grows when matches were found. */
  found = $state(0);
  /** Whether only matches are shown, or all lines with the matches marked. */
  only = $state(true);
  following = $state(true);
  /** The picked lines, first and last number. */
  picked = $state.raw<readonly [from: number, to: number]>();
  /** Where the list begins when it is made anew. */
  start = $state.raw<{ index: number; part: number }>();
  /** Grows when the list has to be made anew, because its rows mean others. */
  sequence = $state(0);
  /** Whether the last question failed. */
  failed = $state(false);
  /** The place at the top edge. */
  top = 0;
  readonly log: LogState;
  readonly #ask: AskLog;
  readonly #pages: LogPages;
  readonly #abort = new AbortController();

  constructor(log: LogState, ask: AskLog) {
    this.log = log;
    this.#ask = ask;
    this.#pages = new LogPages(
      log.cache,
      (query, signal) => ask(query, signal) as Promise<LogPage>,
      (failed) => {
        this.failed = failed;
        log.fetched();
      },
    );
    log.onTail = (offset, lines) => this.matches?.tail(offset, lines);
  }

  stop(): void {
    this.#abort.abort();
    this.#pages.stop();
    this.matches?.stop();
    this.log.onTail = undefined;
  }

  /** Whether the rows are matches only. */
  get sifted(): boolean {
    return this.matches !== undefined && this.only;
  }

  get count(): number {
    void [this.log.version, this.found];
    const { first, end } = this.log.cache;
    return this.matches && this.only ? this.matches.offsets.length : end - first;
  }

  /** How many lines the server forgot; of a list of matches nothing is said. */
  get forgotten(): number {
    void this.log.version;
    return this.sifted ? 0 : this.log.cache.first;
  }

  readonly offsetAt = (index: number): number =>
    this.matches && this.only ? (this.matches.offsets[index] ?? -1) : this.log.cache.first + index;

  readonly lineAt = (offset: number): LogLine | null | undefined => this.log.cache.at(offset);

  #indexOf(offset: number): number {
    return this.matches && this.only ? this.matches.before(offset) : Math.max(0, offset - this.log.cache.first);
  }

  /** The log is another one: what was known of it is void. */
  renewed(): void {
    this.picked = undefined;
    this.start = undefined;
    this.sift(this.filter);
    // Where it begins, when not all of it came at once.
    if (this.log.cache.end > 0 && this.log.cache.at(0) === undefined) {
      this.#pages.want({ filter: FULL, from: 0, before: 1 });
    }
  }

  /** Shows what passes a filter. */
  sift(filter: LogFilter): void {
    const line = this.offsetAt(this.top);
    this.matches?.stop();
    this.filter = everything(filter) ? FULL : filter;
    const { first, end } = this.log.cache;
    const ask = (asked: LogFilter, offset: number, signal: AbortSignal) =>
      this.#ask({ ...asQuery(asked), offset: String(offset) }, signal, true) as Promise<MatchesPage>;
    this.matches = everything(filter) ? undefined : new Matches(filter, first, end, ask, () => (this.found += 1));
    this.only = true;
    this.start = this.matches ? undefined : { index: this.#indexOf(this.picked?.[0] ?? line), part: this.picked ? THIRD : 0 };
    this.sequence += 1;
  }

  /** Shows all lines around the matches, or the matches only. */
  inContext(all: boolean): void {
    const line = this.picked?.[0] ?? this.offsetAt(this.top);
    this.only = !all;
    // Whoever goes to a line looks at it.
    if (this.picked) this.following = false;
    this.start = { index: this.#indexOf(line), part: this.picked ? THIRD : 0 };
    this.sequence += 1;
  }

  want(from: number, before: number, top: number): void {
    this.top = top;
    if (before <= from) return;
    const offsets = this.sifted ? this.matches!.offsets.slice(from, before) : undefined;
    this.#pages.want({
      filter: this.sifted ? this.filter : FULL,
      from: this.offsetAt(from),
      before: this.offsetAt(before - 1) + 1,
      ...(offsets && { offsets }),
    });
  }

  pick(offset: number, extend: boolean): void {
    const [from, to] = this.picked ?? [offset, offset];
    this.picked = extend ? [Math.min(from, offset), Math.max(to, offset)] : [offset, offset];
  }

  /** The next match behind the picked line or the top edge, or the one before; picked, and its place in the list. */
  step(by: 1 | -1): number | undefined {
    const matches = this.matches;
    if (!matches || matches.offsets.length === 0) return undefined;
    const here = this.picked?.[0] ?? this.offsetAt(this.top);
    let at = matches.before(here);
    if (by < 0) at -= 1;
    else if (matches.offsets[at] === here) at += 1;
    // Behind the last comes the first.
    const offset = matches.offsets[(at + matches.offsets.length) % matches.offsets.length]!;
    return this.goTo(offset);
  }

  /** Picks a line; its place in the list. */
  goTo(offset: number): number {
    this.picked = [offset, offset];
    this.following = false;
    return this.#indexOf(offset);
  }

  /** Goes to the first line of this time or later; its place among all lines. */
  async jumpTo(time: Date): Promise<number | undefined> {
    const page = (await this.#ask({ at: time.toISOString(), limit: '1' }, this.#abort.signal)) as LogPage;
    if (page.end_offset === page.first_offset) return undefined;
    this.log.cache.putPage(page.next_offset, page, false);
    this.log.fetched();
    const offset = page.lines[0]?.offset ?? page.end_offset - 1;
    this.picked = [offset, offset];
    this.following = false;
    if (this.sifted) this.inContext(true);
    return this.#indexOf(offset);
  }

  /** The text of the picked lines, as far as they are shown. */
  async text(): Promise<string> {
    const [from, to] = this.picked ?? [0, -1];
    const lines: string[] = [];
    const until = Math.min(to + 1, from + MOST_COPIED);
    const wanted = this.sifted ? asQuery(this.filter) : {};
    for (let offset = from; offset < until; ) {
      const held = this.sifted ? undefined : this.lineAt(offset);
      if (held) {
        lines.push(held.text);
        offset += 1;
        continue;
      }
      const query = { ...wanted, offset: String(offset), limit: String(Math.min(COPIED_AT_ONCE, until - offset)) };
      const page = (await this.#ask(query, this.#abort.signal)) as LogPage;
      for (const line of page.lines) if (line.offset < until) lines.push(line.text);
      if (page.next_offset <= offset) break;
      offset = page.next_offset;
    }
    return lines.join('\n');
  }
}
