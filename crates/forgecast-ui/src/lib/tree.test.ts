import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tree } from './tree';

describe('the tree of agents', () => {
  it('puts those that were started below the one that started them', () => {
    const rows = tree({
      b: { status: 'active', parent: 'a', started_at: '2' },
      c: { status: 'active', parent: 'b', started_at: '3' },
      a: { status: 'active', started_at: '1' },
      d: { status: 'active', parent: 'a', started_at: '4' },
    });
    expect(rows.map(({ id, depth }) => `${id}${depth}`)).toEqual(['a0', 'b1', 'c2', 'd1']);
  });

  it('shows every agent exactly once, whatever the parents say', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'toString', 'nobody');
    const agents = fc.dictionary(id, fc.record({ status: fc.constant('active'), parent: id }));
    fc.assert(
      fc.property(agents, (given) => {
        expect(tree(given).map((row) => row.id).sort()).toEqual(Object.keys(given).sort());
      }),
    );
  });
});
