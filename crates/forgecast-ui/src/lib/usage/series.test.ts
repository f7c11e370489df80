import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSeries, chartPoints, hasGap, seriesStep, sparkBars, withRecentMinutes } from './series';
import type { UsageMinute } from '../generated/wire';

const MINUTE = 60_000;
const T0 = Date.parse('2026-11-22T08:00:00Z');
const iso = (minute: number) => new Date(T0 + minute * MINUTE).toISOString();
const minutes = (of: Record<number, number>): Record<string, UsageMinute> =>
  Object.fromEntries(Object.entries(of).map(([minute, tokens]) => [iso(Number(minute)), { tokens }]));
const tokens = ({ tokens }: UsageMinute) => tokens;

describe('what was used minute by minute', () => {
  it('is the series, with the live minutes in place of what they tell better', () => {
    const known = parseSeries([
      [iso(0), 100],
      [iso(3), 50],
      [iso(4), 10],
    ]);
    const now = withRecentMinutes(known, minutes({ 3: 50, 4: 70, 6: 5 }), MINUTE, tokens);
    expect([...now].map(([at, value]) => [(at - T0) / MINUTE, value])).toEqual([
      [0, 100],
      [3, 50],
      [4, 70],
      [6, 5],
    ]);
    expect(withRecentMinutes(known, undefined, MINUTE, tokens)).toBe(known);
  });

  it('replaces only steps that the live minutes tell of as a whole', () => {
    const known = parseSeries([
      [iso(0), 100],
      [iso(5), 40],
    ]);
    const now = withRecentMinutes(known, minutes({ 2: 30, 6: 41, 11: 7 }), 5 * MINUTE, tokens);
    expect([...now.values()]).toEqual([100, 41, 7]);
  });

  it('is drawn with its pauses, or added up, and ends at the moment that is shown', () => {
    const known = parseSeries([
      [iso(0), 100],
      [iso(3), 50],
      [iso(9), 1],
    ]);
    const rate = chartPoints(known, MINUTE, T0, T0 + 5 * MINUTE, false);
    expect(rate.values).toEqual([100, 0, 0, 50, 0, 0]);
    expect(rate.x[3]).toBe(T0 + 3 * MINUTE);
    expect(chartPoints(known, MINUTE, T0, T0 + 60 * MINUTE, true).values.at(-1)).toBe(151);
    expect(chartPoints(new Map(), MINUTE, T0, T0, true).x).toEqual([]);
    expect(chartPoints(parseSeries([[iso(0), 100]]), 5 * MINUTE, T0, T0, false).values).toEqual([20]);
  });

  it('has one bar for each step from the beginning of the session to its end', () => {
    const uses = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(uses, fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 }), (used, before, after) => {
        const known = parseSeries(used.map((at) => [iso(at), 1]));
        const [begin, end] = [T0 - before * MINUTE, T0 + (Math.max(...used) + after) * MINUTE];
        const { x, values, step } = chartPoints(known, MINUTE, begin, end, false);
        expect([x[0], x.at(-1), step]).toEqual([begin, end, MINUTE]);
        expect(x.every((at, index) => index === 0 || at - x[index - 1]! === MINUTE)).toBe(true);
        expect(values.filter((value) => value > 0).length).toBe(used.length);
      }),
    );
  });

  it('is a bar for each minute of the last hour in a small chart, and of the hour of work where that was longer ago', () => {
    const known = parseSeries([
      [iso(0), 100],
      [iso(3), 50],
    ]);
    const live = sparkBars(known, T0 + 4.5 * MINUTE)!;
    expect([live.values.length, live.step, live.until]).toEqual([60, MINUTE, T0 + 5 * MINUTE]);
    expect(live.values.slice(-5)).toEqual([100, 0, 0, 50, 0]);
    const still = sparkBars(known, T0 + 90 * MINUTE)!;
    expect([still.values.at(-1), still.until]).toEqual([50, T0 + 4 * MINUTE]);
    expect(sparkBars(new Map(), T0)).toBeUndefined();
  });

  it('spans the life of a session that is over in a small chart, and loses nothing of it', () => {
    expect(sparkBars(parseSeries([[iso(5), 7]]), undefined)).toEqual({ values: [7], step: MINUTE, until: T0 + 6 * MINUTE });
    const uses = fc.uniqueArray(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(uses, (used) => {
        const { values, step, until } = sparkBars(parseSeries(used.map((at) => [iso(at), 1])), undefined)!;
        expect(until).toBe(T0 + (Math.max(...used) + 1) * MINUTE);
        const begin = until - values.length * step;
        expect(begin).toBeLessThanOrEqual(T0 + Math.min(...used) * MINUTE);
        expect(T0 + Math.min(...used) * MINUTE - begin).toBeLessThan(step);
        expect(values.length).toBeLessThanOrEqual(60);
        expect(values.reduce((sum, value) => sum + value, 0) * (step / MINUTE)).toBeCloseTo(used.length, 6);
      }),
    );
  });

  it('asks again only when more minutes passed than the view carries', () => {
    const many = minutes(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [at + 100, 1])));
    expect(hasGap(T0, minutes({ 50: 1 }))).toBe(false);
    expect(hasGap(T0, many)).toBe(true);
    expect(hasGap(T0 + 120 * MINUTE, many)).toBe(false);
  });

  it('has steps that a chart can show', () => {
    expect(seriesStep(3 * 60 * MINUTE)).toBe(MINUTE);
    for (const days of [2, 6, 30, 200]) expect((days * 24 * 60 * MINUTE) / seriesStep(days * 24 * 60 * MINUTE)).toBeLessThanOrEqual(1_500);
  });
});
