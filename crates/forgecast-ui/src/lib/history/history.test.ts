import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buckets,
  modelSeries,
  outcomeSeries,
  csv,
  dayOf,
  daysBetween,
  known,
  midnight,
  passRate,
  sessionsCsv,
  shownDays,
  sinceDay,
  durationMs,
} from './history';
import type { SessionRow, UsageAmount, UsageRow } from '../generated/wire';

const NOON = new Date(2026, 10, 22, 12).getTime();
const amount = (cost_usd: number): UsageAmount => ({ cost_usd, calls: 1, input: cost_usd * 100, output: 0, cache_read: 0, cache_write: 0 });
const row = (day: string, models: Record<string, number>): UsageRow => ({
  day,
  ...amount(Object.values(models).reduce((sum, cost) => sum + cost, 0)),
  models: Object.fromEntries(Object.entries(models).map(([model, cost]) => [model, amount(cost)])),
});

describe('the days of a history', () => {
  it('have no holes and no doubles, whatever the clocks do in between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 800 }), (from, length) => {
        const first = dayOf(midnight('1990-01-01') + from * 86_400_000 + 43_200_000);
        const date = new Date(midnight(first));
        date.setDate(date.getDate() + length);
        const days = daysBetween(first, dayOf(date.getTime()));
        expect(days.length).toBe(length + 1);
        expect(new Set(days).size).toBe(days.length);
        expect(days.toSorted()).toEqual(days);
        for (const day of days) expect(dayOf(midnight(day))).toBe(day);
      }),
    );
    expect(daysBetween('2026-11-23', '2026-11-22')).toEqual([]);
  });

  it('of a range end today, and of all of it begin with the first that has something', () => {
    expect(sinceDay('7', NOON)).toBe('2026-11-16');
    expect(shownDays('7', ['2026-11-20'], NOON)).toHaveLength(7);
    expect(shownDays('0', ['2026-11-20', '2026-11-18'], NOON)[0]).toBe('2026-11-18');
    expect(shownDays('0', [], NOON)).toEqual(['2026-11-22']);
    // The server's calendar may be a day ahead.
    expect(shownDays('7', ['2026-11-23'], NOON).at(-1)).toBe('2026-11-23');
  });

  it('become weeks when they are many, and none is lost', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900 }), (count) => {
        const days = Array.from({ length: count }, (_, at) => `day ${at}`);
        const made = buckets(days);
        expect(made.days.flat()).toEqual(days);
        expect(made.each).toBe(count > 200 ? 'week' : 'day');
        expect(made.days.at(-1)).toHaveLength(count > 200 ? 7 : 1);
      }),
    );
  });
});

describe('shares of a history', () => {
  const rows = [row('2026-11-22', { opus: 4, haiku: 1 }), row('2026-11-20', { opus: 2, '': 3 })];
  const week = buckets(daysBetween('2026-11-20', '2026-11-22'));

  it('by model stand in the order of what they cost, on the days on which they were used', () => {
    expect(modelSeries(rows, week, 'cost').map(({ label, values }) => [label, values])).toEqual([
      ['opus', [2, 0, 4]],
      ['Unknown model', [3, 0, 0]],
      ['haiku', [0, 0, 1]],
    ]);
  });

  it('of many models lose nothing: the smaller ones are one', () => {
    const models = fc.dictionary(fc.string({ maxLength: 4 }), fc.nat(50), { maxKeys: 30, noNullPrototype: true });
    fc.assert(
      fc.property(models, (used) => {
        const series = modelSeries([row('2026-11-21', used)], week, 'cost');
        const shown = series.reduce((sum, { values }) => sum + (values[1] ?? 0), 0);
        expect(shown).toBe(Object.values(used).reduce((sum, cost) => sum + cost, 0));
        expect(series.length).toBeLessThanOrEqual(8);
        expect(new Set(series.map(({ color }) => color)).size).toBe(series.length);
      }),
    );
  });

  it('cost what is known, and nothing is no price', () => {
    expect(known(amount(3))).toBe(3);
    expect(known({ ...amount(0), input: 9, calls: 0 })).toBeUndefined();
    expect(known({ ...amount(3), calls: 4, unpriced_calls: 4 })).toBeUndefined();
    expect(known({ ...amount(0), calls: 0 })).toBe(0);
  });

  it('by outcome say abandoned only where something was', () => {
    const ended = { key: '2026-11-21', completed: 3, failed: 1, abandoned: 0 };
    expect(outcomeSeries([ended], week).map(({ values }) => values)).toEqual([
      [0, 3, 0],
      [0, 1, 0],
    ]);
    expect(outcomeSeries([{ ...ended, abandoned: 2 }], week)).toHaveLength(3);
  });

  it('pass rates count neither what runs nor what was abandoned', () => {
    expect(passRate({ completed: 3, failed: 1, abandoned: 9 })).toBe(75);
    expect(passRate({ completed: 0, failed: 0, abandoned: 2 })).toBeUndefined();
    expect(passRate(undefined)).toBeUndefined();
  });
});

describe('a table for a spreadsheet', () => {
  /** Reads it back as RFC 4180 says. */
  function read(text: string): string[][] {
    const cells = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)];
    const rows: string[][] = [[]];
    for (const [, quoted, plain, end] of cells) {
      rows.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
      if (end === '\r\n') rows.push([]);
    }
    return rows.slice(0, -1);
  }

  it('is read back as it was, but nothing in it is a formula', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1 }), (rows) => {
        const back = read(csv(['a', 'b'], rows));
        const safe = rows.map((cells) => cells.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)));
        expect(back).toEqual([['a', 'b'], ...safe]);
        for (const cell of back.flat()) expect(cell).not.toMatch(/^[=+\-@]/);
      }),
    );
    expect(csv(['n'], [[-3], [undefined]])).toBe('n\r\n-3\r\n\r\n');
  });

  it('of sessions has their duration, when it is known', () => {
    const session = { id: 'a~1', name: '=cmd()', status: 'completed', source: 'live', agents_active: 0, problems: 0 } as SessionRow;
    expect(durationMs(session)).toBeUndefined();
    const timed = { ...session, started_at: '2026-11-22T08:00:00Z', ended_at: '2026-11-22T08:01:30Z' };
    expect(sessionsCsv([timed]).split('\r\n')[1]).toBe("a~1,'=cmd(),,completed,90,,,,,,2026-11-22T08:00:00Z,2026-11-22T08:01:30Z");
  });
});
