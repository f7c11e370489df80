import { describe, expect, it } from 'vitest';
import { freshness } from './fresh';

describe('freshness', () => {
  it('is green below five seconds, yellow below thirty, red beyond', () => {
    const levels = [0, 4_999, 5_000, 29_999, 30_000, 86_400_000].map((age) => freshness(1_000, 1_000 + age));
    expect(levels).toEqual(['fresh', 'fresh', 'ageing', 'ageing', 'stale', 'stale']);
  });

  it('is unknown before anything was confirmed', () => {
    expect(freshness(0, 1_000_000)).toBe('unknown');
  });

  it('is fresh when the clock was set back', () => {
    expect(freshness(10_000, 4_000)).toBe('fresh');
  });
});

it('what is asked for every twenty seconds is fresh until it is due', () => {
  expect([5_000, 24_000, 30_000, 60_000].map((age) => freshness(100_000, 100_000 + age, 20_000))).toEqual(['fresh', 'fresh', 'ageing', 'stale']);
});
