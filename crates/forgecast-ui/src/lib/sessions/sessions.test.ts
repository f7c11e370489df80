import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RafBatch } from '../live/raf-batch';
import { ORDER_MS, Sessions } from './sessions.svelte';
import type { SessionRow } from '../generated/wire';

function row(id: string, over: Partial<SessionRow> = {}): SessionRow {
  return { id, name: id, source: 'live', status: 'running', agents_active: 0, problems: 0, ...over };
}

/** The index of a page whose frames are asked for. */
function page(rows: SessionRow[]) {
  const host = { hidden: false, frames: [] as (() => void)[], shown: () => {} };
  const batch = new RafBatch({
    hidden: () => host.hidden,
    shown: (run) => (host.shown = run),
    frame: (run) => host.frames.push(run),
    later: () => {},
  });
  const index = new Sessions(batch);
  const frame = () => host.frames.splice(0).forEach((run) => run());
  index.snapshot({ sessions: Object.fromEntries(rows.map((one) => [one.id, one])), total: rows.length, problems: {} }, 'sessions');
  frame();
  return { index, frame, host };
}
const ids = (index: Sessions, filter = '') => index.list('all', filter, 'tokens', 0).map(({ id }) => id);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the index', () => {
  it('changes the rows that a patch names and leaves all others the objects that they were', () => {
    const { index, frame } = page([row('a'), row('b', { tests: { failed: 1 }, usage: { tokens: 1 } })]);
    const [a, b] = [index.row('a'), index.row('b')];
    index.patch({ sessions: { b: { usage: { tokens: 2 } } } });
    expect(index.row('b')).toBe(b);
    frame();
    expect(index.row('a')).toBe(a);
    expect(index.row('b')).not.toBe(b);
    expect(index.row('b')!.tests).toBe(b!.tests);
    expect(index.row('b')!.usage).toEqual({ tokens: 2 });
  });

  it('is the same after a snapshot that says the same', () => {
    const { index, frame } = page([row('a', { usage: { tokens: 1 } }), row('b')]);
    const held = index.row('a');
    index.snapshot({ sessions: { a: row('a', { usage: { tokens: 1 } }), c: row('c') }, total: 2, problems: {} }, 'sessions');
    frame();
    expect(index.row('a')).toBe(held);
    expect(index.row('b')).toBeUndefined();
    expect(index.row('c')).toBeDefined();
  });

  it('shows nothing of a row that is gone', () => {
    const { index, frame } = page([row('a'), row('b')]);
    vi.setSystemTime(Date.now() + 10_000);
    index.patch({ sessions: { a: null } });
    frame();
    expect(ids(index)).toEqual(['b']);
    expect(index.counts.all).toBe(1);
    index.patch({ sessions: { b: null } });
    frame();
    expect(index.list('all', '', 'tokens', 0).every((state) => state !== undefined)).toBe(true);
    expect(index.counts.all).toBe(0);
  });

  it('lists a row that just came from its frame on', () => {
    const { index, frame } = page([row('a')]);
    index.patch({ sessions: { b: row('b') } });
    expect(ids(index)).toEqual(['a']);
    vi.setSystemTime(Date.now() + ORDER_MS);
    frame();
    expect(new Set(ids(index))).toEqual(new Set(['a', 'b']));
  });

  it('is up to date after hours unseen, without having shown anything meanwhile', () => {
    const { index, frame, host } = page([row('a', { usage: { tokens: 1 } })]);
    host.hidden = true;
    const held = index.row('a');
    for (let at = 0; at < 20_000; at += 1) {
      index.patch({ sessions: { a: { usage: { tokens: at } }, [`new-${at % 7}`]: at % 14 < 7 ? row(`new-${at % 7}`) : null } });
      index.confirmed();
    }
    expect(host.frames).toHaveLength(0);
    expect(index.row('a')).toBe(held);
    host.hidden = false;
    host.shown();
    frame();
    expect(index.row('a')!.usage).toEqual({ tokens: 19_999 });
    expect(index.counts.all).toBe(ids(index).length);
  });

  it('holds as much after twenty thousand changes as before', () => {
    const { index, frame } = page(Array.from({ length: 50 }, (_, at) => row(`r${at}`)));
    for (let at = 0; at < 20_000; at += 1) {
      index.patch({ sessions: { [`r${at % 50}`]: { usage: { tokens: at } } } });
      frame();
    }
    vi.advanceTimersByTime(ORDER_MS);
    frame();
    expect(index.list('all', '', 'tokens', 0)).toHaveLength(50);
    expect(Object.keys(index.state!.sessions)).toHaveLength(50);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
  });
});
