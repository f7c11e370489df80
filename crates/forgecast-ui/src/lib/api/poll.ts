// The stand-in for the socket: asks for one thing every few seconds, conditionally, and only while it is started.
// Never has two requests under way.

import type { Address } from './client';

export interface PollOptions<T> {
  /** The address for each request. */
  url(): Address<T>;
  everyMs: number;
  /** Asks the first time without waiting. */
  atOnce?: boolean;
  fetch: typeof fetch;
  /** A new state. */
  onState(body: T): void;
  /** Unchanged since the last answer. */
  onSame(): void;
  /** No answer, or one that is none: the HTTP status, 0 without one. */
  onFailure?(status: number): void;
}

/** Starts polling; the returned function stops it and abandons a request under way. */
export function poll<T>(options: PollOptions<T>): () => void {
  let etag: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const abort = new AbortController();

  async function once(): Promise<void> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (etag) headers['if-none-match'] = etag;
    const limit = AbortSignal.timeout(options.everyMs);
    const answer = await options.fetch(options.url(), {
      headers,
      cache: 'no-store',
      signal: AbortSignal.any([abort.signal, limit]),
    });
    if (stopped) return;
    if (answer.status === 304) return options.onSame();
    if (!answer.ok) return options.onFailure?.(answer.status);
    const body = (await answer.json()) as T;
    if (stopped) return;
    etag = answer.headers.get('etag');
    options.onState(body);
  }

  function plan(delay: number): void {
    timer = setTimeout(() => {
      once()
        // The server may be away: what is shown says how old it is, the next round tries again.
        .catch(() => {
          if (!stopped) options.onFailure?.(0);
        })
        .finally(() => {
          if (!stopped) plan(options.everyMs);
        });
    }, delay);
  }

  plan(options.atOnce ? 0 : options.everyMs);
  return () => {
    stopped = true;
    clearTimeout(timer);
    abort.abort();
  };
}
