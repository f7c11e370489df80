// The rows of the index in order, in tabs and summed up, kept while single rows change: what a row adds to the sums is
// taken out and put in again, and rows that are nearly in order are sorted fast. Pure.

import { isCurrent, needOf } from './needs';
import { inTab, emptyTotals, ORDERS, rowText, TAB_OF, type Sort, type Tab, type Totals } from './rows';
import type { SessionRow } from '../generated/wire';

interface Entry {
  row: SessionRow;
  key: number;
  name: string;
  /** What a filter looks into; worked out when somebody filters. */
  text: string | undefined;
}

/** What a change of rows means for a list of them. */
export interface RankingChange {
  /** Another order, or other rows in a tab. */
  order: boolean;
  /** Other text that a filter looks into. */
  text: boolean;
  /** Somebody is needed, or no longer, or for something else. */
  needs: boolean;
}

const NO_CHANGE: RankingChange = { order: false, text: false, needs: false };

export class Ranking {
  readonly counts: Record<Tab, number> = { active: 0, waiting: 0, completed: 0, failed: 0, all: 0 };
  readonly totals: Totals = emptyTotals();
  readonly #entries = new Map<string, Entry>();
  /** How many sessions run on each machine that is named. */
  readonly #hosts = new Map<string, number>();
  #ordered: Entry[] = [];
  #sort: Sort = 'started';
  #stale = false;

  get size(): number {
    return this.#entries.size;
  }

  row(id: string): SessionRow | undefined {
    return this.#entries.get(id)?.row;
  }

  ids(): IterableIterator<string> {
    return this.#entries.keys();
  }

  put(row: SessionRow): RankingChange {
    const held = this.#entries.get(row.id);
    if (held?.row === row) return NO_CHANGE;
    const entry: Entry = { row, key: ORDERS[this.#sort](row), name: row.name.toLowerCase(), text: undefined };
    this.#sum(row, 1);
    if (!held) {
      this.#entries.set(row.id, entry);
      this.#ordered.push(entry);
      this.#stale = true;
      return { order: true, text: true, needs: needOf(row) !== undefined };
    }
    this.#sum(held.row, -1);
    const needs = (needOf(held.row) ?? needOf(row)) !== undefined && (held.row.attention !== row.attention || needOf(held.row) !== needOf(row));
    const moved = held.key !== entry.key || held.name !== entry.name;
    const order = moved || TAB_OF[held.row.status] !== TAB_OF[row.status] || needs;
    const text = held.text !== undefined && held.text !== (entry.text = rowText(row));
    Object.assign(held, entry);
    this.#stale ||= moved;
    return order || text ? { order, text, needs } : NO_CHANGE;
  }

  remove(id: string): RankingChange {
    const held = this.#entries.get(id);
    if (!held) return NO_CHANGE;
    this.#sum(held.row, -1);
    this.#entries.delete(id);
    this.#ordered = this.#ordered.filter((entry) => entry !== held);
    return { order: true, text: true, needs: needOf(held.row) !== undefined };
  }

  /** The ids of the rows that need somebody, in no order. */
  needing(): string[] {
    return [...this.#entries.values()].filter(({ row }) => needOf(row) !== undefined).map(({ row }) => row.id);
  }

  /** How many rows belong to what is going on. */
  current(now: number): number {
    let count = 0;
    for (const { row } of this.#ordered) if (isCurrent(row, now)) count += 1;
    return count;
  }

  /** The ids of the rows to show, in order. */
  list(tab: Tab, wanted: readonly string[], sort: Sort, now: number): string[] {
    if (sort !== this.#sort) {
      this.#sort = sort;
      for (const entry of this.#ordered) entry.key = ORDERS[sort](entry.row);
      this.#stale = true;
    }
    if (this.#stale) {
      this.#stale = false;
      this.#ordered.sort((a, b) => b.key - a.key || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.row.id < b.row.id ? -1 : 1));
    }
    const ids: string[] = [];
    for (const entry of this.#ordered) {
      if (!inTab(entry.row, tab, now)) continue;
      if (wanted.length > 0) {
        entry.text ??= rowText(entry.row);
        const { text } = entry;
        if (!wanted.every((word) => text.includes(word))) continue;
      }
      ids.push(entry.row.id);
    }
    return ids;
  }

  #sum(row: SessionRow, by: 1 | -1): void {
    const { counts, totals } = this;
    const tab = TAB_OF[row.status];
    counts[tab] += by;
    counts.all += by;
    if (tab === 'active') totals.active += by;
    if (tab === 'waiting') {
      totals.waiting += by;
      if (row.waiting_for === 'permission' || row.waiting_for === 'answer') totals.blocked += by;
    }
    if (tab === 'active' || tab === 'waiting') totals.failingTests += row.tests?.failed ? by : 0;
    if (row.usage !== undefined) totals.counted += by;
    if (row.host === undefined) return;
    const onHost = (this.#hosts.get(row.host) ?? 0) + by;
    if (onHost > 0) this.#hosts.set(row.host, onHost);
    else this.#hosts.delete(row.host);
    totals.hosts = this.#hosts.size;
  }
}
