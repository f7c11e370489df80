import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Matches, type AskMatches } from './matches';
import type { LogLine } from '../generated/wire';

const filter = { level: 'debug', text: 'hit' } as const;
const line = (offset: number, text: string): LogLine => ({ offset, at: '', text });

/** A server whose every tenth line matches, and which looks at a hundred lines at a time. */
function server(state: { end: number; down?: boolean }): AskMatches {
  return (_, offset) => {
    if (state.down) return Promise.reject(new Error('away'));
    const next = Math.min(state.end, offset + 100);
    const offsets = [];
    for (let at = offset; at < next; at += 1) if (at % 10 === 0) offsets.push(at);
    return Promise.resolve({ first_offset: 0, next_offset: next, end_offset: state.end, offsets });
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the matches of a filter', () => {
  it('are all found, part by part', async () => {
    let told = 0;
    const matches = new Matches(filter, 0, 950, server({ end: 950 }), () => (told += 1));
    expect(matches.done).toBe(false);
    await vi.runAllTimersAsync();
    expect(matches.done).toBe(true);
    expect(matches.offsets).toEqual(Array.from({ length: 95 }, (_, at) => at * 10));
    expect(told).toBe(10);
  });

  it('go on with the lines that come', async () => {
    const matches = new Matches(filter, 0, 100, server({ end: 100 }), () => {});
    await vi.runAllTimersAsync();
    matches.tail(100, [line(100, 'no'), line(101, 'a HIT'), line(102, 'no')]);
    expect(matches.offsets.at(-1)).toBe(101);
    expect([matches.scanned, matches.end]).toEqual([103, 103]);
  });

  it('of lines that were left out are asked for, none twice', async () => {
    const state = { end: 100 };
    const matches = new Matches(filter, 0, 100, server(state), () => {});
    await vi.runAllTimersAsync();
    state.end = 160;
    matches.tail(
      150,
      Array.from({ length: 10 }, (_, at) => line(150 + at, 'hit')),
    );
    await vi.runAllTimersAsync();
    expect(matches.offsets.slice(10)).toEqual([100, 110, 120, 130, 140, 150]);
    expect(matches.done).toBe(true);
  });

  it('are asked for again when the server did not answer', async () => {
    const state = { end: 300, down: true };
    const matches = new Matches(filter, 0, 300, server(state), () => {});
    await vi.advanceTimersByTimeAsync(100);
    expect(matches.failed).toBe(true);
    state.down = false;
    await vi.runAllTimersAsync();
    expect([matches.failed, matches.offsets.length]).toEqual([false, 30]);
  });

  it('know how many stand before a line', async () => {
    const matches = new Matches(filter, 0, 100, server({ end: 100 }), () => {});
    await vi.runAllTimersAsync();
    expect([0, 1, 10, 55, 99].map((offset) => matches.before(offset))).toEqual([0, 1, 1, 6, 10]);
  });

  it('are found no more once another filter is chosen', async () => {
    const matches = new Matches(filter, 0, 950, server({ end: 950 }), () => {});
    matches.stop();
    await vi.runAllTimersAsync();
    expect(matches.offsets).toEqual([]);
  });
});
