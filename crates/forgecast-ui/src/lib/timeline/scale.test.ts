import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, Scale, ticks } from './scale';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const moments = fc
  .array(fc.integer({ min: 0, max: 3 * HOUR }), { minLength: 1, maxLength: 50 })
  .map((steps) => steps.reduce<number[]>((all, step) => [...all, (all.at(-1) ?? 1e12) + step], []));

describe('a scale', () => {
  it('draws a night short, and an hour of work in proportion', () => {
    const work = Array.from({ length: 61 }, (_, at) => at * MINUTE);
    const scale = new Scale([...work, 10 * HOUR, 10 * HOUR + 30 * MINUTE].map((ms) => 1e12 + ms));
    const night = scale.stretches.find(({ idle }) => idle)!;
    expect(night.to - night.from).toBe(9 * HOUR);
    expect(night.right - night.left).toBeLessThan(0.12);
    expect(scale.x(1e12 + 30 * MINUTE) / scale.x(1e12 + HOUR)).toBeCloseTo(0.5);
  });

  it('does not call a phase at work idle', () => {
    expect(new Scale([0, 10 * MINUTE, 20 * MINUTE]).stretches).toEqual([{ from: 0, to: 20 * MINUTE, left: 0, right: 1, idle: false }]);
  });

  it('leads from a time to its place and back, and never backwards', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: 20 * HOUR }), (times, later) => {
        const scale = new Scale(times, times.at(-1)! + later);
        let before = -1;
        for (const time of times) {
          const x = scale.x(time);
          expect(x).toBeGreaterThanOrEqual(before);
          expect(x).toBeLessThanOrEqual(1);
          if (scale.to > scale.from) expect(Math.abs(scale.ms(x) - time)).toBeLessThan(1);
          before = x;
        }
        if (scale.to > scale.from) expect([scale.ms(0), scale.ms(1)]).toEqual([scale.from, scale.to]);
      }),
    );
  });

  it('of a single moment is the present', () => {
    const scale = new Scale([5]);
    expect([scale.x(5), scale.ms(0.3), scale.stretches]).toEqual([1, 5, []]);
    expect(new Scale([]).x(7)).toBe(1);
  });

  it('has labels at round times, in order, none within a silence', () => {
    const work = Array.from({ length: 61 }, (_, at) => at * MINUTE);
    const { times, stepMs } = ticks(new Scale([...work, ...work.map((at) => at + 20 * HOUR)]), 900);
    expect(stepMs).toBe(15 * MINUTE);
    expect(times.map((time) => time / MINUTE)).toEqual([0, 15, 30, 45, 60, 1200, 1215, 1230, 1245, 1260]);
    const zoned = ticks(new Scale([0, (10 * HOUR) / 60]), 900, 30 * MINUTE);
    expect((zoned.times[0]! + 30 * MINUTE) % zoned.stepMs).toBe(0);
    expect(ticks(new Scale([5]), 900).times).toEqual([]);
  });
});

describe('a playback', () => {
  it('goes as fast as it is told, and through silences in a moment', () => {
    const work = Array.from({ length: 11 }, (_, at) => at * MINUTE);
    const scale = new Scale([...work, 9 * HOUR, 9 * HOUR + MINUTE]);
    expect(advance(scale, 0, 1_000, 10)).toBe(10_000);
    expect(advance(scale, 10 * MINUTE, 700, 1)).toBeCloseTo(9 * HOUR);
    expect(advance(scale, 10 * MINUTE - 10_000, 1_000 + 700 + 500, 10)).toBeCloseTo(9 * HOUR + 5_000);
    expect(advance(scale, 9 * HOUR, 1e9, 60)).toBe(scale.to);
  });

  it('comes to the end and never goes back', () => {
    fc.assert(
      fc.property(moments, fc.constantFrom(1, 4, 10, 60), (times, speed) => {
        const scale = new Scale(times);
        let at = scale.from;
        for (let frame = 0; frame < 40; frame += 1) {
          const next = advance(scale, at, 16, speed);
          expect(next).toBeGreaterThanOrEqual(at);
          expect(next).toBeLessThanOrEqual(scale.to);
          at = next;
        }
        expect(advance(scale, at, 1e12, speed)).toBe(scale.to);
      }),
    );
  });
});
