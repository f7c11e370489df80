import { describe, expect, it } from 'vitest';
import { about, eventNames, stateOf, until } from './deliveries';
import type { Notification, NotificationTarget } from '../generated/wire';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const TARGET: NotificationTarget = {
  name: 'phone',
  kind: 'ntfy',
  host: 'ntfy.example',
  events: ['waiting'],
  your_turn: false,
  projects: [],
  resolved: false,
  include_text: true,
  waiting: 0,
  failures: 0,
};

describe('notifications of the server', () => {
  it('say how a target is doing', () => {
    expect(stateOf(TARGET, NOW)).toBe('Ready');
    expect(stateOf({ ...TARGET, waiting: 1 }, NOW)).toBe('Sending');
    expect(stateOf({ ...TARGET, failures: 2, next_attempt_at: '2026-01-01T00:01:00Z' }, NOW)).toMatch(/^Failing, next attempt in 1/);
    expect(stateOf({ ...TARGET, failures: 2, next_attempt_at: '2025-12-31T00:00:00Z' }, NOW)).toBe('Failing');
    expect(stateOf({ ...TARGET, failures: 1, disabled: 'it answered 410 Gone' }, NOW)).toBe('Disabled: it answered 410 Gone');
  });

  it('name what a target is called for', () => {
    expect(eventNames(['waiting'])).toBe('needs you');
    expect(eventNames(['failed', 'waiting', 'stalled'])).toBe('failed, needs you or is stalled');
    expect(until(undefined, NOW)).toBeUndefined();
  });

  it('say what each session needed, and what is over', () => {
    const item = { session: 'a~1', seq: 2, kind: 'waiting', since: '2026-01-01T00:00:00Z', name: 'a', text: 'Wants to run: make' } as const;
    const message: Notification = {
      id: 'msg_1',
      target: 'phone',
      event: 'attention',
      state: 'delivered',
      created_at: '2026-01-01T00:00:00Z',
      items: [item],
      resolved: [{ ...item, session: 'b~1', name: 'b' }],
      attempts: 1,
    };
    expect(about(message).map((part) => `${part.name} ${part.says}`)).toEqual(['a needs you: Wants to run: make', 'b needs nobody any more']);
    expect(about({ ...message, items: [], resolved: [] })).toEqual([]);
  });
});
