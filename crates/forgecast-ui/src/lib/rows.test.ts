import { describe, expect, it } from 'vitest';
import { matches, shown, tabCounts, totals, words } from './rows';
import type { SessionRow, SessionStatus } from './wire';

function row(id: string, status: SessionStatus, over: Partial<SessionRow> = {}): SessionRow {
  return { id, name: id, source: 'live', status, agents_active: 0, problems: 0, ...over };
}

const ROWS = [
  row('a~1', 'running', { last_work_at: '2026-01-31T10:00:00.000Z', usage: { tokens: 10, cost_usd: 1 }, tests: { failed: 2 } }),
  row('b~1', 'stalled', { last_work_at: '2026-01-31T12:00:00.000Z', usage: { tokens: 5 } }),
  row('c~1', 'waiting', { task: 'Quarterly Invoices', last_work_at: '2026-01-30T12:00:00.000Z', usage: { tokens: 7, cost_usd: 9 } }),
  row('d~1', 'completed', { last_work_at: '2026-01-31T11:00:00.000Z', tests: { failed: 4 } }),
  row('e~1', 'failed'),
  row('f~1', 'abandoned'),
];

describe('the overview', () => {
  it('counts each session in one tab and in all', () => {
    expect(tabCounts(ROWS)).toEqual({ active: 2, waiting: 1, completed: 1, failed: 2, all: 6 });
  });

  it('shows the newest work first, and what never worked last by name', () => {
    expect(shown(ROWS, 'all', '', 'work').map(({ id }) => id)).toEqual(['b~1', 'd~1', 'a~1', 'c~1', 'e~1', 'f~1']);
    expect(shown(ROWS, 'active', '', 'cost').map(({ id }) => id)).toEqual(['a~1', 'b~1']);
  });

  it('finds every word anywhere in a row, in any case', () => {
    expect(shown(ROWS, 'all', ' invoices QUARTERLY ', 'name').map(({ id }) => id)).toEqual(['c~1']);
    expect(matches(ROWS[0]!, words('running b'))).toBe(false);
  });

  it('counts what waits, apart from it what cannot go on without a person, and the failing tests of what is at work', () => {
    const waiting = [row('g~1', 'waiting', { waiting_for: 'permission' }), row('h~1', 'waiting', { waiting_for: 'prompt' })];
    expect(totals([...ROWS, ...waiting])).toEqual({ active: 2, waiting: 3, blocked: 1, failingTests: 2 });
    expect(shown(waiting, 'waiting', 'permission', 'name').map(({ id }) => id)).toEqual(['g~1']);
  });
});
