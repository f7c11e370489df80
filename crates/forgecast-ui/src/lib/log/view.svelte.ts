// What somebody looks at in a log: which filter, which lines are selected, whether the view follows the end; and the ways to
// a line: a match, a time. Fetches through what it is given and never holds lines itself.

import { filterQuery, passesEverything, type LogFilter, type LogFilterQuery, type LogQuery } from './lines';
import { LogPageLoader } from './page-loader';
import type { LogState } from './state.svelte';
import { Matches } from './matches';
import type { LogLine, LogMatches, LogPage } from '../generated/wire';

/** The log on the server: its lines, and the numbers of those that match a filter. */
export interface LogSource {
  lines(query: LogQuery, signal: AbortSignal): Promise<LogPage>;
  matches(query: LogFilterQuery & { offset: number }, signal: AbortSignal): Promise<LogMatches>;
}

const FULL: LogFilter = { level: 'debug', text: '' };
/** Where a line that was gone to stands, as a part of the window's height. */
const THIRD = 1 / 3;
/** Lines that are copied at most, and fetched at once. */
const MAX_COPIED = 200_000;
const COPIED_AT_ONCE = 10_000;
/** Lines before the end among which the reason of a failure is looked for. */
const MAX_SEARCHED = 20_000;

export class LogView {
  filter = $state.raw<LogFilter>(FULL);
  matches = $state.raw<Matches>();
  /** Grows when matches were found. */
  found = $state(0);
  /** Whether only matches are shown, or all lines with the matches marked. */
  matchesOnly = $state(true);
  following = $state(true);
  /** The selected lines, first and last number. */
  selection = $state.raw<readonly [from: number, to: number]>();
  /** Where the list begins when it is made anew. */
  start = $state.raw<{ index: number; part: number }>();
  /** Grows when the list has to be made anew, because its rows mean others. */
  sequence = $state(0);
  /** Whether the last question failed. */
  failed = $state(false);
  /** The place at the top edge. */
  top = 0;
  readonly log: LogState;
  readonly #source: LogSource;
  readonly #pages: LogPageLoader;
  readonly #abort = new AbortController();

  constructor(log: LogState, source: LogSource) {
    this.log = log;
    this.#source = source;
    this.#pages = new LogPageLoader(
      log.cache,
      (query, signal) => source.lines(query, signal),
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
  get filtered(): boolean {
    return this.matches !== undefined && this.matchesOnly;
  }

  get count(): number {
    void [this.log.version, this.found];
    const { first, end } = this.log.cache;
    return this.matches && this.matchesOnly ? this.matches.offsets.length : end - first;
  }

  /** How many lines the server forgot; of a list of matches nothing is said. */
  get forgotten(): number {
    void this.log.version;
    return this.filtered ? 0 : this.log.cache.first;
  }

  readonly offsetAt = (index: number): number => (this.matches && this.matchesOnly ? (this.matches.offsets[index] ?? -1) : this.log.cache.first + index);

  readonly lineAt = (offset: number): LogLine | null | undefined => this.log.cache.at(offset);

  #indexOf(offset: number): number {
    return this.matches && this.matchesOnly ? this.matches.before(offset) : Math.max(0, offset - this.log.cache.first);
  }

  /** The log is another one: what was known of it is void. */
  renewed(): void {
    this.selection = undefined;
    this.start = undefined;
    this.setFilter(this.filter);
    // Where it begins, when not all of it came at once.
    if (this.log.cache.end > 0 && this.log.cache.at(0) === undefined) {
      this.#pages.request({ filter: FULL, from: 0, before: 1 });
    }
  }

  /** Shows what passes a filter. */
  setFilter(filter: LogFilter): void {
    const line = this.offsetAt(this.top);
    this.matches?.stop();
    this.filter = passesEverything(filter) ? FULL : filter;
    const { first, end } = this.log.cache;
    const ask = (asked: LogFilter, offset: number, signal: AbortSignal) => this.#source.matches({ ...filterQuery(asked), offset }, signal);
    this.matches = passesEverything(filter) ? undefined : new Matches(filter, first, end, ask, () => (this.found += 1));
    this.matchesOnly = true;
    this.start = this.matches ? undefined : { index: this.#indexOf(this.selection?.[0] ?? line), part: this.selection ? THIRD : 0 };
    this.sequence += 1;
  }

  /** Shows all lines around the matches, or the matches only. */
  setContext(all: boolean): void {
    const line = this.selection?.[0] ?? this.offsetAt(this.top);
    this.matchesOnly = !all;
    // Whoever goes to a line looks at it.
    if (this.selection) this.following = false;
    this.start = { index: this.#indexOf(line), part: this.selection ? THIRD : 0 };
    this.sequence += 1;
  }

  request(from: number, before: number, top: number): void {
    this.top = top;
    if (before <= from) return;
    const offsets = this.filtered ? this.matches!.offsets.slice(from, before) : undefined;
    this.#pages.request({
      filter: this.filtered ? this.filter : FULL,
      from: this.offsetAt(from),
      before: this.offsetAt(before - 1) + 1,
      ...(offsets && { offsets }),
    });
  }

  select(offset: number, extend: boolean): void {
    const [from, to] = this.selection ?? [offset, offset];
    this.selection = extend ? [Math.min(from, offset), Math.max(to, offset)] : [offset, offset];
  }

  /** The next match after the selected line or the top edge, or the one before; selects it and returns its place in the list. */
  step(by: 1 | -1): number | undefined {
    const matches = this.matches;
    if (!matches || matches.offsets.length === 0) return undefined;
    const here = this.selection?.[0] ?? this.offsetAt(this.top);
    let at = matches.before(here);
    if (by < 0) at -= 1;
    else if (matches.offsets[at] === here) at += 1;
    // Behind the last comes the first.
    const offset = matches.offsets[(at + matches.offsets.length) % matches.offsets.length]!;
    return this.goTo(offset);
  }

  /** Picks a line; its place in the list. */
  goTo(offset: number): number {
    this.selection = [offset, offset];
    this.following = false;
    return this.#indexOf(offset);
  }

  /** Goes to the first line of this time or later; its place among all lines. */
  async jumpTo(time: Date): Promise<number | undefined> {
    const page = await this.#source.lines({ at: time.toISOString(), limit: 1 }, this.#abort.signal);
    if (page.end_offset === page.first_offset) return undefined;
    this.log.cache.putPage(page.next_offset, page, false);
    this.log.fetched();
    const offset = page.lines[0]?.offset ?? page.end_offset - 1;
    this.selection = [offset, offset];
    this.following = false;
    if (this.filtered) this.setContext(true);
    return this.#indexOf(offset);
  }

  /** Goes to the last line that says it is an error, if one of the newest lines does; its place among all lines. */
  async lastError(): Promise<number | undefined> {
    const { end } = this.log.cache;
    let last: number | undefined;
    for (let offset = Math.max(this.log.cache.first, end - MAX_SEARCHED); offset < end;) {
      const { offsets, next_offset } = await this.#source.matches({ level: 'error', offset }, this.#abort.signal);
      last = offsets.at(-1) ?? last;
      if (next_offset <= offset) break;
      offset = next_offset;
    }
    if (last === undefined) return undefined;
    if (this.filtered) this.setContext(true);
    return this.goTo(last);
  }

  /** The text of the selected lines, as far as they are shown. */
  async text(): Promise<string> {
    const [from, to] = this.selection ?? [0, -1];
    const lines: string[] = [];
    const until = Math.min(to + 1, from + MAX_COPIED);
    const wanted = this.filtered ? filterQuery(this.filter) : {};
    for (let offset = from; offset < until;) {
      const held = this.filtered ? undefined : this.lineAt(offset);
      if (held) {
        lines.push(held.text);
        offset += 1;
        continue;
      }
      const query = { ...wanted, offset, limit: Math.min(COPIED_AT_ONCE, until - offset) };
      const page = await this.#source.lines(query, this.#abort.signal);
      for (const line of page.lines) if (line.offset < until) lines.push(line.text);
      if (page.next_offset <= offset) break;
      offset = page.next_offset;
    }
    return lines.join('\n');
  }
}
