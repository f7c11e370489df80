// Sees to it that a message is shown once: not again within a while, not in every tab, not to somebody who looks at that
// very session, and several at once as one. Knows neither the browser nor the page.

import { summary, type Message } from './notification-events';

/** The same of one session is not told again within this. */
export const COOL_DOWN_MS = 60_000;
/** So long messages are gathered, and other tabs may say that they are looked at. */
export const COLLECT_MS = 400;
/** More than this at once are one. */
const MAX_AT_ONCE = 3;
/** Tags that are remembered. */
const MAX_TAGS = 500;

export interface NotificationQueueHost {
  now(): number;
  later(run: () => void, ms: number): void;
  /** Whether this tab is the one of all that shows. */
  isLeader(): boolean;
  /** Whether somebody looks at this session in this tab. */
  isViewing(session: string): boolean;
  /** Tells the other tabs that somebody has seen what this tag is about. */
  announceSeen(tag: string): void;
  show(message: Message): void;
}

export class NotificationQueue {
  readonly #host: NotificationQueueHost;
  readonly #shown = new Map<string, number>();
  readonly #seen = new Map<string, number>();
  #pending: Message[] = [];

  constructor(host: NotificationQueueHost) {
    this.#host = host;
  }

  add(message: Message): void {
    if (message.session !== undefined && this.#host.isViewing(message.session)) {
      this.markSeen(message.tag);
      this.#host.announceSeen(message.tag);
      return;
    }
    this.#pending = [...this.#pending.filter(({ tag }) => tag !== message.tag), message];
    if (this.#pending.length === 1) this.#host.later(() => this.#show(), COLLECT_MS);
  }

  /** Somebody sees it in this tab or another one. */
  markSeen(tag: string): void {
    remember(this.#seen, tag, this.#host.now());
  }

  #show(): void {
    const now = this.#host.now();
    const recent = (times: Map<string, number>, tag: string) => now - (times.get(tag) ?? -Infinity) < COOL_DOWN_MS;
    const messages = this.#pending.filter(({ tag }) => !recent(this.#shown, tag) && !recent(this.#seen, tag));
    this.#pending = [];
    // A tab that is not the first remembers as well: it may be the first in the next moment.
    for (const { tag } of messages) remember(this.#shown, tag, now);
    if (!this.#host.isLeader()) return;
    if (messages.length > MAX_AT_ONCE) this.#host.show(summary(messages));
    else for (const message of messages) this.#host.show(message);
  }
}

function remember(times: Map<string, number>, tag: string, now: number): void {
  times.delete(tag);
  times.set(tag, now);
  for (const oldest of times.keys()) {
    if (times.size <= MAX_TAGS) break;
    times.delete(oldest);
  }
}
