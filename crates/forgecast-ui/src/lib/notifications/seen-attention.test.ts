import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeenAttention } from './seen-attention';
import type { SessionRow } from '../generated/wire';

const row = (seq: number, id = 'shop~1', since = `2026-01-31T12:00:${String(seq).padStart(2, '0')}.000Z`): SessionRow => ({
  id,
  name: 'shop',
  source: 'live',
  status: 'failed',
  agents_active: 0,
  problems: 0,
  attention: { kind: 'failed', seq, since, text: '' },
});
const returning = (seen: SeenAttention) => new SeenAttention(seen.serialize());

describe('attention', () => {
  it('is told once for each number, and not for what needs none', () => {
    const seen = new SeenAttention(null);
    const { attention: _, ...quiet } = row(1);
    expect(seen.take(quiet, false)).toBeUndefined();
    expect(seen.take(row(1), false)?.seq).toBe(1);
    expect(seen.take(row(1), false)).toBeUndefined();
    expect(seen.take(row(3), false)?.seq).toBe(3);
    expect(seen.take(row(2), false)).toBeUndefined();
  });

  it('that a browser finds on its first visit is history', () => {
    const seen = new SeenAttention(null);
    expect(seen.take(row(4), true)).toBeUndefined();
    expect(seen.take(row(4), false)).toBeUndefined();
    expect(seen.take(row(5), false)?.seq).toBe(5);
  });

  it('that came while no page was open is told by the next one, and only by that', () => {
    const first = new SeenAttention(null);
    first.take(row(1), true);
    first.take(row(2), false);
    const next = returning(first);
    expect(next.take(row(2), true)).toBeUndefined();
    expect(next.take(row(3), true)?.seq).toBe(3);
    expect(next.take(row(1, 'new~1', '2026-01-31T12:01:00.000Z'), true)?.seq).toBe(1);
    const last = returning(next);
    expect(last.take(row(3), true)).toBeUndefined();
    expect(last.take(row(1, 'new~1', '2026-01-31T12:01:00.000Z'), true)).toBeUndefined();
  });

  it('of very many sessions does not pile up, and what is forgotten is not told again', () => {
    let seen = new SeenAttention(null);
    const many = Array.from({ length: 3_000 }, (_, at) => row(1, `s${at}~1`, `2026-01-31T12:00:00.${String(at).padStart(4, '0')}Z`));
    for (const one of many) expect(seen.take(one, false)).toBeDefined();
    seen = returning(seen);
    expect(seen.serialize().length).toBeLessThan(100_000);
    for (const one of many) expect(seen.take(one, true)).toBeUndefined();
  });

  it('reads back whatever was stored', () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => void new SeenAttention(JSON.stringify(json)).serialize()));
    for (const text of ['', 'null', '{}', '{"until":7}', '{"until":"","told":{"a":{"seq":"1"}}}']) {
      expect(new SeenAttention(text).take(row(1), false)).toBeDefined();
    }
  });
});
