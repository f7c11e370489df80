// What is worked out from a session's usage by whoever looks at it: shares, the burn rate and when a budget is used up.
// Pure: "now" is always the server's time as an argument, because nothing in a view ticks by itself.

import { millis } from '../format';
import type { BudgetLevel, SourceUsage, TokenCounts, Usage, UsageMinute, UsageShare, UsageSource, WindowSource } from '../generated/wire';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Over how long a burn rate is measured. */
const BURN_WINDOW_MS = 10 * MINUTE;
/** How much has to be known before anything is projected. */
const PROJECTION_MS = 30 * MINUTE;
/** No projection looks back further. */
const LONGEST_PROJECTION_MS = 2 * HOUR;
/** Minutes that the small chart shows. */
const SPARK_MINUTES = 60;
/** Beyond this a projection says more than anybody can know. */
const FORESEEABLE_MS = 7 * 24 * HOUR;

export type Tone = 'good' | 'warn' | 'bad';
export const TONES: Record<BudgetLevel, Tone> = { safe: 'good', warning: 'warn', critical: 'bad', exceeded: 'bad' };

/** What each source is, for those who wonder where a number comes from. */
export const SOURCE_DESCRIPTIONS: Record<UsageSource, string> = {
  transcript: 'Counted call by call in the agent’s transcript',
  otel: 'Reported by the agent’s telemetry (OpenTelemetry)',
  hook: 'Confirmed by the agent’s hooks, which report calls without tokens',
  reported: 'Reported by another producer',
  estimated: 'Estimated by somebody, not part of the sum',
};

const WINDOW_SOURCES: Record<WindowSource, string> = {
  record: 'as the agent reports',
  model: 'the window of the model',
  observed: 'the most seen so far',
};

/** Who says how large the context window is. */
export function windowSource(from: WindowSource | undefined): string {
  return from ? WINDOW_SOURCES[from] : 'assumed for an unknown model';
}

/** Tokens of all types. */
export function total(tokens: TokenCounts): number {
  return tokens.input + tokens.output + tokens.cache_read + tokens.cache_write;
}

/** Which part of what the model was given came from the cache, 0 to 100; undefined when it was given nothing. */
export function cacheHits(tokens: TokenCounts): number | undefined {
  const given = tokens.input + tokens.cache_read + tokens.cache_write;
  return given > 0 ? (tokens.cache_read / given) * 100 : undefined;
}

/** The shares with the most tokens first, by name where they are equal. */
export function bySize(shares: Record<string, UsageShare> | undefined): [string, UsageShare][] {
  return Object.entries(shares ?? {}).sort(([aName, a], [bName, b]) => total(b) - total(a) || (aName < bName ? -1 : 1));
}

export interface Burn {
  tokensPerMinute: number;
  /** Undefined when none of it has a price. */
  usdPerHour: number | undefined;
  /** Over how long it was measured, milliseconds. */
  windowMs: number;
}

type Minutes = Record<string, UsageMinute> | undefined;

/**
 * How fast tokens and money went in the last ten minutes, or since the first call if that is less long ago. A minute that
 * leaves the window counts in part, so that the rate sinks steadily; undefined when nothing is left in it: idle.
 */
export function burn(recent: Minutes, now: number): Burn | undefined {
  const { tokens, usd, first } = used(recent, now, BURN_WINDOW_MS);
  if (tokens <= 0 && !usd) return undefined;
  const windowMs = Math.min(BURN_WINDOW_MS, Math.max(MINUTE, now - first));
  return {
    tokensPerMinute: tokens / (windowMs / MINUTE),
    usdPerHour: usd === undefined ? undefined : usd / (windowMs / HOUR),
    windowMs,
  };
}

/** What was used in the last `windowMs`, and when the first minute that is known began. */
function used(recent: Minutes, now: number, windowMs: number): { tokens: number; usd: number | undefined; first: number } {
  let tokens = 0;
  let usd: number | undefined;
  let first = now;
  for (const [beginning, minute] of Object.entries(recent ?? {})) {
    const from = millis(beginning);
    if (from === undefined || from > now + MINUTE) continue;
    first = Math.min(first, from);
    const inside = Math.min(1, (from + MINUTE - (now - windowMs)) / MINUTE);
    if (inside <= 0) continue;
    tokens += minute.tokens * inside;
    if (minute.cost_usd !== undefined) usd = (usd ?? 0) + minute.cost_usd * inside;
  }
  return { tokens, usd, first };
}

export interface Range {
  low: number;
  high: number;
}

/**
 * Between which rates money may go on, dollars per hour: the lowest and the highest of the last ten minutes, half an hour
 * and the minutes that the view carries, at most two hours. Undefined before half an hour is known, and when nothing had a price.
 */
export function projectedRates(recent: Minutes, now: number): Range | undefined {
  const { usd, first } = used(recent, now, Infinity);
  const known = Math.min(now - first, LONGEST_PROJECTION_MS);
  if (usd === undefined || known < PROJECTION_MS) return undefined;
  const rates = [BURN_WINDOW_MS, PROJECTION_MS, known].map((windowMs) => (used(recent, now, windowMs).usd ?? 0) / (windowMs / HOUR));
  return { low: Math.min(...rates), high: Math.max(...rates) };
}

/** Tokens of each of the minutes up to and with the one of `now`, the oldest first. */
export function minuteValues(recent: Minutes, now: number, minutes = SPARK_MINUTES): number[] {
  const values = new Array<number>(minutes).fill(0);
  const last = Math.floor(now / MINUTE);
  for (const [beginning, minute] of Object.entries(recent ?? {})) {
    const from = millis(beginning);
    if (from === undefined) continue;
    const at = minutes - 1 - (last - Math.floor(from / MINUTE));
    if (at >= 0 && at < minutes) values[at] = (values[at] ?? 0) + minute.tokens;
  }
  return values;
}

/** The newest minute in which anything was used, its beginning. */
export function newestMinute(recent: Minutes): number | undefined {
  const times = minuteTimes(recent);
  return times.length === 0 ? undefined : Math.max(...times);
}

/** The oldest minute that is known, its beginning. */
export function oldestMinute(recent: Minutes): number | undefined {
  const times = minuteTimes(recent);
  return times.length === 0 ? undefined : Math.min(...times);
}

function minuteTimes(recent: Minutes): number[] {
  return Object.keys(recent ?? {}).flatMap((beginning) => millis(beginning) ?? []);
}

/** Bars of a chart of 1 × 1 per value as the `d` of a path; `1` is the highest value. */
export function barsPath(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value, at) => (value > 0 ? `M${at + 0.1} 1V${round(1 - Math.max(0.06, value / most))}h.8V1z` : '')).join('');
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** How long until `limit` is spent at this rate, milliseconds; undefined without a rate, or when it is spent already. */
export function untilSpent(spent: number, limit: number, usdPerHour: number | undefined): number | undefined {
  if (usdPerHour === undefined || usdPerHour <= 0 || spent >= limit) return undefined;
  const ms = ((limit - spent) / usdPerHour) * HOUR;
  return ms > FORESEEABLE_MS ? undefined : ms;
}

/** How near a limit is: the levels that the server uses. */
export function level(spent: number, limit: number): BudgetLevel {
  const share = limit > 0 ? spent / limit : 1;
  return share >= 1 ? 'exceeded' : share >= 0.75 ? 'critical' : share >= 0.5 ? 'warning' : 'safe';
}

export interface CostDescription {
  /** Dollars, of what has a price. */
  usd: number | undefined;
  /** Some of it has no price: the dollars are a lower bound. */
  atLeast: boolean;
  /** There are tokens, and none has a price. */
  none: boolean;
}

/** What is known of the cost of something. */
export function describeCost(usd: number | undefined, complete: boolean, tokens: number): CostDescription {
  const none = tokens > 0 && usd === undefined;
  return { usd, none, atLeast: usd !== undefined && !complete && tokens > 0 };
}

/** The sources that name numbers, beside each other, the best one first. */
export function usageBySource(usage: Usage): [UsageSource, SourceUsage][] {
  const order = Object.keys(SOURCE_DESCRIPTIONS);
  const all = Object.entries(usage.by_source ?? {}) as [UsageSource, SourceUsage][];
  return all.filter(([, share]) => total(share) > 0).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
}
