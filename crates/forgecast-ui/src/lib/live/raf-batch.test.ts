import { describe, expect, it } from 'vitest';
import { RafBatch } from './raf-batch';

function host(hidden: boolean) {
  const frames: (() => void)[] = [];
  const timers: (() => void)[] = [];
  const page = { hidden, shown: () => undefined as void };
  const batch = new RafBatch({
    hidden: () => page.hidden,
    shown: (run) => {
      page.shown = () => {
        page.hidden = false;
        run();
      };
    },
    frame: (run) => frames.push(run),
    later: (run) => timers.push(run),
  });
  return { batch, frames, timers, page };
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

  it('is made by a timer where frames do not come, and once', () => {
    const { batch, timers } = host(false);
    let done = 0;
    batch.add(() => (done += 1));
    timers.forEach((run) => run());
    timers.forEach((run) => run());
    expect(done).toBe(1);
  });

  it('asks for no frame and no timer while nobody looks, and is made when somebody does', () => {
    const { batch, frames, timers, page } = host(true);
    let done = 0;
    batch.add(() => (done += 1));
    batch.once(() => (done += 1));
    expect([frames.length, timers.length, done]).toEqual([0, 0, 0]);
    page.shown();
    expect(done).toBe(2);
  });

  it('waits as well when the tab is hidden between the asking and the frame', () => {
    const { batch, frames, timers, page } = host(false);
    let done = 0;
    batch.add(() => (done += 1));
    page.hidden = true;
    timers.forEach((run) => run());
    frames.forEach((run) => run());
    expect(done).toBe(0);
    page.shown();
    expect(done).toBe(1);
  });

  it('makes what is added again and again once, after everything else', () => {
    const { batch, frames } = host(false);
    const done: string[] = [];
    const last = () => done.push('last');
    batch.once(last);
    batch.add(() => done.push('first'));
    batch.once(last);
    frames[0]!();
    expect(done).toEqual(['first', 'last']);
  });

  it('does not grow without bound while nothing is painted', () => {
    const { batch } = host(false);
    let done = 0;
    for (let at = 0; at < 10_000; at += 1) batch.add(() => (done += 1));
    expect(done).toBeGreaterThan(9_000);
  });
});
