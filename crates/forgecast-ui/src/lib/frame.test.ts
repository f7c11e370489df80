import { describe, expect, it } from 'vitest';
import { Batch } from './frame';

function host(hidden: boolean) {
  const frames: (() => void)[] = [];
  const timers: (() => void)[] = [];
  const batch = new Batch({ hidden: () => hidden, frame: (run) => frames.push(run), later: (run) => timers.push(run) });
  return { batch, frames, timers };
}

describe('a batch', () => {
  it('makes many changes in one frame, in order', () => {
    const { batch, frames } = host(false);
    const done: number[] = [];
    for (const at of [1, 2, 3]) batch.add(() => done.push(at));
    expect([frames.length, done.length]).toEqual([1, 0]);
    frames[0]!();
    expect(done).toEqual([1, 2, 3]);
  });

  it('is made by a timer where there are no frames, and once', () => {
    const { batch, frames, timers } = host(true);
    let done = 0;
    batch.add(() => (done += 1));
    expect(frames).toHaveLength(0);
    timers.forEach((run) => run());
    timers.forEach((run) => run());
    expect(done).toBe(1);
  });

  it('does not grow without bound while nothing is painted', () => {
    const { batch } = host(false);
    let done = 0;
    for (let at = 0; at < 10_000; at += 1) batch.add(() => (done += 1));
    expect(done).toBeGreaterThan(9_000);
  });
});
