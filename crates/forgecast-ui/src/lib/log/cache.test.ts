import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, LogCache, MAX_BLOCKS, MAX_CHARS } from './cache';
import type { LogLine, LogPage } from '../generated/wire';

const line = (offset: number, text = `line ${offset}`): LogLine => ({ offset, at: '2026-01-31T08:15:00.000Z', text });
const lines = (from: number, before: number) => Array.from({ length: before - from }, (_, at) => line(from + at));
const page = (from: number, before: number, over: Partial<LogPage> = {}): LogPage => ({
  first_offset: 0,
  next_offset: before,
  end_offset: 1_000_000,
  lines: lines(from, before),
  ...over,
});

describe('the lines that a tab holds of a log', () => {
  it('stand where the server numbers them, wherever that is', () => {
    const cache = new LogCache();
    cache.put(lines(999_500, 1_000_000));
    cache.putPage(400, page(400, 600), true);
    expect(cache.at(999_999)?.text).toBe('line 999999');
    expect(cache.at(400)?.text).toBe('line 400');
    expect(cache.at(600)).toBeUndefined();
    expect([cache.first, cache.end]).toEqual([0, 1_000_000]);
  });

  it('are the same objects when they come again', () => {
    const cache = new LogCache();
    cache.put(lines(0, 10));
    const held = cache.at(5);
    cache.putPage(0, page(0, 100), true);
    expect(cache.at(5)).toBe(held);
  });

  it('are bounded by number, those used last are kept', () => {
    const cache = new LogCache();
    cache.put(lines(0, BLOCK));
    for (let key = 1; key < 3 * MAX_BLOCKS; key += 1) {
      cache.put(lines(key * BLOCK, (key + 1) * BLOCK));
      cache.touch(0, BLOCK);
    }
    expect(cache.blocks).toBe(MAX_BLOCKS);
    expect(cache.at(0)).toBeDefined();
    expect(cache.at(BLOCK)).toBeUndefined();
    expect(cache.at((3 * MAX_BLOCKS - 1) * BLOCK)).toBeDefined();
  });

  it('are bounded by their text', () => {
    const cache = new LogCache();
    const long = 'x'.repeat(100_000);
    for (let offset = 0; offset < 1_000; offset += 1) cache.put([line(offset * BLOCK, long)]);
    expect(cache.blocks * long.length).toBeLessThanOrEqual(MAX_CHARS);
  });

  it('of which some were forgotten begin later', () => {
    const cache = new LogCache();
    cache.putPage(0, page(800_000, 800_200, { first_offset: 800_000, next_offset: 800_200 }), true);
    expect(cache.first).toBe(800_000);
    expect(cache.missing(0, 800_200, 600)).toBeUndefined();
  });

  it('that the server has not are not asked for again', () => {
    const cache = new LogCache();
    cache.putPage(0, page(0, 0, { lines: [line(0), line(BLOCK + 1)], next_offset: 2 * BLOCK, end_offset: 2 * BLOCK }), true);
    expect(cache.at(7)).toBeNull();
    expect(cache.missing(0, 2 * BLOCK, 600)).toBeUndefined();
  });
});

describe('what is missing', () => {
  it('is whole blocks, once each, at most so many lines', () => {
    const cache = new LogCache();
    cache.put(lines(999_900, 1_000_000));
    expect(cache.missing(450, 700, 600)).toEqual([400, 800]);
    expect(cache.missing(0, 500_000, 600)).toEqual([0, 600]);
    cache.putPage(400, page(400, 600), true);
    expect(cache.missing(450, 700, 600)).toEqual([600, 800]);
  });

  it('fetched until nothing is missing makes every line in sight', () => {
    const bounds = fc.tuple(fc.nat(5_000), fc.integer({ min: 1, max: 500 }));
    fc.assert(
      fc.property(fc.integer({ min: 5_000, max: 6_000 }), fc.array(bounds, { maxLength: 10 }), (end, windows) => {
        const cache = new LogCache();
        cache.put(lines(end - 10, end));
        for (const [from, length] of windows) {
          let asked = 0;
          for (let next = cache.missing(from, from + length, 600); next; next = cache.missing(from, from + length, 600)) {
            cache.putPage(next[0], page(next[0], next[1], { end_offset: end }), true);
            expect((asked += 1)).toBeLessThan(10);
          }
          for (let at = from; at < Math.min(end, from + length); at += 1) expect(cache.at(at)?.offset).toBe(at);
        }
      }),
      { numRuns: 30 },
    );
  });
});
