// The sessions that are over, a page at a time: as many as somebody has scrolled to, never all of them at once.

import { ApiError, get } from '../api/client';
import type { SessionList, SessionRow } from '../generated/wire';

export type FinishedSort = 'ended' | 'name' | 'duration' | 'tokens' | 'cost';
export type Outcome = 'completed' | 'failed' | 'abandoned';
export const OUTCOMES: readonly Outcome[] = ['completed', 'failed', 'abandoned'];

export interface FinishedQuery {
  outcomes: readonly Outcome[];
  sort: FinishedSort;
  project: string | undefined;
  text: string;
  /** A moment, RFC 3339: what ended before it is left out. */
  since: string | undefined;
}

const PAGE = 100;
/** For a file with all of them. */
const LARGE_PAGE = 1_000;

function page(query: FinishedQuery, limit: number, cursor: string | undefined, signal?: AbortSignal): Promise<SessionList> {
  return get('/api/v1/sessions', {
    query: {
      status: [...query.outcomes],
      sort: query.sort,
      project: query.project,
      q: query.text.trim() || undefined,
      since: query.since,
      limit,
      cursor,
    },
    cache: 'no-store',
    ...(signal && { signal }),
  });
}

export class FinishedSessions {
  rows = $state.raw<readonly SessionRow[]>([]);
  /** Whether there are more than those. */
  more = $state(true);
  loading = $state(false);
  /** The status of the request that failed; 0 when there was no answer. */
  failed = $state<number>();
  #query: FinishedQuery | undefined;
  #cursor: string | undefined;
  #abort = new AbortController();

  /** Begins anew with another query, or with what is new; what is shown stays until its answer is there. */
  async begin(query: FinishedQuery): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#query = query;
    this.#cursor = undefined;
    this.loading = false;
    if (query.outcomes.length === 0) {
      this.rows = [];
      this.more = false;
      return;
    }
    await this.#load([]);
  }

  /** The next page, unless it is on its way or there is none. */
  async next(): Promise<void> {
    if (this.loading || !this.more || this.#query === undefined) return;
    await this.#load(this.rows);
  }

  async #load(before: readonly SessionRow[]): Promise<void> {
    const query = this.#query;
    const signal = this.#abort.signal;
    if (query === undefined) return;
    this.loading = true;
    try {
      const { sessions, next_cursor } = await page(query, PAGE, this.#cursor, signal);
      if (signal.aborted) return;
      // A session that worked again meanwhile may stand on two pages.
      const known = new Set(before.map(({ id }) => id));
      this.rows = [...before, ...sessions.filter(({ id }) => !known.has(id))];
      this.#cursor = next_cursor;
      this.more = next_cursor !== undefined;
      this.failed = undefined;
    } catch (error) {
      if (!signal.aborted) this.failed = error instanceof ApiError ? error.status : 0;
    } finally {
      if (!signal.aborted) this.loading = false;
    }
  }

  stop(): void {
    this.#abort.abort();
  }
}

/** All sessions that a query means, for a file. */
export async function allFinished(query: FinishedQuery): Promise<SessionRow[]> {
  const rows: SessionRow[] = [];
  let cursor: string | undefined;
  do {
    const next = await page(query, LARGE_PAGE, cursor);
    rows.push(...next.sessions);
    cursor = next.next_cursor;
  } while (cursor !== undefined);
  return rows;
}
