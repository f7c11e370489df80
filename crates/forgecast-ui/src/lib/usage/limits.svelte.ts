// How much of each plan is used up, as the server reports it, while somebody looks.

import { address } from '../api/client';
import { FetchCache } from '../api/fetch-cache.svelte';
import type { LimitsReport, LimitWindow } from '../generated/wire';

const EVERY_MS = 15_000;

class Limits {
  readonly #asked = new FetchCache<LimitsReport>();

  get windows(): readonly LimitWindow[] {
    return this.#asked.value?.windows ?? [];
  }

  /** When it was last confirmed, by this machine's clock; 0 for never. */
  get confirmedAt(): number {
    return this.#asked.confirmedAt;
  }

  /** Keeps it fresh while the tab is visible, until the returned function is called. */
  watch(): () => void {
    return this.#asked.watch(address('/api/v1/limits', {}), EVERY_MS);
  }
}

export const limits = new Limits();
