import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ranking } from './ranking';
import { emptyTotals, SORTS, TAB_OF, TABS, words, type Tab, type Totals } from './rows';
import { scrollShift } from '../lists/scroll-anchor';
import type { SessionRow, SessionStatus } from '../generated/wire';

function row(id: string, status: SessionStatus, over: Partial<SessionRow> = {}): SessionRow {
  return { id, name: id, source: 'live', status, agents_active: 0, problems: 0, ...over };
}

const NOW = Date.parse('2026-01-31T12:30:00.000Z');
const ROWS = [
  row('a~1', 'running', { last_work_at: '2026-01-31T10:00:00.000Z', usage: { tokens: 10, cost_usd: 1 }, tests: { failed: 2 } }),
  row('b~1', 'stalled', { last_work_at: '2026-01-31T12:00:00.000Z', usage: { tokens: 5 } }),
  row('c~1', 'waiting', { task: 'Quarterly Invoices', last_work_at: '2026-01-30T12:00:00.000Z', usage: { tokens: 7, cost_usd: 9 } }),
  row('d~1', 'completed', { last_work_at: '2026-01-31T11:00:00.000Z', tests: { failed: 4 } }),
  row('e~1', 'failed'),
  row('f~1', 'abandoned'),
];

function ranking(...rows: SessionRow[]): Ranking {
  const made = new Ranking();
  for (const one of rows) made.put(one);
  return made;
}

describe('the overview', () => {
  it('counts each session in one tab and in all', () => {
    expect(ranking(...ROWS).counts).toEqual({ active: 2, waiting: 1, completed: 1, failed: 2, all: 6 });
  });

  it('shows the newest work first, and what never worked last by name', () => {
    expect(ranking(...ROWS).list('all', [], 'work', NOW)).toEqual(['b~1', 'd~1', 'a~1', 'c~1', 'e~1', 'f~1']);
    expect(ranking(...ROWS).list('active', [], 'cost', NOW)).toEqual(['c~1', 'a~1', 'b~1']);
  });

  it('finds every word anywhere in a row, in any case', () => {
    expect(ranking(...ROWS).list('all', words(' invoices QUARTERLY '), 'name', NOW)).toEqual(['c~1']);
    expect(ranking(...ROWS).list('all', words('running b'), 'name', NOW)).toEqual([]);
  });

  it('counts what waits, apart from it what cannot go on without a person, and which of those at work have failing tests', () => {
    const waiting = [row('g~1', 'waiting', { waiting_for: 'permission' }), row('h~1', 'waiting', { waiting_for: 'prompt' })];
    expect(ranking(...ROWS, ...waiting).totals).toEqual({ active: 2, waiting: 3, blocked: 1, failingTests: 1, counted: 3, hosts: 0 });
    expect(ranking(...waiting).list('waiting', ['permission'], 'name', NOW)).toEqual(['g~1']);
  });

  it('counts the machines that are named: agents beside a build, who name none, are on no other one', () => {
    expect(ranking(...ROWS, row('g~1', 'running', { host: 'here' })).totals.hosts).toBe(1);
    const two = ranking(row('g~1', 'running', { host: 'here' }), row('h~1', 'running', { host: 'there' }));
    expect(two.totals.hosts).toBe(2);
    two.remove('h~1');
    expect(two.totals.hosts).toBe(1);
  });
});

describe('rows that change one by one', () => {
  const change = fc.record({
    id: fc.constantFrom(...'abcdefgh'),
    gone: fc.integer({ min: 0, max: 5 }).map((at) => at === 0),
    status: fc.constantFrom(...(Object.keys(TAB_OF) as SessionStatus[])),
    name: fc.constantFrom('One', 'two', 'Three'),
    tokens: fc.nat(5),
    failed: fc.nat(3),
    attention: fc.option(fc.record({ kind: fc.constantFrom('waiting', 'failed', 'completed'), seq: fc.nat(3), your_turn: fc.boolean() }), { nil: undefined }),
    sort: fc.constantFrom(...SORTS),
    filter: fc.constantFrom('', 't', 'o running'),
    tab: fc.constantFrom(...TABS),
  });

  it('give the list and the sums that all rows together give', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const kept = new Ranking();
        const held = new Map<string, SessionRow>();
        for (const { id, gone, status, name, tokens, failed, attention, sort, filter, tab } of changes) {
          const next = row(id, status, { name, usage: { tokens }, tests: { failed } });
          if (attention) next.attention = { ...attention, since: '2026-01-31T12:00:00.000Z', text: '' };
          if (gone) {
            held.delete(id);
            kept.remove(id);
          } else {
            held.set(id, next);
            kept.put(next);
          }
          const anew = ranking(...held.values());
          expect(kept.list(tab, words(filter), sort, NOW)).toEqual(anew.list(tab, words(filter), sort, NOW));
          expect([kept.counts, kept.totals, kept.current(NOW)]).toEqual([anew.counts, anew.totals, anew.current(NOW)]);
          expect(kept.needing().sort()).toEqual(anew.needing().sort());
        }
      }),
    );
  });

  it('say whether a list of them can be another one', () => {
    const kept = ranking(...ROWS);
    kept.list('active', ['running'], 'started', NOW);
    const a = ROWS[0]!;
    expect(kept.put(a)).toEqual({ order: false, text: false, needs: false });
    expect(kept.put({ ...a, usage: { tokens: 11 } })).toEqual({ order: false, text: false, needs: false });
    expect(kept.put({ ...a, status_reason: 'thinks' })).toEqual({ order: false, text: true, needs: false });
    expect(kept.put({ ...a, status: 'completed' }).order).toBe(true);
    kept.list('all', [], 'tokens', NOW);
    expect(kept.put({ ...a, status: 'completed', usage: { tokens: 12 } }).order).toBe(true);
    expect(kept.remove('a~1').order).toBe(true);
    expect(kept.remove('a~1').order).toBe(false);
  });

  it('sum to nothing when all are gone', () => {
    const kept = ranking(...ROWS);
    for (const { id } of ROWS) kept.remove(id);
    const zero: [Record<Tab, number>, Totals] = [{ active: 0, waiting: 0, completed: 0, failed: 0, all: 0 }, emptyTotals()];
    expect([kept.counts, kept.totals]).toEqual(zero);
  });
});

describe('what is in sight of a list', () => {
  const shift = (inSight: string, from: number, items: string) => scrollShift([...inSight], from, [...items], (item) => item);

  it('moves with rows that come and go above it', () => {
    expect(shift('cde', 2, 'abcdef')).toBe(0);
    expect(shift('cde', 2, 'xyabcdef')).toBe(2);
    expect(shift('cde', 2, 'bcdef')).toBe(-1);
  });

  it('does not follow one row that jumps to the top', () => {
    expect(shift('cdefg', 2, 'cabdefgh')).toBe(0);
    expect(shift('cdefg', 2, 'habcdefg')).toBe(1);
  });

  it('stays where it is when nothing of it is left', () => {
    expect(shift('cde', 2, 'xyz')).toBe(0);
  });
});
