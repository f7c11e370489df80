// The timeline of a session as its scale of time draws it: attempts at phases, marks, and when each revision came. Pure.

import { millis } from '../format';
import type { MarkKind, PhaseStatus, Timeline } from '../generated/wire';

export interface RevisionTime {
  revision: number;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface PhaseSpan {
  phase: string;
  attempt: number;
  status: PhaseStatus;
  from: RevisionTime;
  /** Undefined while it goes on. */
  to: RevisionTime | undefined;
}

export interface TimelineMark extends RevisionTime {
  kind: MarkKind;
  label: string;
}

export interface SessionTimeline {
  /** The oldest revision that can be seen. */
  first: number;
  /** The newest one that is known of. */
  revision: number;
  spans: readonly PhaseSpan[];
  marks: readonly TimelineMark[];
  /** Some of the revisions, the first and the last among them; times never go back. */
  times: readonly RevisionTime[];
  leftOut: number;
}

const EMPTY: SessionTimeline = { first: 1, revision: 0, spans: [], marks: [], times: [], leftOut: 0 };

/** What is known of a timeline after an answer that tells of what followed it (or of everything). */
export function extendTimeline(before: SessionTimeline | undefined, answer: Timeline): SessionTimeline {
  const known = before ?? EMPTY;
  const spans = new Map(known.spans.map((span) => [`${span.attempt} ${span.phase}`, span]));
  for (const span of answer.spans) {
    const to = span.ended_revision === undefined ? undefined : { revision: span.ended_revision, at: millis(span.ended_at) ?? 0 };
    spans.set(`${span.attempt} ${span.phase}`, {
      phase: span.phase,
      attempt: span.attempt,
      status: span.status,
      from: { revision: span.revision, at: millis(span.at) ?? 0 },
      to,
    });
  }
  const isNew = ({ revision }: { revision: number }) => revision > known.revision;
  const marks = answer.marks.filter(isNew).map((mark) => ({ ...mark, at: millis(mark.at) ?? 0 }));
  const times = answer.times.map(([revision, at]) => ({ revision, at: millis(at) ?? 0 })).filter(isNew);
  return {
    first: Math.max(known.first, answer.first_revision),
    revision: Math.max(known.revision, answer.revision),
    spans: [...spans.values()].sort((a, b) => a.from.revision - b.from.revision),
    marks: [...known.marks, ...marks],
    times: [...known.times, ...times],
    leftOut: known.leftOut + answer.left_out,
  };
}

/** The place of the last item for which `isBefore` holds; items for which it holds come first. */
function lastIndexWhere<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** When a revision came; between two known ones as if they had come evenly. */
export function timeOf(timeline: SessionTimeline, revision: number): number | undefined {
  const place = lastIndexWhere(timeline.times, (time) => time.revision <= revision);
  const before = timeline.times[Math.max(0, place)];
  const after = timeline.times[place + 1];
  if (!before || !after || place < 0) return before?.at;
  const share = (revision - before.revision) / (after.revision - before.revision);
  return before.at + share * (after.at - before.at);
}

/** The revision that was shown at a time; the first one before the beginning. */
export function revisionAt(timeline: SessionTimeline, ms: number): number {
  const place = lastIndexWhere(timeline.times, (time) => time.at <= ms);
  const before = timeline.times[Math.max(0, place)];
  const after = timeline.times[place + 1];
  if (!before) return timeline.first;
  if (!after || place < 0 || after.at <= before.at) return before.revision;
  const share = (ms - before.at) / (after.at - before.at);
  // A millisecond of today has few digits behind the point.
  return before.revision + Math.floor(share * (after.revision - before.revision) + 0.001);
}

/** A revision that can be seen. */
export function clampRevision(timeline: SessionTimeline, revision: number): number {
  return Math.min(Math.max(Math.round(revision), timeline.first), Math.max(timeline.revision, timeline.first));
}

/** The beginning of the phase before or after a revision: `-1` also goes back to the beginning of the one it is in. */
export function adjacentPhase(timeline: SessionTimeline, revision: number, by: 1 | -1): number | undefined {
  const begins = timeline.spans.map((span) => span.from.revision);
  return by > 0 ? begins.find((begin) => begin > revision) : begins.findLast((begin) => begin < revision);
}

/** The attempts at work at a revision. */
export function spansAt(timeline: SessionTimeline, revision: number): PhaseSpan[] {
  return timeline.spans.filter(({ from, to }) => from.revision <= revision && (to === undefined || to.revision > revision));
}
