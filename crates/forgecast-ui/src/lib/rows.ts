// What the overview does with the rows of the index: tabs, filter, order, totals. Pure.

import { millis } from './format';
import type { SessionRow, SessionStatus } from './wire';

export const TABS = ['active', 'waiting', 'completed', 'failed', 'all'] as const;
export type Tab = (typeof TABS)[number];
/** The first is the one to begin with: by start, because the order of the last work changes with every message. */
export const SORTS = ['started', 'work', 'name', 'progress', 'cost', 'tokens'] as const;
export type Sort = (typeof SORTS)[number];

const TAB_OF: Record<SessionStatus, Tab> = {
  running: 'active',
  stalled: 'active',
  waiting: 'waiting',
  completed: 'completed',
  failed: 'failed',
  abandoned: 'failed',
};

export function inTab(row: SessionRow, tab: Tab): boolean {
  return tab === 'all' || TAB_OF[row.status] === tab;
}

/** How many rows each tab has. */
export function tabCounts(rows: readonly SessionRow[]): Record<Tab, number> {
  const counts: Record<Tab, number> = { active: 0, waiting: 0, completed: 0, failed: 0, all: rows.length };
  for (const row of rows) counts[TAB_OF[row.status]] += 1;
  return counts;
}

/** Whether every word of the filter stands somewhere in the row. */
export function matches(row: SessionRow, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = [row.id, row.name, row.project, row.task, row.host, row.status, row.status_reason, row.waiting_for, row.phase?.name]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

export function words(filter: string): string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}

const ORDERS: Record<Sort, (row: SessionRow) => number> = {
  work: (row) => millis(row.last_work_at) ?? 0,
  name: () => 0,
  started: (row) => millis(row.started_at) ?? 0,
  progress: (row) => row.progress_percent ?? -1,
  cost: (row) => row.usage?.cost_usd ?? -1,
  tokens: (row) => row.usage?.tokens ?? -1,
};

/** The rows to show, in order: the largest first, by name where they are equal. */
export function shown(rows: readonly SessionRow[], tab: Tab, filter: string, sort: Sort): SessionRow[] {
  const wanted = words(filter);
  const key = ORDERS[sort];
  return rows
    .filter((row) => inTab(row, tab) && matches(row, wanted))
    .map((row) => ({ row, key: key(row), name: row.name.toLowerCase() }))
    .sort((a, b) => b.key - a.key || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ row }) => row);
}

export interface Totals {
  active: number;
  waiting: number;
  /** Of those, the ones that cannot go on without a person: a permission or an answer. */
  blocked: number;
  failingTests: number;
}

/** Totals of the sessions at work. */
export function totals(rows: readonly SessionRow[]): Totals {
  const sum: Totals = { active: 0, waiting: 0, blocked: 0, failingTests: 0 };
  for (const row of rows) {
    const tab = TAB_OF[row.status];
    if (tab === 'active') sum.active += 1;
    if (tab === 'waiting') {
      sum.waiting += 1;
      if (row.waiting_for === 'permission' || row.waiting_for === 'answer') sum.blocked += 1;
    }
    if (tab === 'active' || tab === 'waiting') sum.failingTests += row.tests?.failed ?? 0;
  }
  return sum;
}
