// The tokens of a session in its latest minutes, for the small chart of its card: asked for now and then, since the index
// does not carry them.

import { get } from '../api/client';
import { millis } from '../format';
import { ticker } from '../time/ticker.svelte';

const MINUTE = 60_000;
const SHOWN = 60;
const EVERY_MS = 30_000;

export class RecentMinutes {
  /** Tokens per minute, the oldest first; undefined while nothing is known or nothing was used. */
  values = $state.raw<readonly number[]>();
  until = $state(0);

  /** Asks for a session's minutes until the returned function is called; once only for one that is over. */
  watch(id: string, isAtWork: boolean): () => void {
    const abort = new AbortController();
    const ask = () => {
      if (!document.hidden) void this.#ask(id, abort.signal);
    };
    ask();
    const timer = isAtWork ? setInterval(ask, EVERY_MS) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }

  async #ask(id: string, signal: AbortSignal): Promise<void> {
    try {
      const query = { metric: 'tokens', resolution: MINUTE / 1_000 } as const;
      const { points } = await get('/api/v1/sessions/{id}/series', { path: { id }, query, signal });
      const known = new Map(points.map(([at, value]) => [Math.floor((millis(at) ?? 0) / MINUTE), value]));
      if (known.size === 0) return;
      const last = Math.max(...known.keys());
      const now = Math.floor(ticker.server / MINUTE);
      // Of one that has been still for an hour, the hour in which it worked.
      const end = now - last < SHOWN ? now : last;
      this.values = Array.from({ length: SHOWN }, (_, at) => known.get(end - SHOWN + 1 + at) ?? 0);
      this.until = (end + 1) * MINUTE;
    } catch {
      // The card says everything else; the chart comes with the next answer.
    }
  }
}
