import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ago, bytes, count, duration, millis, money, ofBytes, percent, perMinute, plural, roughly } from './format';

describe('a duration', () => {
  it.each([
    [0, '0s'],
    [999, '0s'],
    [59_999, '59s'],
    [60_000, '1m 00s'],
    [3 * 60_000 + 7_500, '3m 07s'],
    [3_599_999, '59m 59s'],
    [3_840_000, '1h 04m'],
    [86_400_000, '1d 0h'],
    [51 * 3_600_000, '2d 3h'],
  ])('of %d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it('is never negative and never NaN', () => {
    const anyTime = fc.double({ min: -1e16, max: 1e16, noNaN: true });
    fc.assert(fc.property(anyTime, (ms) => void expect(duration(ms)).toMatch(/^\d+(s|[mhd] \d+[smh])$/)));
    expect(duration(-5_000)).toBe('0s');
    expect([Number.NaN, Number.POSITIVE_INFINITY].map(duration)).toEqual(['0s', '0s']);
  });
});

describe('an estimate', () => {
  it('does not claim to know the second', () => {
    expect([10_000, 26 * 60_000 + 25_000, 3_840_000].map(roughly)).toEqual(['under a minute', '26m', '1h 04m']);
    expect(roughly(-5)).toBe('under a minute');
  });
});

describe('an age', () => {
  it('is told in its largest unit', () => {
    expect([0, 1_500, 61_000, 7_200_000, 200_000_000].map(ago)).toEqual(['now', '1s ago', '1m ago', '2h ago', '2d ago']);
    expect(ago(-1)).toBe('now');
  });
});

describe('numbers', () => {
  it.each([
    [0, '0'],
    [950, '950'],
    [999, '999'],
    [1_000, '1k'],
    [1_240, '1.2k'],
    [9_960, '10k'],
    [34_000, '34k'],
    [999_499, '999k'],
    [999_500, '1M'],
    [5_600_000, '5.6M'],
    [1_200_000_000, '1.2B'],
  ])('%d is %s', (value, text) => expect(count(value)).toBe(text));

  it('never take more than five characters up to a quadrillion', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 999_000_000_000_000 }), (value) => count(value).length <= 5));
  });

  it('of dollars are exact where cents matter', () => {
    expect([0, 0.004, 0.42, 12.3, 1234.5].map(money)).toEqual(['$0.00', '<$0.01', '$0.42', '$12.30', '$1,235']);
  });

  it('of percent say 100 only for all', () => {
    expect([-3, 0, 46.5, 99.9, 100, 250].map(percent)).toEqual(['0%', '0%', '47%', '99%', '100%', '100%']);
  });

  it('of bytes are binary', () => {
    expect([0, 1023, 1024, 3_482, 1_048_575, 12_582_912].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '3.4 KiB', '1.0 MiB', '12 MiB']);
  });

  it('of bytes that are read one after another stand in the unit of the whole', () => {
    expect(ofBytes(2_100_000_000, 5_000_000_000)).toBe('2.1 of 5.0 GB');
    expect(ofBytes(0, 812)).toBe('0 of 812 B');
    expect(ofBytes(31_000_000, 999_600_000)).toBe('0.0 of 1.0 GB');
    expect(ofBytes(120_400_000, 800_000_000)).toBe('120 of 800 MB');
    fc.assert(fc.property(fc.nat(), fc.nat(), (done, whole) => void expect(ofBytes(done, whole)).toMatch(/^[\d.]+ of [\d.]+ [kMGT]?B$/)));
  });

  it('of a rate do not round something to nothing', () => {
    expect([0, 0.2, 0.99, 1, 34_200].map(perMinute)).toEqual(['0', '<1', '<1', '1', '34k']);
  });

  it('of cents and millions keep what is asked for', () => {
    expect([0.0049, 0.01, 0.996, 9.999, 999.99, 1000].map(money)).toEqual(['<$0.01', '$0.01', '$1.00', '$10.00', '$999.99', '$1,000']);
    expect([4_122_400, 41_224_000, 999_600_000].map(count)).toEqual(['4.1M', '41.2M', '1B']);
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
