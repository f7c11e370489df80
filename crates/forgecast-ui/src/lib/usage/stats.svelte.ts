// What all sessions together have used, as the server reports it, while somebody looks.

import { address } from '../api/client';
import { FetchCache } from '../api/fetch-cache.svelte';
import type { UsageReport } from '../generated/wire';

const EVERY_MS = 15_000;
/** Two answers that did not come make a report stale. */
export const STALE_MS = 2.5 * EVERY_MS;
const DAY_MS = 24 * 3_600_000;

class Stats {
  readonly #asked = new FetchCache<UsageReport>();

  get report(): UsageReport | undefined {
    return this.#asked.value;
  }

  /** When it was last confirmed, by this machine's clock; 0 for never. */
  get confirmedAt(): number {
    return this.#asked.confirmedAt;
  }

  /** Whether the last request failed. */
  get failed(): boolean {
    return this.#asked.failed !== undefined;
  }

  /** Keeps the report fresh while the tab is visible, until the returned function is called. */
  watch(): () => void {
    return this.#asked.watch(address('/api/v1/stats', { query: { group_by: 'day', since: lately() } }), EVERY_MS);
  }
}

/** A day that is today or before it wherever the server stands: the report then has today in it, and not all of history. */
function lately(): string {
  return new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10);
}

export const stats = new Stats();
