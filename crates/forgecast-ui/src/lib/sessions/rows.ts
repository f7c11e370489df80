// What the overview knows of one row of the index: its tab, its text, its place by each order. Pure.

import { millis } from '../format';
import { isCurrent } from './needs';
import type { SessionRow, SessionStatus } from '../generated/wire';

export const TABS = ['active', 'waiting', 'completed', 'failed', 'all'] as const;
export type Tab = (typeof TABS)[number];
/** The first is the one to begin with: by start, because the order of the last work changes with every message. */
export const SORTS = ['started', 'work', 'name', 'progress', 'cost', 'tokens'] as const;
export type Sort = (typeof SORTS)[number];

export const TAB_OF: Record<SessionStatus, Tab> = {
  running: 'active',
  stalled: 'active',
  waiting: 'waiting',
  completed: 'completed',
  failed: 'failed',
  abandoned: 'failed',
};

/** Whether a row belongs to a tab. The first one shows what is going on: it overlaps with the others, and what has just
 *  ended leaves it by the clock. */
export function inTab(row: SessionRow, tab: Tab, now: number): boolean {
  return tab === 'all' || (tab === 'active' ? isCurrent(row, now) : TAB_OF[row.status] === tab);
}

/** What a filter looks into, in small letters. */
export function rowText(row: SessionRow): string {
  return [
    row.id,
    row.name,
    row.project,
    row.task,
    row.host,
    row.status,
    row.status_reason,
    row.waiting_for,
    row.phase?.name,
    row.activity?.text,
    row.attention?.text,
  ]
    .join('\n')
    .toLowerCase();
}

export function words(filter: string): string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}

/** The larger comes first; by name where they are equal. */
export const ORDERS: Record<Sort, (row: SessionRow) => number> = {
  work: (row) => millis(row.last_work_at) ?? 0,
  name: () => 0,
  started: (row) => millis(row.started_at) ?? 0,
  progress: (row) => row.progress_percent ?? -1,
  cost: (row) => row.usage?.cost_usd ?? -1,
  tokens: (row) => row.usage?.tokens ?? -1,
};

/** Sums over the sessions at work. */
export interface Totals {
  active: number;
  waiting: number;
  /** Of those, the ones that cannot go on without a person: a permission or an answer. */
  blocked: number;
  /** Of those, the ones with failing tests. */
  failingTests: number;
  /** Sessions of which the usage is known, at work or not. */
  counted: number;
  /** Machines that the sessions run on, of those that are named: agents name none, builds beside them do. */
  hosts: number;
}

export function emptyTotals(): Totals {
  return { active: 0, waiting: 0, blocked: 0, failingTests: 0, counted: 0, hosts: 0 };
}
