import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowPool } from './row-pool';

const own = (item: string) => item;
const places = (slots: RowPool<string>, items: string, taken?: number) =>
  Object.fromEntries(slots.assign([...items], own, taken).map(({ slot, item }) => [item, slot]));

describe('the places of the rows in sight', () => {
  it('are kept by rows that stay and taken over by rows that come', () => {
    const slots = new RowPool<string>();
    const before = places(slots, 'abcd');
    const after = places(slots, 'cdef');
    expect([after['c'], after['d']]).toEqual([before['c'], before['d']]);
    expect(new Set([after['e'], after['f']])).toEqual(new Set([before['a'], before['b']]));
  });

  it('are not given away while somebody is in them', () => {
    const slots = new RowPool<string>();
    const before = places(slots, 'ab');
    const after = places(slots, 'cd', before['a']);
    expect(Object.values(after)).not.toContain(before['a']);
  });

  it('are one for each row, in the order of the rows, and no more than were ever in sight', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 6 })), (steps) => {
        const slots = new RowPool<string>();
        let last: Record<string, number> = {};
        for (const items of steps) {
          const placed = slots.assign(items, own);
          expect(placed.map(({ item }) => item)).toEqual(items);
          expect(new Set(placed.map(({ slot }) => slot)).size).toBe(items.length);
          for (const { slot, item } of placed) if (last[item] !== undefined) expect(slot).toBe(last[item]);
          last = Object.fromEntries(placed.map(({ slot, item }) => [item, slot]));
        }
      }),
    );
  });
});
