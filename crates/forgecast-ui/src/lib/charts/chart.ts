// What a chart shows, and the arithmetic of it. Pure: it knows no library that draws.

/** One line, area or part of a bar. */
export interface ChartSeries {
  /** What its reader calls it; labels of one chart differ. */
  label: string;
  /** A CSS color, usually a variable of the theme: `var(--accent)`. */
  color: string;
  /** One value per point of time; null where there is none. */
  values: readonly (number | null)[];
}

export type ChartKind = 'bars' | 'lines' | 'area' | 'steps';

/** Everything that a chart is made from. */
export interface ChartSpec {
  kind: ChartKind;
  /** Milliseconds since the epoch, ascending. */
  x: readonly number[];
  series: readonly ChartSeries[];
  /** Each series stands on those before it. */
  stacked: boolean;
  /** A value at the axis, short. */
  tick: (value: number) => string;
  /** A time at the axis; `stepMs` is the distance of two ticks. */
  time: (ms: number, stepMs: number) => string;
  /** Whether a point stands for a day: ticks then stand at days only. */
  days: boolean;
  /** Milliseconds that a point stands for, if it is known. */
  step?: number | undefined;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Colors for what has none of its own, told apart in both themes; the last one is for the rest. */
export const COLORS = ['builder', 'scout', 'test', 'architect', 'screenshot', 'documentation', 'deploy', 'feedback'].map((phase) => `var(--phase-${phase})`);
export const REST = 'var(--phase-other)';

/** The series with each standing on those before it. What has no value adds nothing. */
export function stacked(series: readonly (readonly (number | null)[])[]): number[][] {
  const heights: number[] = [];
  return series.map((values) =>
    values.map((value, at) => {
      const height = (heights[at] ?? 0) + (value ?? 0);
      heights[at] = height;
      return height;
    }),
  );
}

/** Whether there is anything to draw: a value, and for amounts one that is not zero. */
export function isEmpty(x: readonly number[], series: readonly ChartSeries[]): boolean {
  return x.length === 0 || series.every(({ values }) => values.every((value) => value === null || value === 0));
}

/** Which points a text of the chart names: all, or evenly chosen ones with the first and the last among them. */
export function sampled(points: number, most: number): number[] {
  if (points <= most) return Array.from({ length: points }, (_, at) => at);
  return Array.from({ length: most }, (_, at) => Math.round((at * (points - 1)) / (most - 1)));
}

/** `14:03`, `Nov 22`, `Jan 2026`: what tells two ticks of this distance apart. */
export function axisTime(ms: number, stepMs: number): string {
  const date = new Date(ms);
  if (stepMs < 1_000 * 60) return date.toLocaleTimeString('en-GB');
  if (stepMs < DAY) {
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    return midnight ? dayName(date) : date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  }
  return stepMs < 28 * DAY ? dayName(date) : date.toLocaleDateString('en-US', { month: 'short', year: 'numeric' });
}

function dayName(date: Date): string {
  return date.toLocaleDateString('en-US', { month: 'short', day: 'numeric' });
}

/** Where a bubble of `width` goes whose middle would be at `x`, so that it stays within `whole`. */
export function bubble(x: number, width: number, whole: number): number {
  return Math.max(0, Math.min(whole - width, x - width / 2));
}
