import { describe, expect, it } from 'vitest';
import type { TimelineMark } from './timeline';
import { clusterMarks, KINDS, describeMark, SHAPES } from './marks';

const mark = (at: number, kind: TimelineMark['kind'], label = ''): TimelineMark => ({ revision: at, at, kind, label });

describe('marks', () => {
  it('that stand in one place are one, which shows what matters most', () => {
    const marks = [mark(1, 'agent'), mark(2, 'tests_failed'), mark(3, 'agent'), mark(90, 'completed')];
    const clusters = clusterMarks(marks, (ms) => ms / 100, 10);
    expect(clusters.map(({ kind, x, marks }) => [kind, x, marks.length])).toEqual([
      ['tests_failed', 0.02, 3],
      ['completed', 0.9, 1],
    ]);
    expect(clusterMarks([mark(100, 'error')], () => 1, 10)).toHaveLength(1);
  });

  it('have a shape of their own each, not only a color', () => {
    expect(new Set(KINDS.map((kind) => SHAPES[kind].shape)).size).toBe(KINDS.length);
    expect(KINDS).toHaveLength(Object.keys(SHAPES).length);
    expect(describeMark(mark(1, 'error', 'no disk'))).toBe('Error: no disk');
    expect(describeMark(mark(1, 'stalled'))).toBe('Stalled');
  });
});
