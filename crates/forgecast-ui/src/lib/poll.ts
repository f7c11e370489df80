// The stand-in for the socket: asks for one thing every few seconds, conditionally, and only while it is started.
// Never has two requests under way.

export interface PollOptions {
  url: string;
  everyMs: number;
  fetch: typeof fetch;
  /** A new state. */
  onState(body: unknown): void;
  /** Unchanged since the last answer. */
  onSame(): void;
}

/** Starts polling; the returned function stops it and abandons a request under way. */
export function poll(options: PollOptions): () => void {
  let etag: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const abort = new AbortController();

  async function once(): Promise<void> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (etag) headers['if-none-match'] = etag;
    const limit = AbortSignal.timeout(options.everyMs);
    const answer = await options.fetch(options.url, {
      headers,
      cache: 'no-store',
      signal: AbortSignal.any([abort.signal, limit]),
    });
    if (stopped) return;
    if (answer.status === 304) return options.onSame();
    if (!answer.ok) return;
    const body: unknown = await answer.json();
    if (stopped) return;
    etag = answer.headers.get('etag');
    options.onState(body);
  }

  function plan(): void {
    timer = setTimeout(() => {
      once()
        // The server may be away: the panels' age says so, the next round tries again.
        .catch(() => undefined)
        .finally(() => {
          if (!stopped) plan();
        });
    }, options.everyMs);
  }

  plan();
  return () => {
    stopped = true;
    clearTimeout(timer);
    abort.abort();
  };
}
