// The index as the pages see it: each row changes by itself, and the lists made of all rows are worked out anew only when
// their order can have changed, a few times a second at most. Rows are plain data, replaced whole and shared where they
// did not change: fine-grained state of five thousand of them would cost more than the page that shows twenty.

import { mergePatch, patchEntries, isObject, jsonEqual, type JsonObject } from '../live/merge-patch';
import type { RafBatch } from '../live/raf-batch';
import { Ranking } from './ranking';
import { words, type Sort, type Tab, type Totals } from './rows';
import type { Follower } from '../live/socket';
import type { TopicHandlers } from '../live/topic.svelte';
import type { ErrorBody, Index, IndexingProgress, Problem, SessionRow } from '../generated/wire';

/** A list is worked out anew at most this often. */
export const ORDER_MS = 250;

/** One row; what shows it is touched when it changes, and nothing else. */
export class RowState {
  readonly id: string;
  row = $state.raw() as SessionRow;

  constructor(row: SessionRow) {
    this.id = row.id;
    this.row = row;
  }
}

export class Sessions implements Follower {
  /** When what is shown was last confirmed, by this machine's clock; 0 for never. */
  confirmedAt = $state(0);
  problem = $state.raw<ErrorBody>();
  /** How many rows each tab has. */
  counts = $state.raw<Readonly<Record<Tab, number>>>({ active: 0, waiting: 0, completed: 0, failed: 0, all: 0 });
  totals = $state.raw<Readonly<Totals>>({ active: 0, waiting: 0, blocked: 0, failingTests: 0, counted: 0, hosts: 0 });
  /** The rows that need somebody, in no order. */
  needing = $state.raw<readonly RowState[]>([]);
  #known = $state(false);
  #total = $state(0);
  #problems = $state.raw<Record<string, Problem>>({});
  #indexing = $state.raw<IndexingProgress>();
  /** Grows when a list may be another one. */
  #order = $state(0);
  readonly #states = new Map<string, RowState>();
  readonly #ranking = new Ranking();
  /** What stands beside the rows, as it is by now. */
  #rest: Omit<Index, 'sessions'> | undefined;
  /** Rows that changed and are not shown yet. */
  readonly #changed = new Set<string>();
  #confirmed = 0;
  #filtered = false;
  #needsChanged = false;
  #reorder = false;
  #orderedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #batch: RafBatch;
  readonly #handlers: TopicHandlers;

  constructor(batch: RafBatch, handlers: TopicHandlers = {}) {
    this.#batch = batch;
    this.#handlers = handlers;
  }

  /** What the server said, but for the rows, which are asked for one by one; undefined until the first answer. */
  get state(): Index | undefined {
    return this.#known ? this.#view : undefined;
  }

  readonly #view: Index = Object.defineProperties({} as Index, {
    total: { enumerable: true, get: () => this.#total },
    problems: { enumerable: true, get: () => this.#problems },
    indexing: { enumerable: true, get: () => this.#indexing },
    sessions: { enumerable: true, get: () => this.#sessions() },
  });

  #sessions(): Record<string, SessionRow> {
    void this.#order;
    return Object.fromEntries([...this.#ranking.ids()].map((id) => [id, this.#ranking.row(id)!]));
  }

  /** The rows to show, in order. */
  list(tab: Tab, filter: string, sort: Sort, now: number): RowState[] {
    void this.#order;
    const wanted = words(filter);
    this.#filtered = wanted.length > 0;
    return this.#statesOf(this.#ranking.list(tab, wanted, sort, now));
  }

  /** A row that just came is ranked before its frame: until then it has no state. */
  #statesOf(ids: readonly string[]): RowState[] {
    return ids.flatMap((id) => this.#states.get(id) ?? []);
  }

  /** How many rows belong to what is going on at this time, in milliseconds. */
  current(now: number): number {
    void this.#order;
    return this.#ranking.current(now);
  }

  /** The row of a session, as it is when it changes. */
  row(id: string): SessionRow | undefined {
    void this.#known;
    const state = this.#states.get(id);
    // One that is not there yet may come.
    if (!state) void this.#order;
    return state?.row;
  }

  snapshot(state: unknown, topic: string): void {
    if (!isObject(state)) return;
    this.#take(state);
    this.#handlers.onTopic?.(topic);
  }

  /** Shows another whole index. */
  replace(state: unknown): void {
    if (isObject(state)) this.#take(state);
  }

  #take(state: JsonObject): void {
    const { sessions, ...rest } = state;
    const rows = isObject(sessions) ? sessions : {};
    for (const id of [...this.#ranking.ids()]) if (!Object.hasOwn(rows, id)) this.#set(id, undefined);
    for (const [id, row] of patchEntries(rows)) {
      const held = this.#ranking.row(id);
      if (!jsonEqual(held, row)) this.#set(id, row as unknown as SessionRow);
    }
    this.#rest = rest as unknown as Omit<Index, 'sessions'>;
    this.#batch.once(this.#show);
  }

  patch(patch: unknown): void {
    if (!isObject(patch) || this.#rest === undefined) return;
    const { sessions, ...rest } = patch;
    if (isObject(sessions)) {
      for (const [id, change] of patchEntries(sessions)) {
        const held = this.#ranking.row(id);
        const row = change === null ? undefined : mergePatch(held, change);
        if (row !== (held as unknown)) this.#set(id, row as SessionRow | undefined);
      }
    }
    this.#rest = mergePatch(this.#rest, rest) as unknown as Omit<Index, 'sessions'>;
    this.#batch.once(this.#show);
  }

  #set(id: string, row: SessionRow | undefined): void {
    if (row) this.#handlers.onRow?.(row, this.#rest === undefined);
    const effect = row ? this.#ranking.put(row.id === id ? row : { ...row, id }) : this.#ranking.remove(id);
    this.#changed.add(id);
    this.#needsChanged ||= effect.needs;
    this.#reorder ||= effect.order || (effect.text && this.#filtered);
  }

  /** Shows what changed since the last frame. */
  readonly #show = (): void => {
    for (const id of this.#changed) {
      const row = this.#ranking.row(id);
      const state = this.#states.get(id);
      if (row && state) state.row = row;
      else if (row) this.#states.set(id, new RowState(row));
      else this.#states.delete(id);
    }
    this.#changed.clear();
    // What needs somebody is shown in the same frame, whenever the lists are worked out anew.
    if (this.#needsChanged) {
      this.#needsChanged = false;
      this.needing = this.#statesOf(this.#ranking.needing());
    }
    const first = !this.#known && this.#rest !== undefined;
    if (this.#rest) {
      this.#known = true;
      this.problem = undefined;
      this.#total = this.#rest.total;
      this.#problems = this.#rest.problems;
      this.#indexing = this.#rest.indexing;
    }
    if (this.#confirmed > this.confirmedAt) this.confirmedAt = this.#confirmed;
    const { counts, totals } = this.#ranking;
    if (!jsonEqual(this.counts, counts)) this.counts = { ...counts };
    if (!jsonEqual({ ...this.totals }, { ...totals })) this.totals = { ...totals };
    if (this.#reorder) this.#planOrder(first ? 0 : Math.max(0, this.#orderedAt + ORDER_MS - Date.now()));
  };

  #planOrder(wait: number): void {
    // A row that is gone leaves its list at once: there is nothing to show of it.
    if (wait === 0) return this.#ordered();
    this.#timer ??= setTimeout(() => this.#batch.once(this.#ordered), wait);
  }

  readonly #ordered = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reorder = false;
    this.#orderedAt = Date.now();
    this.#order += 1;
  };

  event(event: unknown, topic: string): void {
    this.#handlers.onEventReceived?.(event, topic);
    this.#batch.add(() => this.#handlers.onEvent?.(event, topic));
  }

  confirmed(): void {
    this.#confirmed = Date.now();
    this.#batch.once(this.#show);
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
