// Sees to it that a message is shown once: not again within a while, not in every tab, not to somebody who looks at that
// very session, and several at once as one. Knows neither the browser nor the page.

import { summary, type Message } from './notification-events';

/** The same of one session is not told again within this. */
export const COOL_DOWN_MS = 60_000;
/** So long messages are gathered, and other tabs may say that they are looked at. */
export const GATHER_MS = 400;
/** More than this at once are one. */
const MOST_AT_ONCE = 3;
/** Tags that are remembered. */
const MOST_TAGS = 500;

export interface CourierHost {
  now(): number;
  later(run: () => void, ms: number): void;
  /** Whether this tab is the one of all that shows. */
  leads(): boolean;
  /** Whether somebody looks at this session in this tab. */
  looksAt(session: string): boolean;
  /** Tells the other tabs that somebody has seen what this tag is about. */
  tellSeen(tag: string): void;
  show(message: Message): void;
}

export class Courier {
  readonly #host: CourierHost;
  readonly #shown = new Map<string, number>();
  readonly #seen = new Map<string, number>();
  #gathered: Message[] = [];

  constructor(host: CourierHost) {
    this.#host = host;
  }

  bring(message: Message): void {
    if (message.session !== undefined && this.#host.looksAt(message.session)) {
      this.seen(message.tag);
      this.#host.tellSeen(message.tag);
      return;
    }
    this.#gathered = [...this.#gathered.filter(({ tag }) => tag !== message.tag), message];
    if (this.#gathered.length === 1) this.#host.later(() => this.#show(), GATHER_MS);
  }

  /** Somebody sees it in this tab or another one. */
  seen(tag: string): void {
    remember(this.#seen, tag, this.#host.now());
  }

  #show(): void {
    const now = this.#host.now();
    const recent = (times: Map<string, number>, tag: string) => now - (times.get(tag) ?? -Infinity) < COOL_DOWN_MS;
    const messages = this.#gathered.filter(({ tag }) => !recent(this.#shown, tag) && !recent(this.#seen, tag));
    this.#gathered = [];
    // A tab that is not the first remembers as well: it may be the first in the next moment.
    for (const { tag } of messages) remember(this.#shown, tag, now);
    if (!this.#host.leads()) return;
    if (messages.length > MOST_AT_ONCE) this.#host.show(summary(messages));
    else for (const message of messages) this.#host.show(message);
  }
}

function remember(times: Map<string, number>, tag: string, now: number): void {
  times.delete(tag);
  times.set(tag, now);
  for (const oldest of times.keys()) {
    if (times.size <= MOST_TAGS) break;
    times.delete(oldest);
  }
}
