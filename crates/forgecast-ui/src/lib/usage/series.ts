// What was used minute by minute over the whole of a session: the server's series, brought up to date by the minutes that
// the live view carries, so that nothing is asked for twice. Pure.

import { millis } from '../format';
import type { UsageMinute } from '../generated/wire';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Points of a chart: more than one can tell apart. */
const MAX_POINTS = 1_500;

/** Milliseconds that a point stands for, for a session of this length. */
export function seriesStep(lengthMs: number): number {
  if (lengthMs <= DAY) return MINUTE;
  const hours = [5, 15, 60, 240, 1_440].map((minutes) => minutes * MINUTE);
  return hours.find((step) => lengthMs / step <= MAX_POINTS) ?? DAY;
}

/** Series by the beginning of their step. */
export type Series = ReadonlyMap<number, number>;

/** A series as the server answers it. */
export function parseSeries(points: readonly (readonly [string, number])[]): Series {
  return new Map(points.flatMap(([at, value]) => (millis(at) === undefined ? [] : [[millis(at)!, value] as const])));
}

/**
 * The amounts with the live minutes in place of what they tell better. The minutes are the newest that something was used
 * in, so a step that begins with the oldest of them or later is all in them.
 */
export function withRecentMinutes(known: Series, recent: Record<string, UsageMinute> | undefined, step: number, of: (minute: UsageMinute) => number): Series {
  const minutes = Object.entries(recent ?? {}).flatMap(([at, minute]) => {
    const from = millis(at);
    return from === undefined ? [] : [[from, of(minute)] as const];
  });
  if (minutes.length === 0) return known;
  const oldest = Math.min(...minutes.map(([from]) => from));
  const whole = Math.ceil(oldest / step) * step;
  const merged = new Map([...known].filter(([from]) => from < whole));
  for (const [from, value] of minutes) {
    const begin = Math.floor(from / step) * step;
    if (begin >= whole) merged.set(begin, (merged.get(begin) ?? 0) + value);
  }
  return merged;
}

/** Whether minutes are missing between what is known and what the live view carries: then it has to be asked for again. */
export function hasGap(newestKnown: number | undefined, recent: Record<string, UsageMinute> | undefined): boolean {
  const minutes = Object.keys(recent ?? {});
  // With fewer than the most that are kept, none was left out.
  if (minutes.length < 60) return false;
  return newestKnown === undefined || Math.min(...minutes.map((at) => millis(at) ?? 0)) > newestKnown + MINUTE;
}

export interface SparkBars {
  /** Tokens per minute, the oldest first. */
  values: number[];
  /** Milliseconds that a bar stands for. */
  step: number;
  /** The end of the last bar. */
  until: number;
}

/** Bars of a small chart. */
const BARS = 60;

/**
 * Minutes as the bars of a small chart: the last hour before `now`, or the hour in which it worked of one that has been
 * still for longer. Without `now` it is over, and the bars span its life.
 */
export function sparkBars(minutes: Series, now: number | undefined): SparkBars | undefined {
  if (minutes.size === 0) return undefined;
  const newest = Math.max(...minutes.keys());
  const oldest = Math.min(...minutes.keys());
  const isStill = now === undefined || now - newest >= BARS * MINUTE;
  const until = (isStill ? newest : Math.floor(now / MINUTE) * MINUTE) + MINUTE;
  const length = now === undefined ? (until - oldest) / MINUTE : BARS;
  const each = Math.max(1, Math.ceil(length / BARS));
  const values = new Array<number>(Math.ceil(length / each)).fill(0);
  for (const [from, value] of minutes) {
    const at = values.length - 1 - Math.floor((until - MINUTE - from) / (each * MINUTE));
    if (at >= 0 && at < values.length) values[at]! += value / each;
  }
  return { values, step: each * MINUTE, until };
}

export interface ChartPoints {
  x: number[];
  values: number[];
  /** Milliseconds that a point stands for. */
  step: number;
}

/** One point for each step from the beginning of a session to its end, or to the moment that is shown; `sum` adds them up. */
export function chartPoints(series: Series, step: number, begin: number, end: number, sum: boolean): ChartPoints {
  const known = [...series].filter(([from]) => from <= end).sort(([a], [b]) => a - b);
  const earliest = known[0]?.[0];
  if (earliest === undefined) return { x: [], values: [], step };
  const first = Math.min(earliest, Math.floor(begin / step) * step);
  const last = Math.floor(end / step) * step;
  const by = new Map(known);
  const x: number[] = [];
  const values: number[] = [];
  let all = 0;
  // Beyond what was promised only if the steps are not what was asked for.
  const wide = Math.max(step, Math.ceil((last - first) / step / (2 * MAX_POINTS)) * step);
  for (let from = first; from <= last; from += wide) {
    let value = 0;
    for (let at = from; at < from + wide; at += step) value += by.get(at) ?? 0;
    all += value;
    x.push(from);
    values.push(sum ? all : (value * MINUTE) / wide);
  }
  return { x, values, step: wide };
}
