import { expect, test } from 'vitest';
import { limitName, limitTone, shareOf, standing } from './limits';
import type { LimitWindow } from '../generated/wire';

const at = (clock: string) => new Date(`2026-12-01T${clock}:00`).toISOString();
const NOW = new Date('2026-12-01T13:30:00').getTime();

const window = (more: Partial<LimitWindow> = {}): LimitWindow => ({
  agent: 'claude',
  window_minutes: 300,
  basis: 'official',
  used_percent: 62.4,
  resets_at: at('15:05'),
  used_up: { from: at('14:05'), to: at('14:40') },
  tokens: 1_000_000,
  cost_usd: 12,
  sessions: [{ key: 'a~1', share_percent: 50, window_percent: 31.2, tokens: 1, cost_usd: 1 }],
  ...more,
});

test('a session is told what it took and when the limit comes', () => {
  expect(shareOf(window(), 'a~1', 'build', NOW)).toBe(
    'This build took 31% of your five hours of Claude Code; at this rate the limit comes between 14:05 and 14:40, reset 15:05',
  );
  expect(shareOf(window(), 'b~1', 'build', NOW)).toBeUndefined();
});

test('a range that goes beyond the reset ends with it', () => {
  expect(standing(window({ used_up: { from: at('14:05'), to: at('16:00') } }), NOW)).toBe('62% used, limit between 14:05 and the reset, reset 15:05');
});

test('what is not known is said to be unknown, and what is estimated is labeled', () => {
  const { used_percent: _used, used_up: _range, resets_at: _end, ...rest } = window();
  expect(standing({ ...rest, unknown_since: at('12:00') }, NOW)).toBe('unknown since 12:00');
  const estimated = { ...rest, basis: 'estimated' as const, resets_at: at('18:00') };
  expect(standing(estimated, NOW)).toBe('estimated, 1M tokens, reset about 18:00');
  const share = { key: 'a~1', share_percent: 50, tokens: 1, cost_usd: 1 };
  expect(shareOf({ ...estimated, sessions: [share] }, 'a~1', 'session', NOW)).toBe(
    'This session made 50% of what was used of Claude Code in these five hours (estimated); reset about 18:00',
  );
});

test('a window has a name and a tone', () => {
  expect(limitName(window({ account: 'work', scope: 'opus', window_minutes: 10_080 }))).toBe('Claude Code (work, opus), week');
  expect(limitName(window({ agent: 'other', window_minutes: 180 }))).toBe('other, 3 hours');
  expect([74, 75, 89, 90, 120].map((used_percent) => limitTone(window({ used_percent })))).toEqual(['', 'warn', 'warn', 'bad', 'bad']);
});
