import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vectors } from './testing/vectors';
import { ago, bytes, count, duration, millis, money, moneyRange, ofBytes, percent, perMinute, plural, roughly } from './format';

const shared = vectors<Record<string, [number, string][]>>('formats');

describe.each([
  ['duration_ms', duration],
  ['rough_ms', roughly],
  ['ago_ms', ago],
  ['count', count],
  ['money_usd', money],
  ['percent', percent],
  ['bytes', bytes],
  ['per_minute', perMinute],
] as const)('%s', (name, format) => {
  it.each(shared[name]!)('%d is %s', (value, text) => expect(format(value)).toBe(text));
});

describe('a duration', () => {
  it('is never negative and never NaN', () => {
    const anyTime = fc.double({ min: -1e16, max: 1e16, noNaN: true });
    fc.assert(fc.property(anyTime, (ms) => void expect(duration(ms)).toMatch(/^\d+(s|[mhd] \d+[smh])$/)));
    expect(duration(-5_000)).toBe('0s');
    expect([Number.NaN, Number.POSITIVE_INFINITY].map(duration)).toEqual(['0s', '0s']);
  });
});

describe('numbers', () => {
  it('never take more than five characters up to a quadrillion', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 999_000_000_000_000 }), (value) => count(value).length <= 5));
  });

  it('of bytes that are read one after another stand in the unit of the whole', () => {
    expect(ofBytes(2_100_000_000, 5_000_000_000)).toBe('2.1 of 5.0 GB');
    expect(ofBytes(0, 812)).toBe('0 of 812 B');
    expect(ofBytes(31_000_000, 999_600_000)).toBe('0.0 of 1.0 GB');
    expect(ofBytes(120_400_000, 800_000_000)).toBe('120 of 800 MB');
    fc.assert(fc.property(fc.nat(), fc.nat(), (done, whole) => void expect(ofBytes(done, whole)).toMatch(/^[\d.]+ of [\d.]+ [kMGT]?B$/)));
  });

  it('that are guesses of money claim no more digits than anybody can know', () => {
    const ranges = [
      [1.2, 3.4],
      [7.12, 43.4],
      [99.7, 99.8],
      [322.93, 480.94],
      [1_778.09, 12_450],
    ] as const;
    expect(ranges.map(([low, high]) => moneyRange({ low, high }))).toEqual(['$1.20–$3.40', '$7.12–$43', '$100', '$320–$480', '$1,800–$12,000']);
  });

  it('agree with their nouns', () => {
    expect([plural(1, 'agent'), plural(0, 'agent'), plural(1200, 'agent')]).toEqual(['1 agent', '0 agents', '1,200 agents']);
  });
});

describe('a time', () => {
  it('that is absent or none is undefined', () => {
    expect(millis(undefined)).toBeUndefined();
    expect(millis('yesterday')).toBeUndefined();
    expect(millis('2026-01-31T08:15:00.250Z')).toBe(1_769_847_300_250);
  });
});
