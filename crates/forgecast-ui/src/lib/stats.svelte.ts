// What all sessions together have used, as the server reports it: asked for every fifteen seconds while somebody looks,
// conditionally, one request at a time. What was last known stays; its age is known.

import { apiPath } from './base';
import { live } from './live.svelte';
import { poll } from './poll';
import type { UsageReport } from './wire';

const EVERY_MS = 15_000;
/** Two answers that did not come make a report stale. */
export const STALE_MS = 2.5 * EVERY_MS;
const DAY_MS = 24 * 3_600_000;

class Stats {
  report = $state.raw<UsageReport>();
  /** When it was last confirmed, by this machine's clock; 0 for never. */
  confirmedAt = $state(0);
  /** Whether the last request failed. */
  failed = $state(false);

  /** Keeps the report fresh while the tab is visible, until the returned function is called. */
  watch(): () => void {
    let stop: (() => void) | undefined;
    const adapt = () => {
      stop?.();
      stop = document.hidden ? undefined : this.#poll();
    };
    document.addEventListener('visibilitychange', adapt);
    adapt();
    return () => {
      document.removeEventListener('visibilitychange', adapt);
      stop?.();
    };
  }

  #poll(): () => void {
    const confirmed = () => {
      this.confirmedAt = Date.now();
      this.failed = false;
    };
    return poll({
      url: `${apiPath(live.base, 'stats')}?${new URLSearchParams({ group_by: 'day', since: lately() })}`,
      everyMs: EVERY_MS,
      atOnce: true,
      fetch: (input, init) => fetch(input, init),
      onState: (body) => {
        this.report = body as UsageReport;
        confirmed();
      },
      onSame: confirmed,
      onFailure: () => (this.failed = true),
    });
  }
}

/** A day that is today or before it wherever the server stands: the report then has today in it, and not all of history. */
function lately(): string {
  return new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10);
}

export const stats = new Stats();
