import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { usageBySource, barsPath, burn, bySize, cacheHits, level, newestMinute, describeCost, minuteValues, projectedRates, total, untilSpent } from './usage';
import type { UsageMinute } from '../generated/wire';

const MINUTE = 60_000;
const NOW = Date.parse('2026-01-31T12:10:00.000Z');
const tokens = (input: number, output: number, cache_read: number, cache_write: number) => ({ input, output, cache_read, cache_write });
/** Minutes by how many minutes ago they began. */
const recent = (minutes: Record<number, UsageMinute>) =>
  Object.fromEntries(Object.entries(minutes).map(([back, minute]) => [new Date(NOW - Number(back) * MINUTE).toISOString(), minute]));

describe('the burn rate', () => {
  it('is the mean of the last ten minutes', () => {
    const used = recent({ 30: { tokens: 90_000, cost_usd: 9 }, 9: { tokens: 40_000, cost_usd: 1 }, 2: { tokens: 60_000, cost_usd: 2 } });
    expect(burn(used, NOW)).toEqual({ tokensPerMinute: 10_000, usdPerHour: 18, windowMs: 10 * MINUTE });
  });

  it('is measured since the first call while that is less than ten minutes ago, and over a minute at least', () => {
    expect(burn(recent({ 2: { tokens: 10_000, cost_usd: 0.1 } }), NOW)).toEqual({ tokensPerMinute: 5_000, usdPerHour: 3, windowMs: 2 * MINUTE });
    expect(burn(recent({ 0: { tokens: 700 } }), NOW + 1_000)).toEqual({ tokensPerMinute: 700, usdPerHour: undefined, windowMs: MINUTE });
  });

  it('sinks steadily while nothing is used, and is none after eleven minutes: idle', () => {
    const used = recent({ 0: { tokens: 60_000 }, 60: { tokens: 1 } });
    const rates = Array.from({ length: 12 * 6 }, (_, at) => burn(used, NOW + at * 10_000)?.tokensPerMinute ?? 0);
    expect(rates.every((rate, at) => at === 0 || rate <= rates[at - 1]!)).toBe(true);
    expect(rates[10 * 6 + 3]).toBe(3_000);
    expect(rates[11 * 6]).toBe(0);
    expect(burn(used, NOW + 11 * MINUTE)).toBeUndefined();
    expect(burn(undefined, NOW)).toBeUndefined();
  });

  it('leaves out what is no time and what lies ahead, and is finite whatever comes', () => {
    expect(burn({ yesterday: { tokens: 5 }, [new Date(NOW + 10 * MINUTE).toISOString()]: { tokens: 5 } }, NOW)).toBeUndefined();
    const minutes = fc.dictionary(
      fc.integer({ min: -5, max: 90 }).map((back) => new Date(NOW - back * MINUTE).toISOString()),
      fc.record({ tokens: fc.nat(), cost_usd: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }) }),
    );
    fc.assert(
      fc.property(minutes, fc.nat(90 * MINUTE), (given, later) => {
        const rate = burn(given as Record<string, UsageMinute>, NOW + later);
        if (rate === undefined) return;
        expect(rate.tokensPerMinute).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(rate.tokensPerMinute) && Number.isFinite(rate.usdPerHour ?? 0)).toBe(true);
      }),
    );
  });
});

describe('a projection', () => {
  it('says when the budget is used up at this rate', () => {
    expect(untilSpent(3, 10, 10)).toBe(42 * MINUTE);
  });

  it('says nothing before half an hour is known, and then between which rates', () => {
    const minutesAgo = fc.uniqueArray(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(minutesAgo, (backs) => {
        const used = recent(Object.fromEntries(backs.map((back) => [back, { tokens: 1, cost_usd: 0.1 }])));
        const rates = projectedRates(used, NOW);
        expect(rates !== undefined).toBe(Math.max(...backs) >= 30);
        if (rates) expect(rates.low).toBeLessThanOrEqual(rates.high);
      }),
    );
    const steady = recent(Object.fromEntries(Array.from({ length: 60 }, (_, back) => [back + 1, { tokens: 1, cost_usd: 0.1 }])));
    expect(projectedRates(steady, NOW)?.high).toBeCloseTo(6);
    expect(projectedRates(steady, NOW)?.low).toBeCloseTo(6);
    expect(projectedRates(recent({ 40: { tokens: 1 } }), NOW)).toBeUndefined();
  });

  it('is silent when nothing is used, when it is spent already, and about what nobody can foresee', () => {
    expect(untilSpent(3, 10, undefined)).toBeUndefined();
    expect(untilSpent(3, 10, 0)).toBeUndefined();
    expect(untilSpent(10, 10, 5)).toBeUndefined();
    expect(untilSpent(0, 1_000, 0.01)).toBeUndefined();
  });

  it('and the levels change at a half, three quarters and the whole', () => {
    expect([0, 4.99, 5, 7.49, 7.5, 9.99, 10, 12].map((spent) => level(spent, 10))).toEqual([
      'safe',
      'safe',
      'warning',
      'warning',
      'critical',
      'critical',
      'exceeded',
      'exceeded',
    ]);
    expect(level(0, 0)).toBe('exceeded');
  });
});

describe('shares', () => {
  it('of the cache are of what the model was given, not of what it wrote', () => {
    expect(cacheHits(tokens(100, 5_000, 800, 100))).toBe(80);
    expect(cacheHits(tokens(0, 5_000, 0, 0))).toBeUndefined();
  });

  it('stand in the order of their size', () => {
    const shares = { a: tokens(1, 0, 0, 0), b: tokens(0, 0, 9, 0), c: tokens(0, 1, 0, 0) };
    expect(bySize(shares).map(([name]) => name)).toEqual(['b', 'a', 'c']);
    expect(bySize(undefined)).toEqual([]);
    expect(total(tokens(1, 2, 3, 4))).toBe(10);
  });

  it('of sources stand with the best one first, without those that name no numbers', () => {
    const usage = { ...tokens(1, 1, 1, 1), priced: true, calls: 1, unpriced_calls: 0, disputed_calls: 1 };
    const of = (...parts: Parameters<typeof tokens>) => ({ ...tokens(...parts), calls: 1 });
    const by_source = { otel: of(1, 1, 1, 0), hook: of(0, 0, 0, 0), reported: of(0, 0, 0, 9), transcript: of(1, 1, 1, 1) };
    expect(usageBySource({ ...usage, by_source }).map(([source]) => source)).toEqual(['transcript', 'otel', 'reported']);
  });
});

describe('a cost', () => {
  it('that is not known is said to be so, and one that is known in part is a lower bound', () => {
    expect(describeCost(undefined, false, 500)).toEqual({ usd: undefined, none: true, atLeast: false });
    expect(describeCost(1.5, false, 500)).toEqual({ usd: 1.5, none: false, atLeast: true });
    expect(describeCost(1.5, true, 500)).toEqual({ usd: 1.5, none: false, atLeast: false });
    expect(describeCost(undefined, false, 0)).toEqual({ usd: undefined, none: false, atLeast: false });
  });
});

describe('the small chart', () => {
  it('has a value for every minute, the newest last, zero where nothing was used', () => {
    expect(minuteValues(recent({ 0: { tokens: 5 }, 2: { tokens: 7 }, 4: { tokens: 9 } }), NOW + 30_000, 4)).toEqual([0, 7, 0, 5]);
  });

  it('ends at the newest use of a session that is over', () => {
    expect(newestMinute(recent({ 40: { tokens: 5 }, 55: { tokens: 7 } }))).toBe(NOW - 40 * MINUTE);
    expect(newestMinute({})).toBeUndefined();
  });

  it('draws the highest bar to the top, a small one visibly, none for nothing', () => {
    expect(barsPath([0, 50, 100, 1])).toBe('M1.1 1V0.5h.8V1zM2.1 1V0h.8V1zM3.1 1V0.94h.8V1z');
    expect(barsPath([])).toBe('');
  });
});
