import { describe, expect, it } from 'vitest';
import type { Mark } from './timeline';
import { clustered, KINDS, said, SHAPES } from './marks';

const mark = (at: number, kind: Mark['kind'], label = ''): Mark => ({ revision: at, at, kind, label });

describe('marks', () => {
  it('that stand in one place are one, which shows what matters most', () => {
    const marks = [mark(1, 'agent'), mark(2, 'tests_failed'), mark(3, 'agent'), mark(90, 'completed')];
    const clusters = clustered(marks, (ms) => ms / 100, 10);
    expect(clusters.map(({ kind, x, marks }) => [kind, x, marks.length])).toEqual([
      ['tests_failed', 0.02, 3],
      ['completed', 0.9, 1],
    ]);
    expect(clustered([mark(100, 'error')], () => 1, 10)).toHaveLength(1);
  });

  it('have a shape of their own each, not only a colour', () => {
    expect(new Set(KINDS.map((kind) => SHAPES[kind].shape)).size).toBe(KINDS.length);
    expect(KINDS).toHaveLength(Object.keys(SHAPES).length);
    expect(said(mark(1, 'error', 'no disk'))).toBe('Error: no disk');
    expect(said(mark(1, 'stalled'))).toBe('Quiet');
  });
});
