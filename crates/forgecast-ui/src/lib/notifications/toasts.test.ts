import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toastOf, addToast } from './toasts';

const DATA = { scope: 'session', level: 'critical', limit_usd: 10, spent_usd: 7.6 };
const PASSED = { type: 'budget_passed', data: DATA };

describe('a budget that was passed', () => {
  it('is told with its session, whichever topic says it, and only once', () => {
    const own = toastOf(PASSED, 'session/shop~2')!;
    const index = toastOf({ ...PASSED, session: 'shop~2' }, 'sessions')!;
    expect(own.text).toBe('Session budget: $7.60 of $10.00 spent');
    expect(own.session).toBe('shop~2');
    expect(index.key).toBe(own.key);
    expect(addToast([own], index, 3)).toHaveLength(1);
  });

  it('of a day names the day, and says when it is passed altogether', () => {
    const data = { ...DATA, scope: 'day', period: '2026-01-31', level: 'exceeded', spent_usd: 10.2 };
    expect(toastOf({ type: 'budget_passed', at: '2026-01-31T12:00:00Z', data }, 'sessions')).toMatchObject({
      key: 'day 2026-01-31',
      level: 'exceeded',
      text: 'Daily budget (2026-01-31) exceeded: $10.20 of $10.00 spent',
    });
  });

  it('takes the place of the mark before it, and no more than a few are kept', () => {
    const mark = (session: string, level: string) => toastOf({ ...PASSED, data: { ...DATA, level }, session }, 'sessions')!;
    let toasts = addToast([], mark('a', 'warning'), 3);
    toasts = addToast(toasts, mark('a', 'critical'), 3);
    expect(toasts.map(({ level }) => level)).toEqual(['critical']);
    for (const name of ['b', 'c', 'd']) toasts = addToast(toasts, mark(name, 'warning'), 3);
    expect(toasts.map(({ session }) => session)).toEqual(['d', 'c', 'b']);
  });

  it('is nothing else: other events and broken ones are left out', () => {
    expect(toastOf({ ...PASSED, type: 'deployed' }, 'sessions')).toBeUndefined();
    expect(toastOf({ ...PASSED, data: { ...DATA, scope: 'toString' } }, 'sessions')).toBeUndefined();
    expect(toastOf({ ...PASSED, data: { ...DATA, limit_usd: '10' } }, 'sessions')).toBeUndefined();
    fc.assert(fc.property(fc.anything(), (data) => void toastOf({ ...PASSED, data }, 'sessions')));
  });
});

describe('the limit of a plan', () => {
  const data = { agent: 'claude', window_minutes: 300, level: 'critical', text: 'Claude Code, five hours: 92 % used' };
  const passed = { type: 'limit_passed', session: 'shop~2', at: '2026-01-31T12:00:00Z', data };

  it('is told in the words of the server, the newest mark of a window only', () => {
    const toast = toastOf(passed, 'sessions')!;
    expect(toast).toMatchObject({ scope: 'limit', level: 'critical', text: data.text, session: 'shop~2' });
    const reset = toastOf({ ...passed, session: null, data: { ...data, level: 'safe', text: 'reset' } }, 'sessions')!;
    expect(reset.session).toBeUndefined();
    expect(addToast([toast], reset, 3).map(({ text }) => text)).toEqual(['reset']);
  });

  it('is left out when it is broken', () => {
    expect(toastOf({ ...passed, data: { ...data, level: 'loud' } }, 'sessions')).toBeUndefined();
    expect(toastOf({ ...passed, data: { ...data, text: 7 } }, 'sessions')).toBeUndefined();
    fc.assert(fc.property(fc.anything(), (other) => void toastOf({ ...passed, data: other }, 'sessions')));
  });
});
