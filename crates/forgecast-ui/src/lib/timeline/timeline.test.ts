import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clampRevision, extendTimeline, adjacentPhase, revisionAt, spansAt, timeOf } from './timeline';
import type { Timeline } from '../generated/wire';

const T0 = Date.parse('2026-11-22T08:00:00.000Z');
const iso = (ms: number) => new Date(T0 + ms).toISOString();

function answer(over: Partial<Timeline>): Timeline {
  return { session: 'a~1', revision: 0, first_revision: 1, spans: [], marks: [], times: [], left_out: 0, ...over };
}

const FIRST = answer({
  revision: 10,
  spans: [
    { phase: 'Scout', attempt: 1, status: 'completed', revision: 1, at: iso(0), ended_revision: 4, ended_at: iso(4_000) },
    { phase: 'Builder', attempt: 1, status: 'active', revision: 4, at: iso(4_000) },
  ],
  marks: [{ revision: 3, at: iso(3_000), kind: 'agent', label: 'b1' }],
  times: [
    [1, iso(0)],
    [4, iso(4_000)],
    [10, iso(20_000)],
  ],
});

describe('a timeline', () => {
  it('goes on with what followed, and a span that ended since ends', () => {
    const rest = answer({
      revision: 12,
      spans: [
        { phase: 'Builder', attempt: 1, status: 'completed', revision: 4, at: iso(4_000), ended_revision: 11, ended_at: iso(25_000) },
        { phase: 'Test', attempt: 1, status: 'active', revision: 11, at: iso(25_000) },
      ],
      marks: [{ revision: 12, at: iso(26_000), kind: 'tests_failed', label: 'run 1: 2 failed' }],
      times: [
        [11, iso(25_000)],
        [12, iso(26_000)],
      ],
    });
    const timeline = extendTimeline(extendTimeline(undefined, FIRST), rest);
    expect(timeline.revision).toBe(12);
    expect(timeline.spans.map(({ phase, to }) => [phase, to?.revision])).toEqual([
      ['Scout', 4],
      ['Builder', 11],
      ['Test', undefined],
    ]);
    expect(timeline.marks.map(({ revision }) => revision)).toEqual([3, 12]);
    expect(timeline.times.map(({ revision }) => revision)).toEqual([1, 4, 10, 11, 12]);
    // The same answer twice adds nothing.
    expect(extendTimeline(timeline, rest)).toEqual(timeline);
  });

  it('knows the time of a revision and the revision of a time, also between those that were told', () => {
    const timeline = extendTimeline(undefined, FIRST);
    expect(timeOf(timeline, 1)).toBe(T0);
    expect(timeOf(timeline, 2)).toBeCloseTo(T0 + 1_333, -1);
    expect(timeOf(timeline, 99)).toBe(T0 + 20_000);
    expect(revisionAt(timeline, T0 - 1)).toBe(1);
    expect(revisionAt(timeline, T0 + 3_900)).toBe(3);
    expect(revisionAt(timeline, T0 + 4_000)).toBe(4);
    expect(revisionAt(timeline, T0 + 1e9)).toBe(10);
  });

  it('has a revision for every time, which is the newest that had come by then', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 9_000 })), { minLength: 1, maxLength: 60 }), (steps) => {
        const times: [number, string][] = [[1, iso(0)]];
        let [revision, ms] = [1, 0];
        for (const [by, passed] of steps) times.push([(revision += by), iso((ms += 10 * passed))]);
        const timeline = extendTimeline(undefined, answer({ revision, times }));
        for (let at = 1; at <= revision; at += 1) {
          const shown = revisionAt(timeline, timeOf(timeline, at)!);
          // Of several that came in one millisecond the last is shown.
          expect(shown).toBeGreaterThanOrEqual(at);
          expect(timeOf(timeline, shown)).toBeCloseTo(timeOf(timeline, at)!, 0);
        }
      }),
    );
  });

  it('finds the phases around a revision and the attempts at work in it', () => {
    const timeline = extendTimeline(undefined, FIRST);
    expect(adjacentPhase(timeline, 2, 1)).toBe(4);
    expect(adjacentPhase(timeline, 4, -1)).toBe(1);
    expect(adjacentPhase(timeline, 7, -1)).toBe(4);
    expect(adjacentPhase(timeline, 7, 1)).toBeUndefined();
    expect(spansAt(timeline, 3).map(({ phase }) => phase)).toEqual(['Scout']);
    expect(spansAt(timeline, 4).map(({ phase }) => phase)).toEqual(['Builder']);
    expect([clampRevision(timeline, -5), clampRevision(timeline, 4.4), clampRevision(timeline, 1e9)]).toEqual([1, 4, 10]);
  });
});
