// One topic as the page sees it: its state (deep and fine-grained, so that a patch touches only what it names), whether
// it is there, and when it was last confirmed. While nobody looks it is kept aside, up to date and unshown, however long.

import { mergePatchInto, isObject, reconcile, type JsonObject } from './merge-patch';
import type { RafBatch } from './raf-batch';
import type { Follower } from './socket';
import type { ErrorBody, SessionRow } from '../generated/wire';

/** What somebody besides the page learns of a topic. */
export interface TopicHandlers {
  /** Its canonical name. */
  onTopic?: (topic: string) => void;
  /** An event of it. */
  onEvent?: (event: unknown, topic: string) => void;
  /** The same the moment it comes, also while nobody looks. */
  onEventReceived?: (event: unknown, topic: string) => void;
  /** A row that changed, or is new, the moment it comes; `isFirst` says that it comes with the first index. */
  onRow?: (row: SessionRow, isFirst: boolean) => void;
}

export class TopicState<T extends object> implements Follower {
  /** The state; undefined until the first answer. Never wiped while reconnecting. */
  state = $state<T>();
  /** When what is shown was last confirmed, by this machine's clock; 0 for never. */
  confirmedAt = $state(0);
  /** Why it cannot be shown. */
  problem = $state<ErrorBody>();
  /** Grows with every change that is shown. */
  changes = $state(0);
  /** Whether its session was removed. */
  gone = $state(false);
  readonly #batch: RafBatch;
  readonly #handlers: TopicHandlers;
  /** The state as it is by now, plain, while nobody looks. */
  #background: JsonObject | undefined;
  /** When what is held was last confirmed. */
  #confirmed = 0;

  constructor(batch: RafBatch, handlers: TopicHandlers = {}) {
    this.#batch = batch;
    this.#handlers = handlers;
  }

  readonly #show = (): void => {
    if (this.#background) this.#write(this.#background);
    if (this.#confirmed > this.confirmedAt) this.confirmedAt = this.#confirmed;
  };

  snapshot(state: unknown, topic: string): void {
    if (this.#batch.hidden) this.replace(state);
    else this.#batch.add(() => this.#write(state));
    this.#handlers.onTopic?.(topic);
  }

  /** Shows another whole state, writing only what differs from the one before. */
  replace(state: unknown): void {
    // Changes of what is replaced must not be made to what replaces it.
    this.#batch.drain();
    if (!this.#batch.hidden || !isObject(state)) return this.#write(state);
    this.#background = state;
    this.#batch.once(this.#show);
  }

  #write(state: unknown): void {
    if (!isObject(state)) return;
    this.#background = undefined;
    this.problem = undefined;
    this.gone = false;
    this.changes += 1;
    if (this.state === undefined) this.state = state as T;
    else reconcile(this.state as JsonObject, state);
  }

  patch(patch: unknown): void {
    if (!isObject(patch)) return;
    if (this.#batch.hidden) this.#patchInBackground(patch);
    else this.#batch.add(() => this.#patchShown(patch));
  }

  #patchShown(patch: JsonObject): void {
    // Frames come again a moment after the tab is seen again: what was kept aside is not behind.
    if (this.#background) this.#write(this.#background);
    if (this.state === undefined) return;
    mergePatchInto(this.state as JsonObject, patch);
    this.changes += 1;
  }

  /** Changes what is kept aside, which begins as what is shown. */
  #patchInBackground(patch: JsonObject): void {
    this.#batch.drain();
    this.#background ??= $state.snapshot(this.state) as JsonObject | undefined;
    if (this.#background === undefined) return;
    mergePatchInto(this.#background, patch);
    this.#batch.once(this.#show);
  }

  event(event: unknown, topic: string): void {
    this.#batch.add(() => this.#handlers.onEvent?.(event, topic));
  }

  confirmed(): void {
    this.#confirmed = Date.now();
    if (this.#batch.hidden) this.#batch.once(this.#show);
    else this.confirmedAt = this.#confirmed;
  }

  removed(): void {
    this.#batch.add(() => (this.gone = true));
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
