import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PX, Scroller } from './scroller';

function scroller(count: number, heights?: (index: number) => number | undefined): Scroller {
  const made = new Scroller();
  made.view = 600;
  made.count = count;
  made.measured = heights;
  return made;
}
const place = (of: Scroller) => [of.index, Math.round(of.into)];

describe('a list of a million rows', () => {
  it('is never higher than a browser can be', () => {
    expect(scroller(1_000_000).height).toBe(MAX_PX);
    expect(scroller(1_000).height).toBe(20_000);
  });

  it('is spanned by the bar from end to end', () => {
    const list = scroller(1_000_000);
    list.scrolled(list.height - list.view);
    expect(list.atEnd).toBe(true);
    expect(list.index).toBe(1_000_000 - 30);
    list.scrolled(list.height / 2);
    expect(Math.abs(list.index - 500_000)).toBeLessThan(100);
    list.scrolled(0);
    expect(place(list)).toEqual([0, 0]);
  });

  it('moves by a wheel as much as the wheel says, and the bar can be put right without moving the rows', () => {
    const list = scroller(1_000_000);
    list.to(400_000);
    const from = list.index;
    for (let step = 0; step < 50; step += 1) list.scrolled(list.physical + 100);
    expect(list.index).toBe(from + 250);
    expect(list.ideal).not.toBe(list.physical);
    const inSight = list.topOf(list.index) - list.physical;
    list.physical = list.ideal;
    expect(list.topOf(list.index) - list.physical).toBe(inSight);
  });

  it('says when the bar ran out before the list did', () => {
    const list = scroller(1_000_000);
    list.to(10_000);
    while (list.physical > 0) list.scrolled(Math.max(0, list.physical - 500));
    expect(list.index).toBeGreaterThan(0);
    expect(list.stuck).toBe(true);
    list.physical = list.ideal;
    expect(list.stuck).toBe(false);
  });

  it('stays where it is while rows come and while the oldest go', () => {
    const list = scroller(1_000_000);
    list.to(500_000, 7);
    const [index, into] = place(list);
    list.resize(1_000_500);
    expect(place(list)).toEqual([index, into]);
    list.resize(1_000_000, 500);
    expect(place(list)).toEqual([index! - 500, into]);
  });
});

describe('any list', () => {
  const heights = fc.array(fc.integer({ min: 20, max: 900 }), { minLength: 1, maxLength: 80 });
  const moves = fc.array(fc.integer({ min: -2_000, max: 2_000 }), { maxLength: 30 });

  it('shows rows without a hole wherever it is moved', () => {
    fc.assert(
      fc.property(heights, moves, (rows, by) => {
        const list = scroller(rows.length, (at) => rows[at]);
        const whole = rows.reduce((sum, height) => sum + height, 0);
        for (const move of by) {
          list.scrolled(list.physical + move);
          expect(list.index).toBeGreaterThanOrEqual(0);
          expect(list.index).toBeLessThan(rows.length);
          expect(list.into).toBeGreaterThanOrEqual(0);
          const below = rows.slice(list.index).reduce((sum, height) => sum + height, 0) - list.into;
          expect(below).toBeGreaterThanOrEqual(Math.min(list.view, whole) - 0.001);
          const [from, before] = list.window(10);
          expect(from).toBeLessThanOrEqual(list.index);
          expect(before).toBeGreaterThan(list.index);
        }
      }),
    );
  });

  it('moved there and back is where it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 900_000 }), fc.integer({ min: 1, max: 1_200 }), (at, by) => {
        const list = scroller(1_000_000);
        list.to(at);
        const before = place(list);
        list.scrolled(list.physical + by);
        list.scrolled(list.physical - by);
        expect(place(list)).toEqual(before);
      }),
    );
  });

  it('shows what it is asked to show', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: 0, max: 999_999 }), (first, second) => {
        const list = scroller(1_000_000);
        list.to(first);
        list.show(second);
        const top = (second - list.index) * list.row - list.into;
        expect(top).toBeGreaterThanOrEqual(0);
        expect(top + list.row).toBeLessThanOrEqual(list.view + 0.001);
      }),
    );
  });

  it('of rows of other heights ends with its last row at the bottom', () => {
    const list = scroller(500, (at) => (at % 7 === 0 ? 140 : undefined));
    list.toEnd();
    expect(list.atEnd).toBe(true);
    let sum = -list.into;
    for (let at = list.index; at < list.count; at += 1) sum += list.heightOf(at);
    expect(sum).toBe(list.view);
  });
});
