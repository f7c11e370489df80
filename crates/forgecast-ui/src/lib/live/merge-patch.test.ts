import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vectors } from '../testing/vectors';
import { mergePatch, mergePatchInto, isObject, reconcile, jsonEqual, type Json, type JsonObject } from './merge-patch';

interface Vector {
  name: string;
  before: Json;
  patch: Json;
  after: Json;
}

/** Keys as producers choose them, hostile ones among them. */
const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'phase', 'tasks') },
  { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom('toString', 'hasOwnProperty', 'length', '0') },
);
function tree(leaf: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return fc.letrec<{ tree: Json }>((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(key, tie('tree'), { maxKeys: 4 })),
  })).tree;
}
const leaf: fc.Arbitrary<Json> = fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean());
/** A state: holds no null. */
const state = fc.dictionary(key, tree(leaf), { maxKeys: 5 }) as fc.Arbitrary<JsonObject>;
const patch = fc.dictionary(key, tree(fc.oneof(leaf, fc.constant(null))), { maxKeys: 5 }) as fc.Arbitrary<JsonObject>;
const copy = <T>(value: T): T => structuredClone(value);
/** The same content without dictionaries' own prototypes, which `toEqual` would tell apart. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the vectors that the Rust side tests too', () => {
  it.each(vectors<Vector[]>('merge-patch').map((vector) => [vector.name, vector] as const))('%s', (_, { before, patch: by, after }) => {
    expect(mergePatch(before, by)).toEqual(after);
    if (isObject(before) && isObject(by)) {
      const target = copy(before);
      mergePatchInto(target, by);
      expect(target).toEqual(after);
    }
  });
});

describe('the examples of RFC 7396', () => {
  const EXAMPLES: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  it.each(EXAMPLES)('%j by %j is %j', (target, by, result) => {
    expect(mergePatch(target, by)).toEqual(result);
  });
});

describe('merging', () => {
  it('in place and as a function gives the same', () => {
    fc.assert(
      fc.property(state, patch, (before, by) => {
        const target = copy(before);
        mergePatchInto(target, by);
        expect(plain(target)).toEqual(plain(mergePatch(before, by)));
      }),
    );
  });

  it('changes neither the state nor the patch', () => {
    fc.assert(
      fc.property(state, patch, (before, by) => {
        const [wasBefore, wasBy] = [copy(before), copy(by)];
        mergePatch(before, by);
        expect(before).toEqual(wasBefore);
        expect(by).toEqual(wasBy);
      }),
    );
  });

  it('twice is the same as once, and the second time nothing is made anew', () => {
    fc.assert(
      fc.property(state, patch, (before, by) => {
        const once = mergePatch(before, by);
        expect(plain(mergePatch(once, by))).toEqual(plain(once));
      }),
    );
  });

  it('keeps the parts that the patch does not name', () => {
    const before: JsonObject = { tests: { passed: 1 }, agents: { a: { status: 'active' }, b: { status: 'idle' } } };
    const after = mergePatch(before, { agents: { a: { status: 'completed' } } }) as JsonObject;
    expect(after['tests']).toBe(before['tests']);
    expect((after['agents'] as JsonObject)['b']).toBe((before['agents'] as JsonObject)['b']);
    expect(mergePatch(before, { tests: { passed: 1 } })).toBe(before);
  });

  it('in place writes nothing where nothing differs', () => {
    const writes: string[] = [];
    const spy = new Proxy(
      { a: { b: 1 }, list: [1, { c: 2 }] },
      {
        set: (target, name, value) => {
          writes.push(String(name));
          return Reflect.set(target, name, value);
        },
      },
    );
    mergePatchInto(spy, { a: { b: 1 }, list: [1, { c: 2 }] });
    reconcile(spy, { a: { b: 1 }, list: [1, { c: 2 }] });
    expect(writes).toEqual([]);
  });
});

describe('a snapshot that replaces a state', () => {
  it('makes it equal', () => {
    fc.assert(
      fc.property(state, state, (before, after) => {
        const target = copy(before);
        reconcile(target, after);
        expect(plain(target)).toEqual(plain(after));
        expect(jsonEqual(target, after)).toBe(true);
      }),
    );
  });

  it('keeps the objects that stay', () => {
    const kept = { status: 'active' };
    const target: JsonObject = { agents: { a: kept, gone: {} } };
    reconcile(target, { agents: { a: { status: 'idle' } } });
    expect((target['agents'] as JsonObject)['a']).toBe(kept);
    expect(kept.status).toBe('idle');
  });
});

describe('keys that reach a prototype', () => {
  const hostile = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1},"a":{"__proto__":{"polluted":1}},"b":{"constructor":{"polluted":1}}}',
  ) as JsonObject;

  it('are not followed', () => {
    const target: JsonObject = { a: {}, b: 1 };
    mergePatchInto(target, hostile);
    reconcile(target, hostile);
    const after = mergePatch({ a: {} }, hostile) as JsonObject;
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect((Object as unknown as { polluted?: number }).polluted).toBeUndefined();
    for (const result of [target, after]) {
      expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
      expect(Object.keys(result).sort()).toEqual(['a', 'b']);
      expect(Object.keys(result['a'] as JsonObject)).toEqual([]);
    }
  });

  it('do not make an inherited value look like one that is held', () => {
    expect(mergePatch({}, { toString: { a: 1 } })).toEqual({ toString: { a: 1 } });
  });
});
