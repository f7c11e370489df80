import { describe, expect, it } from 'vitest';
import { describeActivity } from './activity';
import { grouped } from './groups';
import {
  acknowledge,
  byUrgency,
  isAcknowledged,
  isCurrent,
  needOf,
  needReason,
  needSince,
  needText,
  parseAcknowledged,
  statusWord,
  type Acknowledged,
} from './needs';
import { choiceIn, queryOf } from './view-state';
import type { Attention, SessionRow } from '../generated/wire';

const NOW = Date.parse('2026-01-31T12:00:00.000Z');
const before = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

function row(id: string, over: Partial<SessionRow> = {}): SessionRow {
  return { id, name: id, source: 'live', status: 'running', agents_active: 0, problems: 0, ...over };
}

function attention(kind: Attention['kind'], over: Partial<Attention> = {}): Attention {
  return { kind, seq: 1, since: before(5), text: 'why', ...over };
}

describe('who needs somebody', () => {
  it('is who waits, failed, stalled or passed a budget, and not who finished a turn or its work', () => {
    for (const kind of ['waiting', 'failed', 'stalled'] as const) expect(needOf(row('a', { attention: attention(kind) }))).toBe(kind);
    const marks = (['warning', 'critical', 'exceeded'] as const).map((level) => needOf(row('a', { attention: attention('budget', { level }) })));
    expect(marks).toEqual([undefined, 'budget', 'budget']);
    expect(needOf(row('a', { attention: attention('completed') }))).toBeUndefined();
    expect(needOf(row('a', { attention: attention('waiting', { your_turn: true }) }))).toBeUndefined();
    expect(needOf(row('a'))).toBeUndefined();
    // Found when it stood like this already.
    expect(needOf(row('a', { status: 'waiting', waiting_for: 'answer' }))).toBe('waiting');
    expect(needOf(row('a', { status: 'waiting', waiting_for: 'prompt' }))).toBeUndefined();
    const found = (['stalled', 'failed', 'completed', 'abandoned'] as const).map((status) => needOf(row('a', { status })));
    expect(found).toEqual(['stalled', 'failed', undefined, undefined]);
  });

  it('is who nears the limit of its plan, and who may go on and does not', () => {
    const marks = (['warning', 'critical', 'exceeded', 'safe'] as const).map((level) => row('a', { attention: attention('limit', { level }) }));
    expect(marks.map(needOf)).toEqual([undefined, 'limit', 'limit', undefined]);
    expect(marks.slice(1, 3).map(needText)).toEqual(['plan nearly used up', 'plan used up']);
    const stopped = row('a', { status: 'waiting', waiting_for: 'prompt', attention: attention('limit', { level: 'safe' }) });
    expect([needOf(stopped), needText(stopped)]).toEqual(['limit', 'can go on']);
  });

  it('is who was found stopped by an error or crashed, while that is fresh', () => {
    const stopped = row('a', {
      status: 'waiting',
      waiting_for: 'prompt',
      stopped_by_error: true,
      status_reason: 'API error: overloaded',
      last_work_at: before(5),
    });
    expect([needOf(stopped), needText(stopped), needReason(stopped)]).toEqual(['waiting', 'stopped by an error', 'API error: overloaded']);
    expect(needSince(stopped)).toBe(NOW - 5 * 60_000);
    const crashed = (minutes: number) => row('a', { status: 'abandoned', stopped_by_error: true, last_work_at: before(minutes) });
    expect([needOf(crashed(5)), needText(crashed(5))]).toEqual(['failed', 'crashed']);
    expect([5, 13 * 60].map((minutes) => isCurrent(crashed(minutes), NOW))).toEqual([true, false]);
  });

  it('stands in the order of urgency: the longest wait first, of the ends the newest', () => {
    const rows = [
      row('late', { attention: attention('waiting', { since: before(1) }) }),
      row('old failure', { attention: attention('failed', { since: before(90) }) }),
      row('early', { attention: attention('waiting', { since: before(60) }) }),
      row('new failure', { attention: attention('failed', { since: before(2) }) }),
      row('silent', { attention: attention('stalled') }),
    ];
    expect(rows.sort(byUrgency).map(({ id }) => id)).toEqual(['early', 'late', 'new failure', 'old failure', 'silent']);
  });

  it('has needed it since the wait, the end or the last work before a silence', () => {
    const since = (over: Partial<SessionRow>) => needSince(row('a', { last_work_at: before(30), ...over }));
    expect(since({ status: 'waiting', attention: attention('waiting') })).toBe(NOW - 5 * 60_000);
    expect(since({ status: 'stalled', attention: attention('stalled') })).toBe(NOW - 30 * 60_000);
    expect(since({ status: 'failed', ended_at: before(20) })).toBe(NOW - 20 * 60_000);
    expect(since({})).toBeUndefined();
  });

  it('is told what for', () => {
    const doing = { kind: 'tool', text: 'Bash cargo test', since: before(20) } as const;
    const budget = attention('budget', { level: 'exceeded', text: 'budget of $5.00 used up' });
    expect(needReason(row('a', { status: 'stalled', attention: attention('stalled'), activity: doing }))).toBe('Silent during Bash cargo test');
    expect(needReason(row('a', { attention: budget }))).toBe('Budget of $5.00 used up');
    const failed = { status: 'failed', attention: attention('failed', { text: 'Test: failed' }) } as const;
    expect(needReason(row('a', failed))).toBe('Test: failed');
    expect(needReason(row('a', { ...failed, tests: { passed: 54, failed: 3 } }))).toBe('Test: 3 of 57 tests failed');
  });

  it('is told in few words', () => {
    const waits = (over: Partial<SessionRow>) => needText(row('a', { status: 'waiting', attention: attention('waiting'), ...over }));
    expect((['permission', 'answer', 'prompt'] as const).map((waiting_for) => waits({ waiting_for })).concat(waits({}))).toEqual([
      'needs approval',
      'asks a question',
      'stopped by an error',
      'waits for you',
    ]);
    const crashed = row('a', { status: 'abandoned', attention: attention('failed') });
    expect([needText(crashed), statusWord(crashed)]).toEqual(['crashed', 'crashed']);
    const stopped = { status: 'waiting', waiting_for: 'prompt' } as const;
    expect(statusWord(row('a', { ...stopped, attention: attention('waiting') }))).toBe('stopped by an error');
    expect(statusWord(row('a', { ...stopped, attention: attention('waiting', { your_turn: true }) }))).toBeUndefined();
    expect(statusWord(row('a', { status: 'failed', attention: attention('failed') }))).toBeUndefined();
  });
});

describe('what was acknowledged', () => {
  it('stays away until the attention has a higher number', () => {
    const seen = acknowledge({}, 'a', { seq: 3 });
    expect(isAcknowledged(seen, 'a', { seq: 3 })).toBe(true);
    expect(isAcknowledged(seen, 'a', { seq: 4 })).toBe(false);
    expect(isAcknowledged(seen, 'b', { seq: 1 })).toBe(false);
    expect(isAcknowledged(seen, 'constructor', { seq: 1 })).toBe(false);
  });

  it('is bounded, the oldest is forgotten, and what is stored is read back', () => {
    let seen: Acknowledged = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`s${at}`, at]));
    for (const id of ['new', 'newer']) seen = acknowledge(seen, id, { seq: 1 });
    expect(Object.keys(seen)).toHaveLength(1_000);
    expect([isAcknowledged(seen, 's1', { seq: 1 }), isAcknowledged(seen, 's2', { seq: 1 }), isAcknowledged(seen, 'newer', { seq: 1 })]).toEqual([
      false,
      true,
      true,
    ]);
    expect(parseAcknowledged(JSON.stringify(seen))).toEqual(seen);
    for (const text of [null, '', '[', '5', 'null', '{"a":"b"}']) expect(parseAcknowledged(text)).toEqual({});
  });
});

describe('what is going on', () => {
  it('is what is alive, and for a while what has ended', () => {
    for (const status of ['running', 'waiting', 'stalled'] as const) expect(isCurrent(row('a', { status, last_work_at: before(9_000) }), NOW)).toBe(true);
    const ended = (status: SessionRow['status'], minutes: number, over: Partial<SessionRow> = {}) =>
      isCurrent(row('a', { status, ended_at: before(minutes), ...over }), NOW);
    expect([ended('completed', 29), ended('completed', 31)]).toEqual([true, false]);
    expect([ended('failed', 700), ended('failed', 730)]).toEqual([true, false]);
    expect([ended('abandoned', 5), ended('abandoned', 5, { attention: attention('failed') })]).toEqual([false, true]);
  });

  it('is told in one line, and of what waits what it asks', () => {
    const doing = { kind: 'tool', text: 'Edit src/sync.rs', since: before(1) } as const;
    expect(describeActivity(row('a', { activity: doing, status_reason: 'x' }))).toEqual(doing);
    const asks = { status: 'waiting', waiting_for: 'permission', attention: attention('waiting', { text: 'Wants to run: ls' }) } as const;
    expect(describeActivity(row('a', { ...asks, activity: doing }))).toMatchObject({ kind: 'waiting', text: 'Wants to run: ls' });
    expect(describeActivity(row('a', { status: 'failed', status_reason: '2 tests failed' }))).toMatchObject({ kind: 'failed', text: '2 tests failed' });
    expect(describeActivity(row('a', { task: 'Build it' })).text).toBe('Build it');
    const done = { status: 'completed', status_reason: 'Feedback is completed' } as const;
    expect(describeActivity(row('a', { ...done, task: 'Build it' })).text).toBe('Build it');
    expect(describeActivity(row('a', { ...done, task: 'a' })).text).toBe('Feedback is completed');
  });
});

describe('rows in groups', () => {
  it('stand below the name of their project, in the order that they had', () => {
    const items = ['b1', 'a1', 'b2', 'own'].map((id) => ({ row: row(id, id === 'own' ? {} : { project: id[0]! }) }));
    const names = grouped(items, 'project').map((item) => ('heading' in item ? `${item.heading} (${item.count})` : item.row.id));
    expect(names).toEqual(['a (1)', 'a1', 'b (2)', 'b1', 'b2', 'own (1)', 'own']);
    expect(grouped(items, 'host')[0]).toEqual({ heading: 'This machine', count: 4 });
  });
});

describe('what was chosen', () => {
  it('stands in the address, and only what was', () => {
    const none = choiceIn('');
    expect(queryOf(none)).toBe('');
    const chosen = { tab: 'failed', filter: 'a b&c', sort: 'cost', group: 'project' } as const;
    expect(choiceIn(queryOf(chosen))).toEqual(chosen);
    expect(choiceIn('?tab=nonsense&sort=&group=x')).toEqual(none);
  });
});
