// The course of a session as its scale of time draws it: attempts at phases, marks, and when each revision came. Pure.

import { millis } from '../format';
import type { MarkKind, PhaseStatus, Timeline } from '../generated/wire';

export interface Moment {
  revision: number;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface Span {
  phase: string;
  attempt: number;
  status: PhaseStatus;
  from: Moment;
  /** Undefined while it goes on. */
  to: Moment | undefined;
}

export interface Mark extends Moment {
  kind: MarkKind;
  label: string;
}

export interface Course {
  /** The oldest revision that can be seen. */
  first: number;
  /** The newest one that is known of. */
  revision: number;
  spans: readonly Span[];
  marks: readonly Mark[];
  /** Some of the revisions, the first and the last among them; times never go back. */
  times: readonly Moment[];
  leftOut: number;
}

const NOTHING: Course = { first: 1, revision: 0, spans: [], marks: [], times: [], leftOut: 0 };

/** What is known of a course after an answer that tells of what followed it (or of everything). */
export function extended(before: Course | undefined, timeline: Timeline): Course {
  const course = before ?? NOTHING;
  const spans = new Map(course.spans.map((span) => [`${span.attempt} ${span.phase}`, span]));
  for (const span of timeline.spans) {
    const to = span.ended_revision === undefined ? undefined : { revision: span.ended_revision, at: millis(span.ended_at) ?? 0 };
    spans.set(`${span.attempt} ${span.phase}`, {
      phase: span.phase,
      attempt: span.attempt,
      status: span.status,
      from: { revision: span.revision, at: millis(span.at) ?? 0 },
      to,
    });
  }
  const isNew = ({ revision }: { revision: number }) => revision > course.revision;
  const marks = timeline.marks.filter(isNew).map((mark) => ({ ...mark, at: millis(mark.at) ?? 0 }));
  const times = timeline.times.map(([revision, at]) => ({ revision, at: millis(at) ?? 0 })).filter(isNew);
  return {
    first: Math.max(course.first, timeline.first_revision),
    revision: Math.max(course.revision, timeline.revision),
    spans: [...spans.values()].sort((a, b) => a.from.revision - b.from.revision),
    marks: [...course.marks, ...marks],
    times: [...course.times, ...times],
    leftOut: course.leftOut + timeline.left_out,
  };
}

/** The place of the last item for which `isBefore` holds; items for which it holds come first. */
function lastWhere<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** When a revision came; between two known ones as if they had come evenly. */
export function timeOf(course: Course, revision: number): number | undefined {
  const place = lastWhere(course.times, (time) => time.revision <= revision);
  const before = course.times[Math.max(0, place)];
  const after = course.times[place + 1];
  if (!before || !after || place < 0) return before?.at;
  const share = (revision - before.revision) / (after.revision - before.revision);
  return before.at + share * (after.at - before.at);
}

/** The revision that was shown at a time; the first one before the beginning. */
export function revisionAt(course: Course, ms: number): number {
  const place = lastWhere(course.times, (time) => time.at <= ms);
  const before = course.times[Math.max(0, place)];
  const after = course.times[place + 1];
  if (!before) return course.first;
  if (!after || place < 0 || after.at <= before.at) return before.revision;
  const share = (ms - before.at) / (after.at - before.at);
  // A millisecond of today has few digits behind the point.
  return before.revision + Math.floor(share * (after.revision - before.revision) + 0.001);
}

/** A revision that can be seen. */
export function clamped(course: Course, revision: number): number {
  return Math.min(Math.max(Math.round(revision), course.first), Math.max(course.revision, course.first));
}

/** The beginning of the phase before or after a revision: `-1` also goes back to the beginning of the one it is in. */
export function phaseFrom(course: Course, revision: number, by: 1 | -1): number | undefined {
  const begins = course.spans.map((span) => span.from.revision);
  return by > 0 ? begins.find((begin) => begin > revision) : begins.findLast((begin) => begin < revision);
}

/** The attempts at work at a revision. */
export function spansAt(course: Course, revision: number): Span[] {
  return course.spans.filter(({ from, to }) => from.revision <= revision && (to === undefined || to.revision > revision));
}
