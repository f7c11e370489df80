// How fresh a panel is: the time since what it shows was last confirmed by a message, a heartbeat or a poll.

export type Freshness = 'fresh' | 'aging' | 'stale' | 'unknown';

const AGING_MS = 5_000;
export const STALE_MS = 30_000;

/**
 * The level for something confirmed at `confirmedAt` (milliseconds; 0 = never), seen at `now`. What is confirmed only every
 * `everyMs` is as fresh until then as what is confirmed all the time.
 */
export function freshness(confirmedAt: number, now: number, everyMs = 0): Freshness {
  if (confirmedAt <= 0) return 'unknown';
  const age = now - confirmedAt - everyMs;
  if (age < AGING_MS) return 'fresh';
  return age < STALE_MS ? 'aging' : 'stale';
}
