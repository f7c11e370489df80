// Which attention this browser has shown already, by session and number, so that each is shown once: over all tabs, and also
// when it came while no page was open. Pure; the notifier stores it.

import { isObject } from '../live/merge-patch';
import type { Attention, SessionRow } from '../generated/wire';

/** Sessions that are remembered one by one; for the others one time stands for all that is older. */
const MAX_SESSIONS = 1_000;

interface Seen {
  seq: number;
  since: string;
}

export class SeenAttention {
  readonly #seen = new Map<string, Seen>();
  /** What began until then was seen. Undefined in a browser that was never here: what it finds is history. */
  #until: string | undefined;
  readonly #isFirstVisit: boolean;

  /** `text` is what `serialize` gave; anything else is a first visit. */
  constructor(text: string | null) {
    let read: unknown;
    try {
      read = JSON.parse(text ?? '');
    } catch {
      // A first visit.
    }
    if (isObject(read) && typeof read['until'] === 'string' && isObject(read['told'])) {
      this.#until = read['until'];
      for (const [session, seen] of Object.entries(read['told'])) {
        if (isObject(seen) && typeof seen['seq'] === 'number' && typeof seen['since'] === 'string') {
          this.#seen.set(session, { seq: seen['seq'], since: seen['since'] });
        }
      }
    }
    this.#isFirstVisit = this.#until === undefined;
  }

  serialize(): string {
    return JSON.stringify({ until: this.#until ?? '', told: Object.fromEntries(this.#seen) });
  }

  /** The attention of a row that is to be shown now; the same one is returned once. `isFirst`: the row is of the first index. */
  take({ id, attention }: SessionRow, isFirst: boolean): Attention | undefined {
    if (attention === undefined) return undefined;
    const { seq, since } = attention;
    const seen = this.#seen.get(id);
    if (isFirst && this.#isFirstVisit) {
      this.#markSeen(since);
      return undefined;
    }
    if (seen === undefined ? since <= (this.#until ?? '') : seq <= seen.seq) return undefined;
    this.#seen.delete(id);
    this.#seen.set(id, { seq, since });
    for (const [oldest, { since }] of this.#seen) {
      if (this.#seen.size <= MAX_SESSIONS) break;
      this.#seen.delete(oldest);
      this.#markSeen(since);
    }
    return attention;
  }

  #markSeen(since: string): void {
    if (since > (this.#until ?? '')) this.#until = since;
  }
}
