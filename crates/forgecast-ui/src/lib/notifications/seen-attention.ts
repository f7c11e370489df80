// Which attention this browser was told of, by session and number, so that each is told once: over all tabs, and also when
// it came while no page was open. Pure; where it is kept is the notifier's matter.

import { isObject } from '../live/merge-patch';
import type { Attention, SessionRow } from '../generated/wire';

/** Sessions that are remembered one by one; of the others only how far they are known. */
const MAX_SESSIONS = 1_000;

interface Told {
  seq: number;
  since: string;
}

export class SeenAttention {
  readonly #told = new Map<string, Told>();
  /** What began until then is known. Undefined in a browser that was never here: what it finds is history. */
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
      for (const [session, told] of Object.entries(read['told'])) {
        if (isObject(told) && typeof told['seq'] === 'number' && typeof told['since'] === 'string') {
          this.#told.set(session, { seq: told['seq'], since: told['since'] });
        }
      }
    }
    this.#isFirstVisit = this.#until === undefined;
  }

  serialize(): string {
    return JSON.stringify({ until: this.#until ?? '', told: Object.fromEntries(this.#told) });
  }

  /** What of a row is to be told; the same is not told again. `isFirst` says that it comes with the first index. */
  take({ id, attention }: SessionRow, isFirst: boolean): Attention | undefined {
    if (attention === undefined) return undefined;
    const { seq, since } = attention;
    const told = this.#told.get(id);
    if (isFirst && this.#isFirstVisit) {
      this.#know(since);
      return undefined;
    }
    if (told === undefined ? since <= (this.#until ?? '') : seq <= told.seq) return undefined;
    this.#told.delete(id);
    this.#told.set(id, { seq, since });
    for (const [oldest, { since }] of this.#told) {
      if (this.#told.size <= MAX_SESSIONS) break;
      this.#told.delete(oldest);
      this.#know(since);
    }
    return attention;
  }

  #know(since: string): void {
    if (since > (this.#until ?? '')) this.#until = since;
  }
}
