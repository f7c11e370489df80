// Marks on a scale of time: their shapes and words, and which of them stand so near each other that they are one. Pure.

import type { TimelineMark } from './timeline';
import type { MarkKind } from '../generated/wire';

/** The ones that matter most first: of several in one place the first is shown. */
export const KINDS: readonly MarkKind[] = [
  'failed',
  'completed',
  'abandoned',
  'tests_failed',
  'error',
  'budget',
  'waiting',
  'stalled',
  'tests_passed',
  'resumed',
  'agent',
];

export const SHAPES: Record<MarkKind, { shape: string; word: string; tone: string }> = {
  completed: { shape: '✓', word: 'Completed', tone: 'good' },
  failed: { shape: '✕', word: 'Failed', tone: 'bad' },
  abandoned: { shape: '∅', word: 'Abandoned', tone: 'off' },
  budget: { shape: '$', word: 'Budget', tone: 'warn' },
  waiting: { shape: '‖', word: 'Waiting', tone: 'wait' },
  stalled: { shape: '◔', word: 'Stalled', tone: 'warn' },
  resumed: { shape: '▸', word: 'Resumed', tone: 'off' },
  tests_failed: { shape: '▼', word: 'Tests failed', tone: 'bad' },
  tests_passed: { shape: '▲', word: 'Tests passed', tone: 'good' },
  error: { shape: '!', word: 'Error', tone: 'bad' },
  agent: { shape: '•', word: 'Agent', tone: 'accent' },
};

/** Marks that stand in one place. */
export interface Cluster {
  /** 0 to 1. */
  x: number;
  /** The one that is shown. */
  kind: MarkKind;
  marks: readonly TimelineMark[];
}

/** Marks in so many columns; those of one column are one. */
export function clusterMarks(marks: readonly TimelineMark[], x: (ms: number) => number, columns: number): Cluster[] {
  const byColumn = new Map<number, { x: number; kind: MarkKind; marks: TimelineMark[] }>();
  for (const mark of marks) {
    const place = x(mark.at);
    const column = Math.min(columns - 1, Math.floor(place * columns));
    const held = byColumn.get(column);
    if (!held) {
      byColumn.set(column, { x: place, kind: mark.kind, marks: [mark] });
      continue;
    }
    held.marks.push(mark);
    if (KINDS.indexOf(mark.kind) < KINDS.indexOf(held.kind)) {
      held.kind = mark.kind;
      held.x = place;
    }
  }
  return [...byColumn.values()];
}

/** What a mark says, in one line. */
export function describeMark(mark: TimelineMark): string {
  const { word } = SHAPES[mark.kind];
  return mark.label === '' ? word : `${word}: ${mark.label}`;
}
