// One answer of the server that is kept fresh while somebody looks: asked for every few seconds, conditionally, one request
// at a time, never while the tab is hidden. What was last known stays; its age is known.

import type { Address } from './client';
import { poll } from './poll';

export class FetchCache<T> {
  /** The last answer. */
  value = $state.raw<T>();
  /** When it was last confirmed, by this machine's clock; 0 for never. */
  confirmedAt = $state(0);
  /** The status of the last request, when it failed: 0 when there was no answer at all. */
  failed = $state<number>();
  /** What the answer belongs to: another address begins anew. */
  #url = '';

  /** Keeps the answer fresh until the returned function is called. */
  watch(url: Address<T>, everyMs: number): () => void {
    if (url !== this.#url) this.failed = undefined;
    this.#url = url;
    let stop: (() => void) | undefined;
    const adapt = () => {
      stop?.();
      stop = document.hidden ? undefined : this.#poll(url, everyMs);
    };
    document.addEventListener('visibilitychange', adapt);
    adapt();
    return () => {
      document.removeEventListener('visibilitychange', adapt);
      stop?.();
    };
  }

  #poll(url: Address<T>, everyMs: number): () => void {
    const confirmed = () => {
      this.confirmedAt = Date.now();
      this.failed = undefined;
    };
    return poll({
      url: () => url,
      everyMs,
      atOnce: true,
      fetch: (input, init) => fetch(input, init),
      onState: (body) => {
        this.value = body;
        confirmed();
      },
      onSame: confirmed,
      onFailure: (status) => (this.failed = status),
    });
  }
}
