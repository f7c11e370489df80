import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisTime, bubble, isEmpty, sampled, stacked } from './chart';

const values = fc.array(fc.option(fc.nat(1_000)), { minLength: 5, maxLength: 5 });

describe('a chart', () => {
  it('piles its series up: the highest is the sum of all, and none is below another', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (series) => {
        const piled = stacked(series);
        for (let at = 0; at < 5; at += 1) {
          expect(piled.at(-1)?.[at]).toBe(series.reduce((sum, one) => sum + (one[at] ?? 0), 0));
          for (let lower = 1; lower < piled.length; lower += 1) expect(piled[lower]![at]).toBeGreaterThanOrEqual(piled[lower - 1]![at]!);
        }
      }),
    );
  });

  it('is empty without points, without values and when all of them are zero', () => {
    const one = (list: (number | null)[]) => [{ label: 'a', color: 'red', values: list }];
    expect(isEmpty([], one([]))).toBe(true);
    expect(isEmpty([1, 2], one([0, null]))).toBe(true);
    expect(isEmpty([1, 2], one([0, 0.2]))).toBe(false);
  });

  it('names the first and the last of many points in its table, in order and none twice', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.integer({ min: 2, max: 200 }), (points, most) => {
        const chosen = sampled(points, most);
        expect(chosen.length).toBe(Math.min(points, most));
        expect(new Set(chosen).size).toBe(chosen.length);
        if (points > 0) expect([chosen[0], chosen.at(-1)]).toEqual([0, points - 1]);
      }),
    );
  });

  it('keeps its bubble within itself', () => {
    expect([bubble(10, 100, 400), bubble(200, 100, 400), bubble(395, 100, 400)]).toEqual([0, 150, 300]);
  });

  it('names times so that two ticks differ', () => {
    const noon = new Date(2026, 10, 22, 12, 30).getTime();
    expect(axisTime(noon, 60_000)).toBe('12:30');
    expect(axisTime(new Date(2026, 10, 22).getTime(), 3 * 3_600_000)).toBe('Nov 22');
    expect(axisTime(noon, 7 * 86_400_000)).toBe('Nov 22');
    expect(axisTime(noon, 91 * 86_400_000)).toBe('Nov 2026');
    expect(axisTime(noon, 10_000)).toBe('12:30:00');
  });
});
