import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogFilter } from './lines';
import type { LogPage } from '../generated/wire';
import type { LogQuery } from './lines';
import { LogCache } from './cache';
import { LogPageLoader } from './page-loader';

const FULL: LogFilter = { level: 'debug', text: '' };
const END = 100_000;

function fetching(answer: (from: number, limit: number, query: LogQuery) => Partial<LogPage> | undefined) {
  const asked: { from: number; limit: number; query: LogQuery; signal: AbortSignal }[] = [];
  const cache = new LogCache();
  cache.end = END;
  let loaded = 0;
  const pages = new LogPageLoader(
    cache,
    (query, signal) => {
      const [from, limit] = [Number(query['offset']), Number(query['limit'])];
      asked.push({ from, limit, query, signal });
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        const page = answer(from, limit, query);
        const lines = Array.from({ length: limit }, (_, at) => ({ offset: from + at, at: '', text: 'x' }));
        if (page) setTimeout(() => resolve({ first_offset: 0, next_offset: from + limit, end_offset: END, lines, ...page }), 10);
      });
    },
    () => (loaded += 1),
  );
  return { asked, cache, pages, loaded: () => loaded };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('lines in sight', () => {
  it('are fetched with what is near, and not again', async () => {
    const { asked, cache, pages } = fetching(() => ({}));
    pages.request({ filter: FULL, from: 50_000, before: 50_060 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked[0]).toMatchObject({ from: 50_000, limit: 200 });
    for (let at = 49_800; at < 50_300; at += 1) expect(cache.at(at)).toBeDefined();
    const before = asked.length;
    pages.request({ filter: FULL, from: 50_010, before: 50_070 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(before);
  });

  it('that are scrolled past are canceled, and never are more than two requests under way', async () => {
    const { asked, pages } = fetching(() => undefined);
    for (let at = 0; at < 20; at += 1) {
      pages.request({ filter: FULL, from: at * 4_000, before: at * 4_000 + 60 });
      await vi.advanceTimersByTimeAsync(50);
      expect(asked.filter(({ signal }) => !signal.aborted).length).toBeLessThanOrEqual(2);
    }
    expect(asked.filter(({ signal }) => !signal.aborted).map(({ from }) => from)).toContain(19 * 4_000);
    expect(asked.at(0)!.signal.aborted).toBe(true);
  });

  it('of a bar that is dragged fast are asked for where it rests', async () => {
    const { asked, pages } = fetching(() => ({}));
    for (let at = 0; at < 100; at += 1) pages.request({ filter: FULL, from: at * 900, before: at * 900 + 60 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked[0]!.from).toBe(Math.floor((99 * 900) / 200) * 200);
  });

  it('that do not come are asked for again after a while, not at once', async () => {
    const { asked, pages, loaded } = fetching(() => ({ lines: [], next_offset: 0 }));
    pages.request({ filter: FULL, from: 0, before: 60 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(loaded()).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(20);
  });

  it('of a filter are asked for with it, from the first that is missing', async () => {
    const filter: LogFilter = { level: 'warn', text: 'slow' };
    const offsets = [3, 900, 40_000];
    const { asked, cache, pages } = fetching(() => ({ lines: offsets.map((offset) => ({ offset, at: '', text: 'slow' })) }));
    pages.request({ filter, from: 3, before: 40_001, offsets });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked.map(({ query }) => query)).toEqual([{ offset: 3, limit: 3, level: 'warn', q: 'slow' }]);
    expect(cache.at(40_000)).toBeDefined();
  });

  it('are not fetched any more once nobody looks', async () => {
    const { asked, pages, loaded } = fetching(() => ({}));
    pages.request({ filter: FULL, from: 0, before: 60 });
    pages.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([asked.length, loaded()]).toEqual([0, 0]);
  });
});
