// The tokens of a session in its latest minutes, or in all of its life when it is over, for the small chart of its card:
// asked for now and then, since the index does not carry them.

import { get } from '../api/client';
import { ticker } from '../time/ticker.svelte';
import { parseSeries, sparkBars, type SparkBars } from './series';

const EVERY_MS = 30_000;

export class RecentMinutes {
  /** Undefined while nothing is known or nothing was used. */
  bars = $state.raw<SparkBars>();

  /** Asks for a session's minutes until the returned function is called; once only for one that is over. */
  watch(id: string, isAtWork: boolean): () => void {
    const abort = new AbortController();
    const ask = () => {
      if (!document.hidden) void this.#ask(id, isAtWork, abort.signal);
    };
    ask();
    const timer = isAtWork ? setInterval(ask, EVERY_MS) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }

  async #ask(id: string, isAtWork: boolean, signal: AbortSignal): Promise<void> {
    try {
      const query = { metric: 'tokens', resolution: 60 } as const;
      const { points } = await get('/api/v1/sessions/{id}/series', { path: { id }, query, signal });
      this.bars = sparkBars(parseSeries(points), isAtWork ? ticker.server : undefined);
    } catch {
      // The card says everything else; the chart comes with the next answer.
    }
  }
}
