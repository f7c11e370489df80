import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { mergePatch, type Json, type JsonObject } from './merge-patch';
import { RafBatch } from './raf-batch';
import { TopicState } from './topic.svelte';

let hidden: boolean;
let frames: (() => void)[];
let shown: () => void;
let topic: TopicState<JsonObject>;

beforeEach(() => {
  hidden = false;
  frames = [];
  shown = () => undefined;
  const batch = new RafBatch({
    hidden: () => hidden,
    shown: (run) => (shown = run),
    frame: (run) => frames.push(run),
    later: () => undefined,
  });
  topic = new TopicState(batch);
});

const painted = () => frames.splice(0).forEach((run) => run());
const look = (now: boolean) => {
  hidden = !now;
  if (now) shown();
};
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a topic', () => {
  it('is shown with the next frame', () => {
    topic.snapshot({ n: 1 }, 'x');
    topic.patch({ n: 2 });
    expect(topic.state).toBeUndefined();
    painted();
    expect(topic.state).toEqual({ n: 2 });
  });

  it('stands still while nobody looks, and is where it should be when somebody does', () => {
    topic.snapshot({ n: 1, kept: { a: 1 } }, 'x');
    painted();
    const kept = topic.state?.['kept'];
    topic.patch({ n: 2 });
    look(false);
    for (let n = 3; n < 10_000; n += 1) topic.patch({ n, extra: { [`k${n}`]: n, [`k${n - 1}`]: null } });
    topic.confirmed();
    expect([topic.state?.['n'], topic.confirmedAt, frames.length]).toEqual([2, 0, 1]);
    look(true);
    expect(topic.state).toEqual({ n: 9_999, kept: { a: 1 }, extra: { k9999: 9_999 } });
    expect(topic.state?.['kept']).toBe(kept);
    expect(topic.confirmedAt).toBeGreaterThan(0);
  });

  it('that is sent whole while nobody looks goes on from there', () => {
    look(false);
    topic.snapshot({ n: 5 }, 'x');
    topic.patch({ n: 6 });
    expect(topic.state).toBeUndefined();
    look(true);
    expect(topic.state).toEqual({ n: 6 });
  });

  it('that was replaced by a poll is not changed by what was said before', () => {
    topic.snapshot({ n: 1 }, 'x');
    painted();
    topic.patch({ n: 2 });
    topic.replace({ n: 3 });
    painted();
    expect(topic.state).toEqual({ n: 3 });
  });

  it('ends as if somebody had looked all the time, whenever somebody did', () => {
    const leaf = fc.oneof(fc.integer(), fc.constant(null), fc.string({ maxLength: 2 })) as fc.Arbitrary<Json>;
    const key = fc.constantFrom('a', 'b', 'c');
    const part = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)));
    const step = fc.oneof(
      part.map((patch) => ({ patch }) as const),
      part.map((state) => ({ state: mergePatch({}, state as Json) }) as const),
      fc.boolean().map((looks) => ({ looks }) as const),
      fc.constant({ frame: true } as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const host: { hidden: boolean; frames: (() => void)[]; shown: () => void } = { hidden: false, frames: [], shown: () => undefined };
        const one = new TopicState<JsonObject>(
          new RafBatch({ hidden: () => host.hidden, shown: (run) => (host.shown = run), frame: (run) => host.frames.push(run), later: () => undefined }),
        );
        let oracle: Json = { a: 1 };
        one.snapshot(plain(oracle), 'x');
        for (const at of steps) {
          if ('patch' in at) {
            oracle = mergePatch(oracle, at.patch);
            one.patch(plain(at.patch));
          } else if ('state' in at) {
            oracle = at.state;
            one.snapshot(plain(at.state), 'x');
          } else if ('looks' in at) {
            const before = host.hidden;
            host.hidden = !at.looks;
            if (before && at.looks) host.shown();
          } else {
            host.frames.splice(0).forEach((run) => run());
          }
        }
        host.hidden = false;
        host.shown();
        host.frames.splice(0).forEach((run) => run());
        expect(plain(one.state)).toEqual(plain(oracle));
      }),
    );
  });
});
