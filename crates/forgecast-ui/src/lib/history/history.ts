// What the history is made of: days without holes, shares by model, how sessions ended, and the same as text for a
// spreadsheet. Pure: today is an argument.

import { COLORS, REST, type ChartSeries } from '../charts/chart';
import { total } from '../usage/usage';
import type { OutcomeRow, Outcomes, SessionRow, UsageAmount, UsageRow } from '../generated/wire';

/** How far back, in days; 0 is all there is. */
export const RANGES = ['7', '30', '90', '0'] as const;
export type Range = (typeof RANGES)[number];
export const RANGE_NAMES: Record<Range, string> = { '7': '7 days', '30': '30 days', '90': '90 days', '0': 'All' };

export type Metric = 'cost' | 'tokens';

/** More days than this are drawn as weeks. */
const MAX_DAYS = 200;
/** Models with a color of their own; the others are one. */
const MAX_MODELS = COLORS.length;
const OTHERS = 'Other models';

/** The calendar day of a moment, `2026-11-22`, in the viewer's zone. */
export function dayOf(ms: number): string {
  return new Date(ms).toLocaleDateString('sv-SE');
}

/** Midnight of a day in the viewer's zone. */
export function midnight(day: string): number {
  const [year = 1970, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date).getTime();
}

/** The first day of a range that ends today; undefined for all there is. */
export function sinceDay(range: Range, now: number): string | undefined {
  const days = Number(range);
  if (days === 0) return undefined;
  const date = new Date(now);
  date.setDate(date.getDate() - days + 1);
  return dayOf(date.getTime());
}

/** Every day from the first to the last, both included; none when they are not in order. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  const date = new Date(midnight(first));
  for (let day = first; day <= last && days.length < 5_000;) {
    days.push(day);
    date.setDate(date.getDate() + 1);
    day = dayOf(date.getTime());
  }
  return days;
}

/** The days that a chart shows: since the range's first, or for all of history since the first that has something. */
export function shownDays(range: Range, known: readonly string[], now: number): string[] {
  const today = dayOf(now);
  const last = known.reduce((latest, day) => (day > latest ? day : latest), today);
  const first = sinceDay(range, now) ?? known.reduce((earliest, day) => (day < earliest ? day : earliest), today);
  return daysBetween(first, last);
}

/** Points of time and, for each, the days that it stands for. */
export interface Buckets {
  x: number[];
  days: string[][];
  /** What one of them is: a day or a week. */
  each: 'day' | 'week';
}

export function buckets(days: readonly string[]): Buckets {
  const size = days.length > MAX_DAYS ? 7 : 1;
  const grouped: string[][] = [];
  // Weeks are counted back from today, so that the newest one is whole.
  for (let end = days.length; end > 0; end -= size) grouped.unshift(days.slice(Math.max(0, end - size), end));
  return { x: grouped.map(([first]) => midnight(first ?? '')), days: grouped, each: size === 7 ? 'week' : 'day' };
}

function amountOf(amount: UsageAmount, metric: Metric): number {
  return metric === 'cost' ? amount.cost_usd : total(amount);
}

/** Dollars, where any are known: tokens that cost nothing are tokens without a known price. */
export function known(amount: UsageAmount): number | undefined {
  const unpriced = amount.unpriced_calls ?? 0;
  const none = unpriced > 0 && unpriced === amount.calls;
  return none || (amount.cost_usd === 0 && total(amount) > 0) ? undefined : amount.cost_usd;
}

export function modelName(model: string): string {
  return model === '' ? 'Unknown model' : model;
}

/** One series per model, the one that used the most first; what is beyond the colors is one series. */
export function modelSeries(rows: readonly UsageRow[], { days }: Buckets, metric: Metric): ChartSeries[] {
  const perDay = new Map(rows.map((row) => [row.day ?? '', row.models ?? {}]));
  const sums = new Map<string, number>();
  for (const models of perDay.values()) {
    for (const [model, amount] of Object.entries(models)) sums.set(model, (sums.get(model) ?? 0) + amountOf(amount, metric));
  }
  const ranked = [...sums].filter(([, sum]) => sum > 0).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const own = ranked.slice(0, ranked.length > MAX_MODELS ? MAX_MODELS - 1 : MAX_MODELS).map(([model]) => model);
  const rest = ranked.slice(own.length).map(([model]) => model);
  const values = (models: readonly string[]) =>
    days.map((bucket) => bucket.reduce((sum, day) => models.reduce((sum, model) => sum + value(perDay.get(day)?.[model], metric), sum), 0));
  const series = own.map((model, at) => ({ label: modelName(model), color: COLORS[at] ?? REST, values: values([model]) }));
  return rest.length === 0 ? series : [...series, { label: OTHERS, color: REST, values: values(rest) }];
}

function value(amount: UsageAmount | undefined, metric: Metric): number {
  return amount === undefined ? 0 : amountOf(amount, metric);
}

/** How sessions ended, per bucket of time. */
export function outcomeSeries(rows: readonly OutcomeRow[], { days }: Buckets): ChartSeries[] {
  const perDay = new Map(rows.map((row) => [row.key, row]));
  const of = (field: 'completed' | 'failed' | 'abandoned') => days.map((bucket) => bucket.reduce((sum, day) => sum + (perDay.get(day)?.[field] ?? 0), 0));
  return [
    { label: 'completed', color: 'var(--good)', values: of('completed') },
    { label: 'failed', color: 'var(--bad)', values: of('failed') },
    { label: 'abandoned', color: 'var(--off)', values: of('abandoned') },
  ].filter(({ label, values }) => label !== 'abandoned' || values.some((count) => count > 0));
}

/** Completed of those that were completed or failed, 0 to 100; undefined when there is none. */
export function passRate(outcomes: Outcomes | undefined): number | undefined {
  const judged = (outcomes?.completed ?? 0) + (outcomes?.failed ?? 0);
  return judged === 0 ? undefined : ((outcomes?.completed ?? 0) / judged) * 100;
}

export function finishedCount(outcomes: Outcomes): number {
  return outcomes.completed + outcomes.failed + outcomes.abandoned;
}

/** How long a session took, milliseconds; undefined when its beginning or its end is not known. */
export function durationMs(row: SessionRow): number | undefined {
  const [from, to] = [row.started_at, row.ended_at].map((time) => (time === undefined ? Number.NaN : Date.parse(time)));
  return from === undefined || to === undefined || !(to >= from) ? undefined : to - from;
}

type Cell = string | number | undefined;

/** A table as comma-separated values (RFC 4180). Text that a spreadsheet would take for a formula is made text again. */
export function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell) => {
    if (value === undefined) return '';
    if (typeof value === 'number') return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** Usage as a table: one line per group and model. */
export function usageCsv(group: string, rows: readonly UsageRow[]): string {
  const head = [group, 'model', 'input', 'output', 'cache_write', 'cache_read', 'calls', 'unpriced_calls', 'cost_usd'];
  const key = (row: UsageRow) => (row as unknown as Record<string, string | undefined>)[group] ?? '';
  const line = (row: UsageRow, model: string, it: UsageAmount): Cell[] => [
    key(row),
    model,
    it.input,
    it.output,
    it.cache_write,
    it.cache_read,
    it.calls,
    it.unpriced_calls ?? 0,
    it.cost_usd,
  ];
  return csv(
    head,
    rows.flatMap((row) => {
      const models = Object.entries(row.models ?? {});
      return models.length === 0 ? [line(row, '', row)] : models.map(([model, amount]) => line(row, model, amount));
    }),
  );
}

/** Finished sessions as a table. */
export function sessionsCsv(rows: readonly SessionRow[]): string {
  return csv(
    ['id', 'name', 'project', 'status', 'duration_s', 'tests_passed', 'tests_failed', 'iteration', 'tokens', 'cost_usd', 'started_at', 'ended_at'],
    rows.map((row) => [
      row.id,
      row.name,
      row.project,
      row.status,
      durationMs(row) === undefined ? undefined : Math.round((durationMs(row) ?? 0) / 1_000),
      row.tests?.passed,
      row.tests?.failed,
      row.iteration,
      row.usage?.tokens,
      row.usage?.cost_usd,
      row.started_at,
      row.ended_at,
    ]),
  );
}
